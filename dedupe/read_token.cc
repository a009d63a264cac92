#include "dedupe/read_token.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/utc_text.h"
#include "proto/reason.h"

namespace braid {
namespace {

constexpr char kFormat = 2;
// Format, kind, sequence, time, hash, chain; then the log id, then the checksum.
constexpr size_t kFixedBytes = 2 + 8 + 8 + 8 + 8;
constexpr size_t kChecksumBytes = 4;
// A cursor is about 70 characters; longer ones are not ours.
constexpr size_t kTextMax = 1024;

uint32_t Checksum(absl::string_view bytes) {
  return static_cast<uint32_t>(Hash64(absl::StrCat("braid read token", bytes)));
}

absl::Status Bad(ReadToken::Kind kind) {
  return ReasonError(absl::StatusCode::kInvalidArgument,
                     kind == ReadToken::Kind::kCursor ? "cursor is damaged or not a cursor"
                                                      : "page_token is damaged or not a token",
                     {kind == ReadToken::Kind::kCursor ? "CURSOR_INVALID" : "PAGE_TOKEN_INVALID",
                      {}});
}

}  // namespace

std::string EncodeReadToken(const ReadToken& token) {
  std::string bytes;
  bytes.push_back(kFormat);
  bytes.push_back(static_cast<char>(token.kind));
  AppendBe64(&bytes, token.next_sequence);
  AppendBe64(&bytes, token.delivered_time == absl::InfinitePast()
                         ? 0
                         : static_cast<uint64_t>(absl::ToUnixMicros(token.delivered_time)));
  AppendBe64(&bytes, token.arguments_hash);
  AppendBe64(&bytes, token.chain);
  bytes += token.log_id;
  AppendBe32(&bytes, Checksum(bytes));
  return absl::WebSafeBase64Escape(bytes);
}

absl::StatusOr<ReadToken> DecodeReadToken(ReadToken::Kind kind, absl::string_view text) {
  std::string bytes;
  if (text.size() > kTextMax || !absl::WebSafeBase64Unescape(text, &bytes) ||
      bytes.size() < kFixedBytes + kChecksumBytes) {
    return Bad(kind);
  }
  absl::string_view body(bytes.data(), bytes.size() - kChecksumBytes);
  if (ReadBe32(absl::string_view(bytes).substr(body.size())) != Checksum(body) ||
      body[0] != kFormat || body[1] != static_cast<char>(kind)) {
    return Bad(kind);
  }
  ReadToken token;
  token.kind = kind;
  token.next_sequence = ReadBe64(body.substr(2));
  uint64_t micros = ReadBe64(body.substr(10));
  if (micros != 0) token.delivered_time = absl::FromUnixMicros(static_cast<int64_t>(micros));
  token.arguments_hash = ReadBe64(body.substr(18));
  token.chain = ReadBe64(body.substr(26));
  token.log_id = std::string(body.substr(kFixedBytes));
  return token;
}

absl::Status CheckLogId(const ReadToken& token, const store::v1::Identity& identity) {
  if (token.log_id == identity.log_id()) return absl::OkStatus();
  Reason reason{"LOG_EPOCH_CHANGED",
                {{"requested_log_id", token.log_id}, {"log_id", identity.log_id()}}};
  std::string message = absl::StrCat("the position belongs to log ", token.log_id,
                                     ", this is log ", identity.log_id());
  const store::v1::Identity::Ancestor* ancestor = nullptr;
  uint64_t kept_until = token.next_sequence;
  for (const store::v1::Identity::Ancestor& one : identity.ancestors()) {
    if (one.log_id() == token.log_id) ancestor = &one;
    // What a later one lost is lost to its ancestors too.
    if (ancestor != nullptr) kept_until = std::min(kept_until, one.kept_until_sequence());
  }
  if (ancestor == nullptr) {
    return ReasonError(
        absl::StatusCode::kOutOfRange,
        absl::StrCat(message, ": it was made anew, start again by time or at the earliest"),
        reason);
  }
  uint64_t lost_until = std::max(ancestor->lost_until_sequence(), token.next_sequence);
  reason.metadata["lost_from_sequence"] = absl::StrCat(kept_until);
  reason.metadata["lost_until_sequence"] = absl::StrCat(lost_until);
  reason.metadata["resume_sequence"] = absl::StrCat(kept_until);
  reason.metadata["lost_from_time"] = UtcText(absl::FromUnixMicros(ancestor->lost_from_micros()));
  reason.metadata["lost_until_time"] = UtcText(absl::FromUnixMicros(ancestor->lost_until_micros()));
  return ReasonError(absl::StatusCode::kOutOfRange,
                     absl::StrCat(message, ", which was restored or lost its end: sequences ",
                                  kept_until, " to ", lost_until - 1,
                                  " of the former are gone or stand elsewhere. Go on at ",
                                  kept_until),
                     reason);
}

}  // namespace braid
