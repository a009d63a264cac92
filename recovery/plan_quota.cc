#include "recovery/plan_quota.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "recovery/plan_span.h"

namespace braid {
namespace {

constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();
// A job is one value of the store; 200 hourly steps are a week.
constexpr size_t kStepsMax = 200;
// Shorter ones cost X a request and bring little.
constexpr absl::Duration kStepMin = absl::Minutes(1);
// The next job can begin when this one has been stored; where not even one step
// fits somebody has to change the configuration.
constexpr absl::Duration kNextJob = absl::Seconds(10);
constexpr absl::Duration kNextLook = absl::Minutes(10);

// Rounded up, so that a reserve is there at all.
uint64_t ReservedPosts(const RecoveryPolicy& policy) {
  const uint64_t percent = static_cast<uint64_t>(policy.reserve_percent);
  const uint64_t whole = policy.posts_per_day / 100 * percent;
  return whole + (policy.posts_per_day % 100 * percent + 99) / 100;
}

}  // namespace

PlanQuota::PlanQuota(const RecoveryPolicy& policy, const PlanFacts& facts, bool by_hand)
    : policy_(policy), facts_(facts), by_hand_(by_hand), day_left_(kNoLimit) {
  if (policy.posts_per_day == 0) return;
  const uint64_t of_day = policy.posts_per_day - (by_hand ? 0 : ReservedPosts(policy));
  const uint64_t used = facts.posts_today + facts.posts_planned;
  day_left_ = of_day > used ? of_day - used : 0;
}

absl::Duration PlanQuota::StepMax(double usual_rate, absl::Duration beyond) const {
  const uint64_t of_job = policy_.posts_per_job == 0 ? kNoLimit : policy_.posts_per_job;
  const uint64_t most = std::min(day_left_, of_job);
  if (usual_rate <= 0 || most == kNoLimit) return policy_.step_max;
  // Eleven days: beyond any step.
  const double seconds = std::min(static_cast<double>(most) / usual_rate, 1e6);
  const absl::Duration fits = absl::Floor(absl::Seconds(seconds), absl::Seconds(1)) - beyond;
  return std::min(policy_.step_max, std::max(kStepMin, fits));
}

PlanQuota::Problem PlanQuota::Check(size_t steps, uint64_t posts) const {
  if (posts > day_left_) {
    return {absl::StrCat("needs more than the ", day_left_, " posts that are left of today's ",
                         policy_.posts_per_day, " (recovery.posts_per_day)",
                         by_hand_ ? "" : " beside the reserve"),
            NextUtcMidnight(facts_.now)};
  }
  if (policy_.posts_per_job != 0 && posts > policy_.posts_per_job) {
    return {absl::StrCat("needs more than the ", policy_.posts_per_job,
                         " posts that one job may have (recovery.posts_per_job)"),
            facts_.now + (steps > 1 ? kNextJob : kNextLook)};
  }
  if (steps > kStepsMax) {
    return {absl::StrCat("needs more than the ", kStepsMax, " steps that one job may have"),
            facts_.now + kNextJob};
  }
  return {"", absl::InfiniteFuture()};
}

}  // namespace braid
