// What may still come without being asked for: the spool of a connector that is
// away, and the backfill that connectors ask for as they reconnect.
//
// Pure; any thread.

#ifndef BRAID_RECOVERY_PASSIVE_ROUTES_H_
#define BRAID_RECOVERY_PASSIVE_ROUTES_H_

#include <string>

#include "absl/time/time.h"
#include "recovery/planner.h"
#include "recovery/route_table.h"

namespace braid {

struct PassiveRoute {
  // The past: it does not come.
  absl::Time until = absl::InfinitePast();
  std::string reason;
};

PassiveRoute JudgeSpool(const PlanFacts& facts, const PlanRequest& request);

// Only what a lost connection left out comes so, and only what X gives all of.
PassiveRoute JudgeBackfill(const RouteLimits& route, const PlanFacts& facts,
                           const PlanRequest& request);

}  // namespace braid

#endif  // BRAID_RECOVERY_PASSIVE_ROUTES_H_
