#include "recovery/route_table.h"

#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ingest/x_dialect.h"

namespace braid {
namespace {

using config::v1::RecoveryConfig;
using testing::HasSubstr;
using v1::RecoveryJob;

std::string RoutesOf(const std::string& dialect) {
  RecoveryConfig config;
  config.set_dialect(dialect);
  absl::StatusOr<RecoveryPolicy> policy = PolicyOf(config);
  EXPECT_TRUE(policy.ok()) << policy.status();
  std::vector<std::string> words;
  for (const RouteLimits& route : policy->routes) words.push_back(MethodWord(route.method));
  return absl::StrJoin(words, " ");
}

std::string ProblemOf(const RecoveryConfig& config) {
  absl::StatusOr<RecoveryPolicy> policy = PolicyOf(config);
  EXPECT_EQ(policy.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(policy.status().message());
}

TEST(RouteTableTest, EachDialectHasTheRoutesThatXSells) {
  EXPECT_EQ(RoutesOf(""), "spool backfill recovery search lookup");
  EXPECT_EQ(RoutesOf("x-v2-filtered"), "spool backfill recovery search lookup");
  EXPECT_EQ(RoutesOf("x-v2-sample"), "spool backfill lookup");
  EXPECT_EQ(RoutesOf("x-v2-firehose"), "spool backfill recovery lookup");
  EXPECT_EQ(RoutesOf("x-v2-likes-firehose"), "spool backfill recovery");
  EXPECT_EQ(RoutesOf("gnip-powertrack"), "spool backfill recovery replay search");
  EXPECT_EQ(RoutesOf("gnip-firehose"), "spool backfill recovery replay");
  EXPECT_EQ(RoutesOf("gnip-sample10-likes"), "spool backfill");
  EXPECT_EQ(RoutesOf("powerstream"), "spool backfill recovery");
}

TEST(RouteTableTest, EveryRouteThatIsAskedOfXHasBounds) {
  for (const std::string& name : DialectNames()) {
    RecoveryConfig config;
    config.set_dialect(name);
    absl::StatusOr<RecoveryPolicy> policy = PolicyOf(config);
    ASSERT_TRUE(policy.ok()) << name;
    for (const RouteLimits& route : policy->routes) {
      if (route.method <= RecoveryJob::METHOD_BACKFILL) continue;
      EXPECT_GT(route.window, route.min_age) << name;
      EXPECT_GT(route.jobs, 0) << name;
      EXPECT_GT(route.requests, 0) << name;
      EXPECT_GT(route.request_window, absl::ZeroDuration()) << name;
      EXPECT_GT(route.granularity, absl::ZeroDuration()) << name;
    }
  }
}

TEST(RouteTableTest, TheContractStandsInPlaceOfTheDialect) {
  RecoveryConfig config;
  config.set_dialect("gnip-powertrack");
  config.set_pad_before_ms(0);
  config.set_step_max_ms(7'200'000);
  config.set_reserve_percent(0);
  auto* replay = config.add_routes();
  replay->set_method("replay");
  replay->set_window_ms(10 * 86'400'000ull);
  replay->set_jobs(3);
  replay->set_posts_per_second(5000);
  absl::StatusOr<RecoveryPolicy> policy = PolicyOf(config);
  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_EQ(policy->pad_before, absl::ZeroDuration());
  EXPECT_EQ(policy->pad_after, absl::Seconds(30));
  EXPECT_EQ(policy->step_max, absl::Hours(2));
  EXPECT_EQ(policy->reserve_percent, 0);
  const RouteLimits* route = FindRoute(*policy, RecoveryJob::METHOD_REPLAY);
  ASSERT_NE(route, nullptr);
  EXPECT_EQ(route->window, absl::Hours(240));
  EXPECT_EQ(route->min_age, absl::Minutes(31));
  EXPECT_EQ(route->jobs, 3);
  EXPECT_EQ(route->posts_per_second, 5000);
}

TEST(RouteTableTest, AnUnknownDialectIsRefusedWithTheOnesThereAre) {
  RecoveryConfig config;
  config.set_dialect("x-v3");
  EXPECT_THAT(ProblemOf(config),
              HasSubstr("recovery.dialect: \"x-v3\" is none; write one of x-v2"));
}

TEST(RouteTableTest, EveryProblemIsSaidWithItsKeyAndTheRemedy) {
  RecoveryConfig config;
  config.set_reserve_percent(101);
  config.set_posts_per_day(10);
  config.set_posts_per_job(20);
  config.set_step_max_ms(1);
  config.set_pad_after_ms(86'400'000);
  config.add_routes()->set_method("replay");
  auto* backfill = config.add_routes();
  backfill->set_method("backfill");
  backfill->set_window_ms(600'000);
  auto* recovery = config.add_routes();
  recovery->set_method("recovery");
  recovery->set_window_ms(60'000);
  EXPECT_EQ(ProblemOf(config),
            "recovery.reserve_percent: out of range; write 0 to 100; "
            "recovery.posts_per_job: 20 are more than recovery.posts_per_day; write at most 10; "
            "recovery.pad_after: out of range; write 0s to 1h; "
            "recovery.step_max: out of range; write 1min to 1d; "
            "recovery.routes[0].method: x-v2-filtered has no route \"replay\"; write one of "
            "backfill, recovery, search, lookup, or take the entry out; "
            "recovery.routes[1].window: X has 5 minutes of backfill at most; write 5min or less; "
            "recovery.routes[2].window: nothing is old enough and still there: it must be longer "
            "than min_age");
}

TEST(RouteTableTest, ARouteThatStandsTwiceIsRefused) {
  RecoveryConfig config;
  config.add_routes()->set_method("recovery");
  config.add_routes()->set_method("search");
  config.add_routes()->set_method("recovery");
  EXPECT_EQ(ProblemOf(config),
            "recovery.routes[2].method: \"recovery\" is routes[0], too; make one entry of them");
}

}  // namespace
}  // namespace braid
