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
// Format, kind, sequence, time, hash, chain; then what is of the order, then the
// log id, then the checksum.
constexpr size_t kFixedBytes = 2 + 8 + 8 + 8 + 8;
constexpr size_t kChecksumBytes = 4;
// In creation order, before the log id: two sequences, length of the key.
constexpr size_t kCreationBytes = 8 + 8 + 1;
// A cursor is about 70 characters, in creation order 130; longer ones are not ours.
constexpr size_t kTextMax = 1024;

uint32_t Checksum(absl::string_view bytes) {
  return static_cast<uint32_t>(Hash64(absl::StrCat("braid read token", bytes)));
}

using Kind = ReadToken::Kind;

bool IsCursor(Kind kind) { return kind == Kind::kCursor || kind == Kind::kCreationCursor; }
bool IsOfCreation(Kind kind) {
  return kind == Kind::kCreationCursor || kind == Kind::kCreationPage;
}

absl::Status Bad(Kind kind) {
  return ReasonError(
      absl::StatusCode::kInvalidArgument,
      IsCursor(kind) ? "cursor is damaged or not a cursor" : "page_token is damaged or not a token",
      {IsCursor(kind) ? "CURSOR_INVALID" : "PAGE_TOKEN_INVALID", {}});
}

absl::Status OfOtherOrder(Kind wanted) {
  absl::string_view order = IsOfCreation(wanted) ? "arrival" : "creation";
  return ReasonError(absl::StatusCode::kInvalidArgument,
                     absl::StrCat("the position is one in ", order, " order: ask for that order"),
                     {IsCursor(wanted) ? "CURSOR_INVALID" : "PAGE_TOKEN_INVALID", {}});
}

void AppendCreation(const ReadToken& token, std::string* bytes) {
  AppendBe64(bytes, token.strays_until);
  AppendBe64(bytes, token.first_sequence);
  bytes->push_back(static_cast<char>(token.from_key.size()));
  *bytes += token.from_key;
}

// Takes its bytes from the front.
bool TakeCreation(absl::string_view* bytes, ReadToken* token) {
  if (bytes->size() < kCreationBytes) return false;
  token->strays_until = ReadBe64(*bytes);
  token->first_sequence = ReadBe64(bytes->substr(8));
  size_t key_bytes = static_cast<uint8_t>((*bytes)[16]);
  bytes->remove_prefix(kCreationBytes);
  if (bytes->size() < key_bytes) return false;
  token->from_key = std::string(bytes->substr(0, key_bytes));
  bytes->remove_prefix(key_bytes);
  return true;
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
  if (IsOfCreation(token.kind)) AppendCreation(token, &bytes);
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
      body[0] != kFormat) {
    return Bad(kind);
  }
  Kind found = static_cast<Kind>(body[1]);
  if (found != kind) {
    bool other_order = IsCursor(kind) ? found == Kind::kCursor || found == Kind::kCreationCursor
                                      : found == Kind::kPage || found == Kind::kCreationPage;
    return other_order ? OfOtherOrder(kind) : Bad(kind);
  }
  ReadToken token;
  token.kind = kind;
  token.next_sequence = ReadBe64(body.substr(2));
  uint64_t micros = ReadBe64(body.substr(10));
  if (micros != 0) token.delivered_time = absl::FromUnixMicros(static_cast<int64_t>(micros));
  token.arguments_hash = ReadBe64(body.substr(18));
  token.chain = ReadBe64(body.substr(26));
  absl::string_view rest = body.substr(kFixedBytes);
  if (IsOfCreation(kind) && !TakeCreation(&rest, &token)) return Bad(kind);
  token.log_id = std::string(rest);
  return token;
}

absl::Status CheckLogId(const ReadToken& token, const store::v1::Identity& identity) {
  if (token.log_id == identity.log_id()) return absl::OkStatus();
  Reason reason{"LOG_EPOCH_CHANGED",
                {{"requested_log_id", token.log_id}, {"log_id", identity.log_id()}}};
  std::string message = absl::StrCat("the position belongs to log ", token.log_id, ", this is log ",
                                     identity.log_id());
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
  return ReasonError(
      absl::StatusCode::kOutOfRange,
      absl::StrCat(message, ", which was restored or lost its end: sequences ", kept_until, " to ",
                   lost_until - 1, " of the former are gone or stand elsewhere. Go on at ",
                   kept_until),
      reason);
}

}  // namespace braid
