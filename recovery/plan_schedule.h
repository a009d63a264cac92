// When the steps of one route could run: how many X runs at a time, and how many
// requests it takes per window. Estimates; the recoverer keeps the real limits.
//
// Pure; any thread, not thread-safe. Bounds: as many times as the route has jobs
// and requests.

#ifndef BRAID_RECOVERY_PLAN_SCHEDULE_H_
#define BRAID_RECOVERY_PLAN_SCHEDULE_H_

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "recovery/route_table.h"

namespace braid {

class PlanSchedule {
 public:
  // REQUIRES: limits outlives it. `running` are under way at `now`, each for
  // about another `busy_for`; `starts` are requests of before.
  PlanSchedule(const RouteLimits& limits, int running, absl::Time busy_until,
               std::vector<absl::Time> starts);

  struct Turn {
    // By requests alone.
    absl::Time earliest_start;
    // By jobs as well.
    absl::Time estimated_start;
    absl::Time estimated_end;
  };
  // Of a step that asks `requests` times (at least once) and takes `duration`.
  Turn Next(absl::Time earliest, uint64_t requests, absl::Duration duration) const;
  // The step has that turn.
  void Take(absl::Time earliest, uint64_t requests, const Turn& turn);

 private:
  // When the request that follows `place` others may be made.
  absl::Time RequestTime(absl::Time earliest, uint64_t place) const;

  const RouteLimits& limits_;
  // Of each job; empty: not counted.
  std::vector<absl::Time> free_;
  // Ascending, at most limits_.requests.
  std::vector<absl::Time> starts_;
};

}  // namespace braid

#endif  // BRAID_RECOVERY_PLAN_SCHEDULE_H_
