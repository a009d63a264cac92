// v1.TimeRange as an interval of Unix microseconds, and back. Pure; any thread.

#ifndef BRAID_PROTO_TIME_RANGE_H_
#define BRAID_PROTO_TIME_RANGE_H_

#include "absl/time/time.h"
#include "base/interval_set.h"
#include "braid/v1/types.pb.h"
#include "proto/proto_time.h"

namespace braid {

inline Interval IntervalOf(const v1::TimeRange& range) {
  return {absl::ToUnixMicros(ToTime(range.start_time())),
          absl::ToUnixMicros(ToTime(range.end_time()))};
}

inline v1::TimeRange RangeOf(const Interval& interval) {
  v1::TimeRange range;
  SetTime(absl::FromUnixMicros(interval.from), range.mutable_start_time());
  SetTime(absl::FromUnixMicros(interval.until), range.mutable_end_time());
  return range;
}

}  // namespace braid

#endif  // BRAID_PROTO_TIME_RANGE_H_
