#include "dedupe/keys.h"

#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "base/hash.h"

namespace braid {
namespace {

std::string CheckedBytes(absl::string_view key, absl::string_view body) {
  std::string out;
  out.reserve(key.size() + body.size());
  out.append(key.data(), key.size());
  out.append(body.data(), body.size());
  return out;
}

}  // namespace

std::string EncodeLogKey(LogKey key) {
  std::string out;
  AppendBe64(&out, key.sequence);
  AppendBe32(&out, key.ordinal);
  return out;
}

LogKey DecodeLogKey(absl::string_view bytes) {
  return {ReadBe64(bytes), ReadBe32(bytes.substr(8))};
}

std::string EncodeLogValue(absl::string_view key, absl::string_view chain, absl::string_view body) {
  std::string out;
  out.reserve(kLogHeaderBytes + body.size());
  out.push_back(kLogFormat);
  out.append(chain.data(), chain.size());
  AppendBe64(&out, Hash64(CheckedBytes(key, body)));
  out.append(body.data(), body.size());
  return out;
}

absl::StatusOr<LogValue> DecodeLogValue(absl::string_view key, absl::string_view value) {
  if (value.size() < kLogHeaderBytes) return absl::DataLossError("log record is too short");
  if (value[0] != kLogFormat) {
    return absl::DataLossError(absl::StrCat("log record has unknown format ",
                                            static_cast<int>(static_cast<uint8_t>(value[0]))));
  }
  LogValue out{value.substr(1, kChainBytes), value.substr(kLogHeaderBytes)};
  if (ReadBe64(value.substr(1 + kChainBytes)) != Hash64(CheckedBytes(key, out.body))) {
    return absl::DataLossError("log record does not match its check value");
  }
  return out;
}

std::string NextChain(absl::string_view chain, absl::string_view key, absl::string_view body) {
  return Hash128(chain, key, body);
}

int FrameEventCount(const v1::Frame& frame) {
  return frame.post_ids_size() > 0 ? frame.post_ids_size() : frame.keys_size();
}

std::string FrameWindowKey(const v1::Frame& frame, int event) {
  return frame.post_ids_size() > 0 ? PostWindowKey(frame.post_ids(event))
                                   : EventWindowKey(frame.keys(event));
}

uint32_t SightingBucket(uint64_t window_key_time) {
  return static_cast<uint32_t>(window_key_time >> kSightingBucketShift);
}

std::string EncodeSightingKey(uint32_t bucket, LogKey log_key) {
  std::string out = EncodeSightingPrefix(bucket);
  out.append(EncodeLogKey(log_key));
  return out;
}

std::string EncodeSightingPrefix(uint32_t bucket) {
  std::string out;
  AppendBe32(&out, bucket);
  return out;
}

LogKey DecodeSightingKey(absl::string_view bytes) { return DecodeLogKey(bytes.substr(4)); }

std::string EncodeStrayKey(int64_t arrival_micros, absl::string_view window_key) {
  std::string out;
  AppendBe64(&out, static_cast<uint64_t>(arrival_micros));
  out.append(window_key.data(), window_key.size());
  return out;
}

StrayKey DecodeStrayKey(absl::string_view bytes) {
  return {static_cast<int64_t>(ReadBe64(bytes)), bytes.substr(8)};
}

std::string EncodeStrayIdKey(absl::string_view window_key) {
  return absl::StrCat(kStrayIdPrefix, window_key);
}

std::string EncodeStrayValue(StrayValue value) {
  std::string out;
  AppendBe64(&out, value.sequence);
  AppendBe64(&out, static_cast<uint64_t>(value.arrival_micros));
  return out;
}

StrayValue DecodeStrayValue(absl::string_view bytes) {
  return {ReadBe64(bytes), static_cast<int64_t>(ReadBe64(bytes.substr(8)))};
}

std::string EncodeSourceKey(absl::string_view source_id, uint64_t epoch) {
  std::string out(source_id.data(), source_id.size());
  out.push_back('\0');
  AppendBe64(&out, epoch);
  return out;
}

absl::StatusOr<SourceKey> DecodeSourceKey(absl::string_view bytes) {
  // Source ids hold no zero byte (checked at Hello), epochs may.
  if (bytes.size() < 9 || bytes[bytes.size() - 9] != '\0') {
    return absl::DataLossError("malformed source key");
  }
  absl::string_view id = bytes.substr(0, bytes.size() - 9);
  return SourceKey{std::string(id.data(), id.size()), ReadBe64(bytes.substr(bytes.size() - 8))};
}

std::string EncodeSequence(uint64_t sequence) {
  std::string out;
  AppendBe64(&out, sequence);
  return out;
}

std::string EncodeTimeKey(int64_t now_micros) {
  std::string out = kMetaTimePrefix;
  AppendBe64(&out, static_cast<uint64_t>(now_micros));
  return out;
}

std::string EncodeJobKey(uint64_t number) {
  std::string bytes = kMetaJobPrefix;
  AppendBe64(&bytes, number);
  return bytes;
}

std::string EncodeWorkKey(WorkKey key) {
  std::string bytes = kMetaWorkPrefix;
  AppendBe64(&bytes, key.number);
  bytes.push_back(key.is_state ? 1 : 0);
  return bytes;
}

absl::StatusOr<WorkKey> DecodeWorkKey(absl::string_view bytes) {
  const size_t prefix_bytes = sizeof(kMetaWorkPrefix) - 1;
  if (bytes.size() != prefix_bytes + 9) return absl::DataLossError("work key of another size");
  return WorkKey{ReadBe64(bytes.substr(prefix_bytes)), bytes.back() != 0};
}

std::string MetaPrefixEnd(const std::string& prefix) {
  std::string end = prefix;
  ++end.back();
  return end;
}

}  // namespace braid
