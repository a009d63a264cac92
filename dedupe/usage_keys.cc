#include "dedupe/usage_keys.h"

namespace braid {

std::string UsageKey(char kind, absl::string_view name) {
  std::string key(1, kind);
  key.append(name.data(), name.size());
  return key;
}

std::string UsageDayKey(char kind, int32_t day, absl::string_view rest) {
  std::string key(1, kind);
  AppendBe32(&key, static_cast<uint32_t>(day));
  key.append(rest.data(), rest.size());
  return key;
}

int32_t UsageKeyDay(absl::string_view key) { return static_cast<int32_t>(ReadBe32(key.substr(1))); }

absl::string_view UsageKeyRest(absl::string_view key) { return key.substr(5); }

std::string UsagePauseKey(int64_t from_micros) {
  std::string key(1, kUsagePause);
  AppendBe64(&key, static_cast<uint64_t>(from_micros));
  return key;
}

}  // namespace braid
