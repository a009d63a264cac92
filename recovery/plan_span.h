// Spans of time in a plan, and rounding in X's granularity. Pure; any thread.

#ifndef BRAID_RECOVERY_PLAN_SPAN_H_
#define BRAID_RECOVERY_PLAN_SPAN_H_

#include "absl/time/time.h"
#include "base/interval_set.h"

namespace braid {

struct PlanSpan {
  absl::Time from;
  // Exclusive.
  absl::Time until;
};

inline Interval ToInterval(const PlanSpan& span) {
  return {absl::ToUnixMicros(span.from), absl::ToUnixMicros(span.until)};
}
inline PlanSpan ToSpan(const Interval& interval) {
  return {absl::FromUnixMicros(interval.from), absl::FromUnixMicros(interval.until)};
}

// REQUIRES: a finite time.
inline absl::Time RoundDown(absl::Time time, absl::Duration unit) {
  return absl::UnixEpoch() + absl::Floor(time - absl::UnixEpoch(), unit);
}
inline absl::Time RoundUp(absl::Time time, absl::Duration unit) {
  return absl::UnixEpoch() + absl::Ceil(time - absl::UnixEpoch(), unit);
}

inline absl::Time NextUtcMidnight(absl::Time now) {
  return RoundDown(now, absl::Hours(24)) + absl::Hours(24);
}

}  // namespace braid

#endif  // BRAID_RECOVERY_PLAN_SPAN_H_
