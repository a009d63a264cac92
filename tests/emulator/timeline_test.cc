#include "tests/emulator/timeline.h"

#include <gtest/gtest.h>

#include <set>

#include "proto/snowflake.h"

namespace braid::emulator {
namespace {

constexpr uint64_t kAny = 1'000'000'000;

TEST(RateSchedule, PostsComeAtTheRate) {
  RateSchedule schedule(1000, std::nullopt);
  EXPECT_EQ(schedule.Take(absl::Milliseconds(500), kAny), 500u);
  EXPECT_EQ(schedule.Take(absl::Milliseconds(500), kAny), 0u);
  EXPECT_EQ(schedule.Take(absl::Seconds(2), kAny), 1500u);
}

TEST(RateSchedule, WhatWasNotTakenStaysOwed) {
  RateSchedule schedule(1000, std::nullopt);
  EXPECT_EQ(schedule.Take(absl::Seconds(1), 300), 300u);
  EXPECT_NEAR(schedule.owed(), 700, 1e-6);
  EXPECT_EQ(schedule.Take(absl::Seconds(1), kAny), 700u);
}

TEST(RateSchedule, RateChangeCountsFromItsMoment) {
  RateSchedule schedule(100, std::nullopt);
  schedule.SetRate(0, absl::Seconds(1));
  EXPECT_EQ(schedule.Take(absl::Seconds(10), kAny), 100u);
  EXPECT_EQ(schedule.UntilNext(absl::Seconds(10)), absl::InfiniteDuration());
  schedule.SetRate(10, absl::Seconds(10));
  EXPECT_EQ(schedule.Take(absl::Seconds(11), kAny), 10u);
}

TEST(RateSchedule, BurstFillsTheEndOfEachPeriod) {
  RateSchedule schedule(10, Burst{1000, absl::Seconds(2), absl::Seconds(10)});
  EXPECT_EQ(schedule.Take(absl::Seconds(8), kAny), 80u);
  EXPECT_EQ(schedule.RateAt(absl::Seconds(8)), 1000);
  EXPECT_EQ(schedule.Take(absl::Seconds(10), kAny), 2000u);
  EXPECT_EQ(schedule.Take(absl::Seconds(20), kAny), 2080u);
}

TEST(RateSchedule, UntilNextIsTheTimeToOnePost) {
  RateSchedule schedule(4, std::nullopt);
  EXPECT_EQ(schedule.UntilNext(absl::ZeroDuration()), absl::Milliseconds(250));
  schedule.Take(absl::Milliseconds(100), kAny);
  EXPECT_EQ(schedule.UntilNext(absl::Milliseconds(100)), absl::Milliseconds(150));
}

TEST(PostIds, IdsAreDistinctAtTheHighestRate) {
  PostIds ids({});
  std::set<uint64_t> seen;
  absl::Time now = absl::FromUnixSeconds(1800000000);
  for (int millisecond = 0; millisecond < 1000; ++millisecond, now += absl::Milliseconds(1)) {
    for (int i = 0; i < 150; ++i) ASSERT_TRUE(seen.insert(ids.Next(now)).second);
  }
}

TEST(PostIds, TimesAreNeverInTheFutureAndAtMostTheLatenessOld) {
  PostIds ids({});
  absl::Time now = absl::FromUnixSeconds(1800000000);
  absl::Duration latest;
  for (int i = 0; i < 10000; ++i, now += absl::Milliseconds(1)) {
    absl::Duration late = now - SnowflakeTime(ids.Next(now));
    ASSERT_GE(late, absl::ZeroDuration());
    ASSERT_LE(late, absl::Milliseconds(800));
    latest = std::max(latest, late);
  }
  EXPECT_GT(latest, absl::Milliseconds(500));
}

TEST(PostIds, AClockThatGoesBackGivesNoIdTwice) {
  PostIds ids({});
  std::set<uint64_t> seen;
  absl::Time now = absl::FromUnixSeconds(1800000000);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(seen.insert(ids.Next(now)).second);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(seen.insert(ids.Next(now - absl::Seconds(5))).second);
  }
}

TEST(PostIds, IdsHaveNineteenDigits) {
  PostIds ids({});
  EXPECT_EQ(std::to_string(ids.Next(absl::FromUnixSeconds(1800000000))).size(), 19u);
}

}  // namespace
}  // namespace braid::emulator
