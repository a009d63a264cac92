#include "dedupe/cover_keys.h"

#include "base/bytes.h"

namespace braid {

std::string CoverDayKey(int64_t micros) {
  std::string key(1, kCoverSpan);
  AppendBe32(&key, static_cast<uint32_t>(micros / kDayMicros));
  return key;
}

// Day, source, zero, origin, start.
std::string EncodeCoverSpanKey(const CoverSpanKey& key) {
  std::string bytes = CoverDayKey(key.from_micros);
  bytes.append(key.source_id);
  bytes.push_back('\0');
  bytes.push_back(static_cast<char>(key.origin));
  AppendBe64(&bytes, static_cast<uint64_t>(key.from_micros));
  return bytes;
}

CoverSpanKey DecodeCoverSpanKey(absl::string_view bytes) {
  constexpr size_t kHead = 1 + 4;
  constexpr size_t kTail = 1 + 1 + 8;
  CoverSpanKey key;
  key.source_id = std::string(bytes.substr(kHead, bytes.size() - kHead - kTail));
  absl::string_view tail = bytes.substr(bytes.size() - kTail);
  key.origin = static_cast<v1::EventOrigin>(tail[1]);
  key.from_micros = static_cast<int64_t>(ReadBe64(tail.substr(2)));
  return key;
}

std::string CoverGapKey(uint64_t number) {
  std::string key(1, kCoverGap);
  AppendBe64(&key, number);
  return key;
}

std::string CoverMissKey(const std::string& source_id, int64_t minute) {
  std::string key(1, kCoverMisses);
  key.append(source_id);
  key.push_back('\0');
  AppendBe64(&key, static_cast<uint64_t>(minute));
  return key;
}

std::string CoverMinuteKey(int64_t minute) {
  std::string key(1, kCoverMinute);
  AppendBe64(&key, static_cast<uint64_t>(minute));
  return key;
}

int64_t CoverKeyMinute(absl::string_view key) {
  return static_cast<int64_t>(ReadBe64(key.substr(1)));
}

std::string CoverCappedKey(int64_t from_micros) {
  std::string key(1, kCoverCapped);
  AppendBe64(&key, static_cast<uint64_t>(from_micros));
  return key;
}

int64_t CoverKeyCapped(absl::string_view key) {
  return static_cast<int64_t>(ReadBe64(key.substr(1)));
}

}  // namespace braid
