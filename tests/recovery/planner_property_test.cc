// Random outages of every dialect: what no plan may ever do.

#include <algorithm>
#include <string>
#include <vector>

#include "base/interval_set.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "ingest/x_dialect.h"
#include "proto/proto_time.h"
#include "proto/snowflake.h"
#include "recovery/planner.h"
#include "tests/recovery/plan_line.h"

namespace braid {
namespace {

using config::v1::RecoveryConfig;
using v1::Gap;
using v1::RecoveryJob;
using Outcome = RecoveryPlan::Outcome;
using Step = RecoveryJob::Step;

constexpr uint64_t kSeeds = 4000;

struct Case {
  RecoveryPolicy policy;
  PlanFacts facts;
  PlanRequest request;
};

// Short ones are as frequent as long ones.
absl::Duration SomeSpan(Random* random, absl::Duration most) {
  const absl::Duration spans[] = {absl::Minutes(1), absl::Minutes(8), absl::Hours(2),
                                  absl::Hours(26), most};
  const absl::Duration bound = std::min(most, spans[random->Below(5)]);
  return absl::Microseconds(
      static_cast<int64_t>(random->Below(absl::ToInt64Microseconds(bound) + 1)));
}

RecoveryConfig SomeConfig(Random* random) {
  const std::vector<std::string> names = DialectNames();
  RecoveryConfig config;
  config.set_dialect(names[random->Below(names.size())]);
  config.set_automatic(random->Below(10) != 0);
  if (random->Below(3) == 0) config.set_posts_per_day(100 + random->Below(2'000'000));
  if (random->Below(3) == 0) config.set_posts_per_job(1 + random->Below(100'000));
  if (config.posts_per_day() != 0 && config.posts_per_job() > config.posts_per_day()) {
    config.clear_posts_per_job();
  }
  config.set_reserve_percent(static_cast<uint32_t>(random->Below(101)));
  if (random->Below(2) == 0) config.set_pad_before_ms(random->Below(600'000));
  if (random->Below(2) == 0) config.set_pad_after_ms(random->Below(600'000));
  if (random->Below(2) == 0) config.set_step_max_ms(60'000 + random->Below(4 * 3'600'000));
  config.set_same_day(random->Below(2) == 0);
  return config;
}

Case SomeCase(uint64_t seed) {
  SeededRandom random(seed);
  Case some;
  absl::StatusOr<RecoveryPolicy> policy = PolicyOf(SomeConfig(&random));
  EXPECT_TRUE(policy.ok()) << policy.status();
  some.policy = *std::move(policy);
  for (RouteLimits& route : some.policy.routes) {
    route.off = random.Below(6) == 0;
    if (random.Below(4) == 0 && route.requests > 0) route.requests = 1 + random.Below(4);
  }
  PlanFacts& facts = some.facts;
  facts.now = At("12:00:00") + SomeSpan(&random, absl::Hours(24));
  if (random.Below(3) == 0) facts.floor = facts.now - SomeSpan(&random, absl::Hours(60));
  if (random.Below(3) == 0) facts.not_before = facts.now + SomeSpan(&random, absl::Hours(2));
  facts.posts_today = random.Below(3) == 0 ? random.Below(1'000'000) : 0;
  facts.posts_planned = random.Below(3) == 0 ? random.Below(100'000) : 0;
  for (const RouteLimits& route : some.policy.routes) {
    PlanFacts::Use use;
    use.method = route.method;
    use.running = static_cast<int>(random.Below(3));
    if (random.Below(6) == 0) use.not_before = facts.now + SomeSpan(&random, absl::Hours(2));
    for (uint64_t i = random.Below(8); i > 0 && route.requests > 0; --i) {
      use.starts.push_back(facts.now - SomeSpan(&random, route.request_window));
    }
    facts.use.push_back(std::move(use));
  }
  PlanRequest& request = some.request;
  request.until = facts.now - SomeSpan(&random, absl::Hours(24 * 35));
  request.growing = random.Below(4) == 0;
  if (request.growing) request.until = facts.now;
  request.from = request.until - SomeSpan(&random, absl::Hours(24 * 10));
  facts.may_reconnect = random.Below(2) == 0;
  // A short one, of which each connection lost its own.
  const bool is_local = random.Below(6) == 0;
  if (is_local) {
    facts.use.clear();
    facts.floor = facts.not_before = absl::InfinitePast();
    request.until = facts.now - SomeSpan(&random, absl::Minutes(2));
    request.from = request.until - SomeSpan(&random, absl::Minutes(4));
  }
  request.kind = static_cast<Gap::Kind>(random.Below(Gap::Kind_ARRAYSIZE));
  request.by_hand = random.Below(3) == 0;
  if (request.by_hand && random.Below(2) == 0) {
    request.method = static_cast<RecoveryMethod>(random.Below(RecoveryJob::Method_ARRAYSIZE));
  }
  if (is_local && random.Below(2) == 0) {
    request.kind = Gap::KIND_FORWARDING_LOSS;
    for (RouteLimits& route : some.policy.routes) {
      route.off = route.off || route.method == RecoveryJob::METHOD_RECOVERY;
    }
  } else if (is_local) {
    request.by_hand = true;
    request.method = RecoveryJob::METHOD_BACKFILL;
  }
  if (random.Below(4) == 0) request.margin = SomeSpan(&random, absl::Minutes(10));
  if (random.Below(2) == 0) request.usual_rate = random.Unit() * (random.Below(2) ? 20 : 8000);
  for (uint64_t i = random.Below(3); i > 0; --i) {
    request.spent.push_back(
        static_cast<RecoveryMethod>(1 + random.Below(RecoveryJob::Method_ARRAYSIZE - 1)));
  }
  if (random.Below(4) == 0) request.spool_until = facts.now + SomeSpan(&random, absl::Hours(1));
  const absl::Duration length = request.until - request.from;
  for (uint64_t i = random.Below(2) * random.Below(5); i > 0; --i) {
    request.post_ids.push_back(FirstSnowflakeAt(request.from + SomeSpan(&random, length)));
  }
  for (uint64_t i = random.Below(3); i > 0; --i) {
    const absl::Time from = request.from + SomeSpan(&random, length);
    facts.under_way.emplace_back(from, from + SomeSpan(&random, absl::Hours(3)));
  }
  return some;
}

Interval Micros(absl::Time from, absl::Time until) {
  return {absl::ToUnixMicros(from), absl::ToUnixMicros(until)};
}
Interval RangeOf(const v1::TimeRange& range) {
  return Micros(ToTime(range.start_time()), ToTime(range.end_time()));
}

const RouteLimits& RouteOf(const Case& some, const Step& step) {
  const RouteLimits* route = FindRoute(some.policy, step.method());
  EXPECT_NE(route, nullptr);
  return *route;
}

std::string Text(const RecoveryPlan& plan) {
  std::string text = plan.reason + plan.residual_risk;
  for (const Step& step : plan.steps) text += step.SerializeAsString();
  for (const RecoveryJob::Choice& choice : plan.choices) text += choice.SerializeAsString();
  return text + absl::FormatTime(plan.wait_until) + absl::FormatTime(plan.estimated_end);
}

// Every check of one plan; `name` says which case.
class PlanCheck {
 public:
  PlanCheck(const Case& some, const RecoveryPlan& plan) : some_(some), plan_(plan) {}

  void All() {
    for (const Step& step : plan_.steps) CheckStep(step);
    CheckTiling();
    CheckQuota();
    CheckRequests();
    CheckOutcome();
  }

 private:
  void CheckStep(const Step& step) {
    const RouteLimits& route = RouteOf(some_, step);
    const Interval range = RangeOf(step.range());
    const Interval asked = RangeOf(step.fetch_range());
    const absl::Time start = ToTime(step.earliest_start_time());
    const int64_t unit = absl::ToInt64Microseconds(route.granularity);
    EXPECT_FALSE(range.empty());
    EXPECT_LE(asked.from, range.from);
    EXPECT_GE(asked.until, range.until);
    EXPECT_FALSE(route.off);
    EXPECT_EQ(std::count(some_.request.spent.begin(), some_.request.spent.end(), route.method), 0);
    if (some_.request.method != RecoveryJob::METHOD_UNSPECIFIED) {
      EXPECT_EQ(step.method(), some_.request.method);
    }
    // Old enough, allowed, not expired, not below the floor.
    EXPECT_GE(start, ToTime(step.fetch_range().end_time()) + route.min_age);
    EXPECT_GE(start, some_.facts.now);
    EXPECT_GE(start, some_.facts.not_before);
    for (const PlanFacts::Use& use : some_.facts.use) {
      if (use.method == step.method()) EXPECT_GE(start, use.not_before);
    }
    EXPECT_GE(ToTime(step.fetch_range().start_time()), some_.facts.floor);
    EXPECT_GE(ToTime(step.fetch_range().start_time()), start - route.window);
    EXPECT_LE(start + ToDuration(step.estimated_duration()), ToTime(step.deadline()));
    EXPECT_EQ(ToTime(step.deadline()), ToTime(step.range().start_time()) + route.window);
    EXPECT_NE(step.method(), RecoveryJob::METHOD_SPOOL);
    if (step.method() == RecoveryJob::METHOD_BACKFILL) return CheckReconnect(step);
    EXPECT_EQ(asked.from % unit, 0);
    EXPECT_EQ(asked.until % unit, 0);
    if (IsOfIds()) return;
    EXPECT_LE(ToTime(step.range().end_time()) - ToTime(step.range().start_time()),
              some_.policy.step_max);
  }

  // Posts by hand, by their ids: one step, whatever else is under way.
  bool IsOfIds() const {
    return some_.request.by_hand && some_.request.method == RecoveryJob::METHOD_LOOKUP &&
           !some_.request.post_ids.empty();
  }

  // Nothing is given up for it, and nothing cheaper is there.
  void CheckReconnect(const Step& step) {
    const PlanRequest& request = some_.request;
    EXPECT_TRUE(some_.facts.may_reconnect);
    EXPECT_NE(request.kind, Gap::KIND_BUFFER_DISCARDED);
    EXPECT_NE(request.kind, Gap::KIND_PAUSED);
    EXPECT_FALSE(request.growing);
    EXPECT_LE(ToTime(step.earliest_start_time()) - ToTime(step.range().start_time()),
              absl::Minutes(4));
    if (request.method == RecoveryJob::METHOD_BACKFILL) return;
    const RouteLimits* recovery = FindRoute(some_.policy, RecoveryJob::METHOD_RECOVERY);
    const bool is_spent =
        std::count(request.spent.begin(), request.spent.end(), RecoveryJob::METHOD_RECOVERY) > 0;
    EXPECT_TRUE(recovery == nullptr || recovery->off || is_spent);
  }

  // Steps, what is lost and what waits are apart, and with what is under way they
  // are the range.
  void CheckTiling() {
    if (plan_.outcome == Outcome::kNothing || plan_.outcome == Outcome::kRefused) return;
    IntervalSet wanted;
    wanted.Add(Micros(some_.request.from, some_.request.until));
    for (const auto& [from, until] : some_.facts.under_way) {
      if (!IsOfIds()) wanted.Subtract(Micros(from, until));
    }
    if (IsOfIds()) EXPECT_LE(plan_.steps.size(), 1u);
    std::vector<Interval> parts;
    for (const Step& step : plan_.steps) parts.push_back(RangeOf(step.range()));
    for (const auto& [from, until] : plan_.lost) parts.push_back(Micros(from, until));
    for (const auto& [from, until] : plan_.waiting) parts.push_back(Micros(from, until));
    for (const Interval& part : parts) {
      EXPECT_TRUE(wanted.Covers(part)) << part.from << " to " << part.until;
      wanted.Subtract(part);
    }
    EXPECT_TRUE(wanted.empty());
  }

  void CheckQuota() {
    uint64_t posts = 0;
    for (const Step& step : plan_.steps) posts += step.estimated_posts();
    if (posts == 0) return;
    const RecoveryPolicy& policy = some_.policy;
    if (policy.posts_per_job != 0) EXPECT_LE(posts, policy.posts_per_job);
    if (policy.posts_per_day == 0) return;
    const double share = some_.request.by_hand ? 1 : 1 - policy.reserve_percent / 100.0;
    EXPECT_LE(posts + some_.facts.posts_today + some_.facts.posts_planned,
              policy.posts_per_day * share + 1e-6);
  }

  // In no window more requests than X takes; those of pages are the worker's.
  void CheckRequests() {
    for (const RouteLimits& route : some_.policy.routes) {
      if (route.requests == 0 || route.posts_per_request != 0) continue;
      std::vector<absl::Time> starts;
      for (const Step& step : plan_.steps) {
        if (step.method() != route.method) continue;
        starts.push_back(ToTime(step.earliest_start_time()));
      }
      const size_t planned = starts.size();
      for (const PlanFacts::Use& use : some_.facts.use) {
        if (use.method != route.method) continue;
        starts.insert(starts.end(), use.starts.begin(), use.starts.end());
      }
      for (size_t i = 0; i < planned; ++i) {
        const auto count = std::count_if(starts.begin(), starts.end(), [&](absl::Time other) {
          return other <= starts[i] && other > starts[i] - route.request_window;
        });
        EXPECT_LE(count, route.requests);
      }
    }
  }

  void CheckOutcome() {
    const PlanRequest& request = some_.request;
    EXPECT_FALSE(plan_.reason.empty());
    EXPECT_EQ(plan_.outcome == Outcome::kSteps, !plan_.steps.empty());
    if (plan_.outcome == Outcome::kWait) EXPECT_FALSE(plan_.waiting.empty());
    if (!plan_.waiting.empty()) {
      EXPECT_GT(plan_.wait_until, some_.facts.now);
      EXPECT_LT(plan_.wait_until, absl::InfiniteFuture());
    }
    EXPECT_TRUE(plan_.outcome != Outcome::kRefused || request.by_hand);
    EXPECT_FALSE(plan_.outcome == Outcome::kLost && request.by_hand);
    if (!request.by_hand && (request.kind == Gap::KIND_PAUSED || !some_.policy.automatic)) {
      EXPECT_EQ(plan_.outcome, Outcome::kNothing);
    }
    for (const RecoveryJob::Choice& choice : plan_.choices) {
      EXPECT_FALSE(choice.reason().empty()) << choice.method();
      if (choice.method() == RecoveryJob::METHOD_BACKFILL && choice.chosen()) {
        EXPECT_LE(some_.facts.now - request.from, absl::Minutes(6));
        if (plan_.steps.empty()) {
          EXPECT_EQ(request.kind, Gap::KIND_TOTAL_OUTAGE);
        }
      }
    }
  }

  const Case& some_;
  const RecoveryPlan& plan_;
};

TEST(PlannerPropertyTest, NoPlanGoesBeyondALimit) {
  int steps = 0, waits = 0, lost = 0, refused = 0, mixed = 0, reconnects = 0;
  for (uint64_t seed = 0; seed < kSeeds && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const Case some = SomeCase(seed);
    const RecoveryPlan plan = PlanRecovery(some.policy, some.facts, some.request);
    PlanCheck(some, plan).All();
    steps += plan.outcome == Outcome::kSteps;
    waits += plan.outcome == Outcome::kWait;
    lost += plan.outcome == Outcome::kLost;
    refused += plan.outcome == Outcome::kRefused;
    mixed += !plan.steps.empty() && plan.steps.front().method() != plan.steps.back().method();
    for (const Step& step : plan.steps) reconnects += step.method() == RecoveryJob::METHOD_BACKFILL;
  }
  // Each kind of plan was looked at.
  EXPECT_GT(steps, 500);
  EXPECT_GT(waits, 200);
  EXPECT_GT(lost, 100);
  EXPECT_GT(refused, 100);
  EXPECT_GT(mixed, 20);
  EXPECT_GT(reconnects, 10);
}

TEST(PlannerPropertyTest, SameFactsGiveTheSamePlan) {
  for (uint64_t seed = 0; seed < 500; ++seed) {
    const Case one = SomeCase(seed), other = SomeCase(seed);
    EXPECT_EQ(Text(PlanRecovery(one.policy, one.facts, one.request)),
              Text(PlanRecovery(other.policy, other.facts, other.request)));
  }
}

// Who does what each plan says, and asks again when it says so, comes to an end:
// everything is fetched or lost, and nothing twice.
TEST(PlannerPropertyTest, AskingAgainComesToAnEnd) {
  int fetched = 0;
  for (uint64_t seed = 0; seed < 600 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Case some = SomeCase(seed);
    some.request.growing = false;
    some.request.by_hand = false;
    some.request.usual_rate = std::min(some.request.usual_rate, 100.0);
    RecoveryPlan plan;
    int turns = 0;
    do {
      plan = PlanRecovery(some.policy, some.facts, some.request);
      for (const Step& step : plan.steps) {
        some.facts.under_way.emplace_back(ToTime(step.range().start_time()),
                                          ToTime(step.range().end_time()));
        fetched += 1;
      }
      const absl::Time next = std::max(plan.wait_until, some.facts.now + absl::Seconds(1));
      some.facts.posts_today = 0;
      some.facts.posts_planned = 0;
      some.facts.now = plan.waiting.empty() ? some.facts.now : next;
    } while (!plan.waiting.empty() && ++turns < 20'000);
    EXPECT_TRUE(plan.waiting.empty()) << PlanLine(plan, some.facts.now);
    for (const auto& [from, until] : plan.lost) EXPECT_LT(from, until);
  }
  EXPECT_GT(fetched, 1000);
}

}  // namespace
}  // namespace braid
