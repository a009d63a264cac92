// Post ids of X carry their creation time: id = (ms - epoch) << 22 | machine |
// sequence, since November 2010 (twitter-archive/snowflake README). Smaller
// ids are older than that and carry none.

#ifndef BRAID_PROTO_SNOWFLAKE_H_
#define BRAID_PROTO_SNOWFLAKE_H_

#include <cstdint>

#include "absl/time/time.h"

namespace braid {

inline constexpr int64_t kSnowflakeEpochMillis = 1288834974657;
inline constexpr int kSnowflakeTimeShift = 22;

// Creation time in an id, whole milliseconds. For ids that are no snowflakes
// the answer lies in November 2010, far outside any window.
inline absl::Time SnowflakeTime(uint64_t id) {
  return absl::FromUnixMillis(static_cast<int64_t>(id >> kSnowflakeTimeShift) +
                              kSnowflakeEpochMillis);
}

// The smallest id of that millisecond; 0 for times before the epoch.
inline uint64_t FirstSnowflakeAt(absl::Time time) {
  int64_t millis = absl::ToUnixMillis(time) - kSnowflakeEpochMillis;
  return millis <= 0 ? 0 : static_cast<uint64_t>(millis) << kSnowflakeTimeShift;
}

}  // namespace braid

#endif  // BRAID_PROTO_SNOWFLAKE_H_
