// What one request to X for a part of a range would be: padded, in X's
// granularity, with its cost, its turn and how far back it reaches then.
//
// Pure; any thread. Owns nothing; policy, facts and request outlive it.

#ifndef BRAID_RECOVERY_PLAN_FETCH_H_
#define BRAID_RECOVERY_PLAN_FETCH_H_

#include <cstdint>

#include "absl/time/time.h"
#include "recovery/plan_schedule.h"
#include "recovery/plan_span.h"
#include "recovery/planner.h"
#include "recovery/route_table.h"

namespace braid {

struct PlanFetch {
  PlanSpan wanted;
  PlanSpan asked;
  // By the age of the data and what X said.
  absl::Time earliest;
  uint64_t posts = 0;
  uint64_t requests = 1;
  PlanSchedule::Turn turn;
};

class PlanFetches {
 public:
  PlanFetches(const RecoveryPolicy& policy, const PlanFacts& facts, const PlanRequest& request);

  PlanFetch Of(const RouteLimits& route, const PlanSpan& wanted,
               const PlanSchedule& schedule) const;
  PlanSchedule ScheduleOf(const RouteLimits& route) const;

  // No start before: X said so.
  absl::Time NotBefore(const RouteLimits& route) const;
  // The oldest instant that the route can still have in a fetch that ends then.
  absl::Time Reach(const RouteLimits& route, absl::Time end) const;
  // How long a fetch of that length takes; an estimate.
  absl::Duration Took(const RouteLimits& route, absl::Duration length) const;
  // The end of what can be asked for before the UTC day is over, in which X
  // bills a post once; the past where that does not matter.
  absl::Time EndOfToday(const RouteLimits& route) const;
  // The end of what is old enough.
  absl::Time OldEnough(const RouteLimits& route) const;
  // When all before `until` will be.
  absl::Time WhenOldEnough(const RouteLimits& route, absl::Time until) const;

  absl::Duration pad_before() const { return pad_before_; }
  absl::Duration pad_after() const { return pad_after_; }

 private:
  uint64_t PostsIn(absl::Duration length) const;
  uint64_t IdsIn(const PlanSpan& span) const;

  const RecoveryPolicy& policy_;
  const PlanFacts& facts_;
  const PlanRequest& request_;
  const absl::Duration pad_before_;
  const absl::Duration pad_after_;
};

// Before an expiry, and before a day ends: two ticks and a lease.
inline constexpr absl::Duration kPlanInTime = absl::Seconds(30);

}  // namespace braid

#endif  // BRAID_RECOVERY_PLAN_FETCH_H_
