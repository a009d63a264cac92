#include "recovery/passive_routes.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "recovery/plan_text.h"

namespace braid {
namespace {

using v1::Gap;
using v1::RecoveryJob;

// A connection that is back has had its backfill half a minute after its first
// live event: by a minute after the range's end.
constexpr absl::Duration kBackfillWait = absl::Minutes(1);

}  // namespace

PassiveRoute JudgeSpool(const PlanFacts& facts, const PlanRequest& request) {
  if (request.spool_until <= facts.now) {
    return {absl::InfinitePast(), "no connector is away with what it received"};
  }
  return {request.spool_until, absl::StrCat("a connector that is away may still bring it until ",
                                            ClockText(request.spool_until))};
}

PassiveRoute JudgeBackfill(const RouteLimits& route, const PlanFacts& facts,
                           const PlanRequest& request) {
  const absl::Duration reach = absl::Floor(route.window, absl::Minutes(1));
  const absl::Time end = request.growing ? facts.now : request.until;
  const absl::Duration length = end - request.from;
  PassiveRoute route_back;
  if (request.kind == Gap::KIND_BUFFER_DISCARDED) {
    route_back.reason = "X threw its buffer away and does not send it again";
  } else if (request.kind != Gap::KIND_TOTAL_OUTAGE) {
    route_back.reason = "connectors ask for it only when they reconnect";
  } else if (length >= reach) {
    route_back.reason = absl::StrCat("reaches back ", SpanText(reach), " and the range is ",
                                     SpanText(length), " long");
  } else if (!request.growing && facts.now >= end + kBackfillWait) {
    route_back.reason = "the connections that came back have had theirs";
  } else {
    route_back.until =
        request.growing ? std::min(facts.now, request.from + reach - kBackfillWait) : end;
    route_back.until += kBackfillWait;
    route_back.reason = absl::StrCat("connectors ask for it as they reconnect: it comes until ",
                                     ClockText(route_back.until));
  }
  return route_back;
}

}  // namespace braid
