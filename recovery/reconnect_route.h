// Backfill that is asked for on purpose: a connection that is well leaves X and
// comes back, for what nobody brought of the last minutes.
//
// It costs the stream its redundancy for some seconds. So another connection must
// be well too, and while X's recovery can be asked, that is.
//
// Pure; any thread.

#ifndef BRAID_RECOVERY_RECONNECT_ROUTE_H_
#define BRAID_RECOVERY_RECONNECT_ROUTE_H_

#include <string>

#include "absl/time/time.h"
#include "recovery/planner.h"
#include "recovery/route_table.h"

namespace braid {

// The last moment at which it may be asked for and brings all of the range.
absl::Time ReconnectUntil(const RouteLimits& route, const PlanRequest& request);

// "": it brings all of the range when it is asked for at `start`. Whether a
// connection may be asked is another question, and changes.
std::string WhyNoReconnect(const RouteLimits& route, const PlanFacts& facts,
                           const PlanRequest& request, absl::Time start);

}  // namespace braid

#endif  // BRAID_RECOVERY_RECONNECT_ROUTE_H_
