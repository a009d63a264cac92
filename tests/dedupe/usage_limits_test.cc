#include "dedupe/usage_limits.h"

#include <gtest/gtest.h>

#include <map>

#include "absl/time/civil_time.h"

namespace braid {
namespace {

int32_t Day(int year, int month, int day) {
  return static_cast<int32_t>(absl::CivilDay(year, month, day) - absl::CivilDay(1970, 1, 1));
}

UsageLimit Limit(UsageLimit::Period period, uint64_t posts) {
  UsageLimit limit;
  limit.period = period;
  limit.posts = posts;
  return limit;
}

TEST(UsageLimitsTest, EachThresholdIsToldOncePerPeriod) {
  std::vector<UsageLimit> limits = {Limit(UsageLimit::Period::kDay, 1000)};
  store::v1::LimitState state;
  std::vector<uint32_t> told;
  for (int32_t today : {100, 101}) {
    for (uint64_t used : {0, 799, 800, 801, 960, 999, 1000, 1500}) {
      auto posts = [&](UsagePeriod period) { return period.first_day == today ? used : 0; };
      for (const UsageEvent& event : CheckLimits(limits, 1, today, posts, &state)) {
        told.push_back(event.percent);
        EXPECT_EQ(event.posts, used);
      }
    }
  }
  EXPECT_EQ(told, (std::vector<uint32_t>{80, 95, 100, 80, 95, 100}));
}

TEST(UsageLimitsTest, ALeapOverAllThresholdsIsOneEvent) {
  std::vector<UsageLimit> limits = {Limit(UsageLimit::Period::kDay, 1000)};
  store::v1::LimitState state;
  auto events = CheckLimits(limits, 1, 100, [](UsagePeriod) { return uint64_t{5000}; }, &state);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_TRUE(events[0].reached);
}

TEST(UsageLimitsTest, ALimitThatAnOperatorWaivedAsksForNoPauseInItsPeriod) {
  UsageLimit day = Limit(UsageLimit::Period::kDay, 10);
  UsageLimit month = Limit(UsageLimit::Period::kMonth, 20);
  day.action = month.action = UsageLimit::Action::kPause;
  store::v1::LimitState state;
  uint64_t used = 15;
  auto posts = [&](UsagePeriod) { return used; };
  auto check = [&](std::vector<UsageLimit> limits, int32_t today) {
    CheckLimits(limits, 1, today, posts, &state);
    return AskedPause(limits, 1, &state);
  };
  ASSERT_TRUE(check({day, month}, 100).has_value());
  WaiveReached(&state);
  EXPECT_FALSE(check({day, month}, 100).has_value());
  used = 25;
  EXPECT_EQ(check({day, month}, 100)->limit, 1u);
  EXPECT_FALSE(check({day}, 100).has_value()) << "its own was waived";
  EXPECT_EQ(check({day}, 101)->until_day, 102);
}

TEST(UsageLimitsTest, AMonthBeginsOnTheResetDay) {
  UsagePeriod period = PeriodOf(UsageLimit::Period::kMonth, Day(2026, 3, 14), 15);
  EXPECT_EQ(period.first_day, Day(2026, 2, 15));
  EXPECT_EQ(period.until_day, Day(2026, 3, 15));
  period = PeriodOf(UsageLimit::Period::kMonth, Day(2026, 12, 31), 1);
  EXPECT_EQ(period.first_day, Day(2026, 12, 1));
  EXPECT_EQ(period.until_day, Day(2027, 1, 1));
}

TEST(UsageLimitsTest, ARestartAndAnotherLimitDoNotTellItAgain) {
  std::vector<UsageLimit> limits = {Limit(UsageLimit::Period::kDay, 1000)};
  store::v1::LimitState state;
  auto posts = [](UsagePeriod) { return uint64_t{850}; };
  EXPECT_EQ(CheckLimits(limits, 1, 100, posts, &state).size(), 1u);
  limits.insert(limits.begin(), Limit(UsageLimit::Period::kMonth, 100'000));
  EXPECT_TRUE(CheckLimits(limits, 1, 100, posts, &state).empty());
  limits.pop_back();
  CheckLimits(limits, 1, 100, posts, &state);
  EXPECT_EQ(state.limits_size(), 1);
}

TEST(UsageLimitsTest, TimeThatGoesBackOverMidnightStartsNothingAnew) {
  std::vector<UsageLimit> limits = {Limit(UsageLimit::Period::kDay, 10)};
  store::v1::LimitState state;
  auto posts = [](UsagePeriod) { return uint64_t{20}; };
  EXPECT_EQ(CheckLimits(limits, 1, 101, posts, &state).size(), 1u);
  EXPECT_TRUE(CheckLimits(limits, 1, 100, posts, &state).empty());
}

}  // namespace
}  // namespace braid
