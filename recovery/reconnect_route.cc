#include "recovery/reconnect_route.h"

#include "absl/strings/str_cat.h"
#include "recovery/plan_text.h"

namespace braid {

using v1::Gap;

absl::Time ReconnectUntil(const RouteLimits& route, const PlanRequest& request) {
  return request.from + absl::Floor(route.window, absl::Minutes(1)) - kReconnectTime;
}

std::string WhyNoReconnect(const RouteLimits& route, const PlanFacts& facts,
                           const PlanRequest& request, absl::Time start) {
  const absl::Duration reach = absl::Floor(route.window, absl::Minutes(1));
  if (request.kind == Gap::KIND_PAUSED) return "connectors do not buy back a pause";
  if (start > ReconnectUntil(route, request)) {
    const std::string begins =
        start > facts.now ? absl::StrCat("could begin at ", ClockText(start), ", ") : "";
    return absl::StrCat("a reconnect ", begins, "takes ", SpanText(kReconnectTime),
                        " and reaches back ", SpanText(reach), ", and the range began ",
                        SpanText(facts.now - request.from), " ago");
  }
  return "";
}

}  // namespace braid
