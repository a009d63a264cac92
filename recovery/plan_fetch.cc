#include "recovery/plan_fetch.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "proto/snowflake.h"

namespace braid {
namespace {

using v1::RecoveryJob;

// Where X states no speed: four times that of the live stream. It only orders,
// warns, and leaves the last moments before expiry to routes that reach further.
constexpr double kSpeedup = 4;
// TLS, rules, first byte.
constexpr absl::Duration kConnect = absl::Seconds(10);

}  // namespace

PlanFetches::PlanFetches(const RecoveryPolicy& policy, const PlanFacts& facts,
                         const PlanRequest& request)
    : policy_(policy),
      facts_(facts),
      request_(request),
      pad_before_(request.margin.value_or(policy.pad_before)),
      pad_after_(request.margin.value_or(policy.pad_after)) {}

PlanFetch PlanFetches::Of(const RouteLimits& route, const PlanSpan& wanted,
                          const PlanSchedule& schedule) const {
  const bool lookup = route.method == RecoveryJob::METHOD_LOOKUP;
  PlanFetch fetch;
  fetch.wanted = wanted;
  fetch.asked = wanted;
  if (!lookup) fetch.asked = {wanted.from - pad_before_, wanted.until + pad_after_};
  fetch.asked.from = RoundDown(fetch.asked.from, route.granularity);
  fetch.asked.until = RoundUp(fetch.asked.until, route.granularity);
  fetch.earliest = std::max({facts_.now, NotBefore(route), fetch.asked.until + route.min_age});
  const absl::Duration length = fetch.asked.until - fetch.asked.from;
  fetch.posts = lookup ? IdsIn(wanted) : PostsIn(length);
  if (route.posts_per_request > 0) {
    const uint64_t page = static_cast<uint64_t>(route.posts_per_request);
    fetch.requests = std::max<uint64_t>(1, (fetch.posts + page - 1) / page);
  }
  fetch.turn = schedule.Next(fetch.earliest, fetch.requests, Took(route, length));
  fetch.asked.from = std::max(fetch.asked.from, Reach(route, fetch.turn.estimated_end));
  return fetch;
}

PlanSchedule PlanFetches::ScheduleOf(const RouteLimits& route) const {
  int running = 0;
  std::vector<absl::Time> starts;
  for (const PlanFacts::Use& use : facts_.use) {
    if (use.method != route.method) continue;
    running += use.running;
    starts.insert(starts.end(), use.starts.begin(), use.starts.end());
  }
  const absl::Time busy_until = facts_.now + Took(route, policy_.step_max);
  return PlanSchedule(route, running, busy_until, std::move(starts));
}

absl::Time PlanFetches::NotBefore(const RouteLimits& route) const {
  absl::Time not_before = facts_.not_before;
  for (const PlanFacts::Use& use : facts_.use) {
    if (use.method == route.method) not_before = std::max(not_before, use.not_before);
  }
  return not_before;
}

absl::Time PlanFetches::Reach(const RouteLimits& route, absl::Time end) const {
  return RoundUp(std::max(facts_.floor, end - route.window), route.granularity);
}

absl::Duration PlanFetches::Took(const RouteLimits& route, absl::Duration length) const {
  if (route.method == RecoveryJob::METHOD_LOOKUP) return kConnect;
  if (route.method == RecoveryJob::METHOD_BACKFILL) return kReconnectTime;
  const bool known = route.posts_per_second > 0 && request_.usual_rate > 0;
  const double seconds = absl::ToDoubleSeconds(length);
  const double took =
      known ? seconds * request_.usual_rate / route.posts_per_second : seconds / kSpeedup;
  // Ten years: beyond any window.
  return kConnect + absl::Ceil(absl::Seconds(std::min(took, 3e8)), absl::Seconds(1));
}

absl::Time PlanFetches::EndOfToday(const RouteLimits& route) const {
  if (!policy_.same_day || !policy_.bills_per_day) return absl::InfinitePast();
  const absl::Time last = NextUtcMidnight(facts_.now) - kPlanInTime;
  return RoundDown(last - route.min_age, route.granularity) - pad_after_;
}

absl::Time PlanFetches::OldEnough(const RouteLimits& route) const {
  return RoundDown(facts_.now - route.min_age, route.granularity) - pad_after_;
}

absl::Time PlanFetches::WhenOldEnough(const RouteLimits& route, absl::Time until) const {
  return RoundUp(until + pad_after_, route.granularity) + route.min_age;
}

uint64_t PlanFetches::PostsIn(absl::Duration length) const {
  // Beyond any quota, and sums of it do not overflow.
  constexpr double kMax = 1e15;
  const double posts = std::ceil(request_.usual_rate * absl::ToDoubleSeconds(length));
  return posts > 0 ? static_cast<uint64_t>(std::min(posts, kMax)) : 0;
}

uint64_t PlanFetches::IdsIn(const PlanSpan& span) const {
  return std::count_if(request_.post_ids.begin(), request_.post_ids.end(), [&](uint64_t id) {
    const absl::Time time = SnowflakeTime(id);
    return time >= span.from && time < span.until;
  });
}

}  // namespace braid
