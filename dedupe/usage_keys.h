// Keys of the usage table (docs/KEYS.md). Pure functions; any thread.

#ifndef BRAID_DEDUPE_USAGE_KEYS_H_
#define BRAID_DEDUPE_USAGE_KEYS_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "base/bytes.h"

namespace braid {

inline constexpr char kUsageDay = 'd';
inline constexpr char kUsageTag = 't';
inline constexpr char kUsageEntry = 'b';
inline constexpr char kUsageLag = 'g';
inline constexpr char kUsageLimits = 'l';
inline constexpr char kUsageSlots = 'o';
inline constexpr char kUsagePause = 'p';
inline constexpr char kUsageSeries = 'v';
inline constexpr char kUsageOfX = 'x';

// Kind and name: "l", "v" + tag, "g" + source.
std::string UsageKey(char kind, absl::string_view name = "");
// Kind and day, a number that sorts; `rest` a tag or a window key.
std::string UsageDayKey(char kind, int32_t day, absl::string_view rest = "");
// Of a key with a day. REQUIRES: at least 5 bytes.
int32_t UsageKeyDay(absl::string_view key);
absl::string_view UsageKeyRest(absl::string_view key);
// "p" and when it began.
std::string UsagePauseKey(int64_t from_micros);

}  // namespace braid

#endif  // BRAID_DEDUPE_USAGE_KEYS_H_
