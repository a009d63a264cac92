#include "ingest/x_backoff.h"

#include "gtest/gtest.h"

namespace braid {
namespace {

constexpr absl::Duration kNoData = absl::ZeroDuration();

Verdict Of(RetryClass retry, absl::Duration delay_min = absl::ZeroDuration()) {
  return {retry, Cause::kHttpFailed, delay_min};
}

// Without jitter the table can be read off.
Backoff::Options Plain() {
  Backoff::Options options;
  options.jitter = 0;
  return options;
}

TEST(BackoffTest, DroppedConnectionIsRetriedAtOnceButNotForEver) {
  SeededRandom random(1);
  Backoff backoff(random, Plain());
  EXPECT_EQ(backoff.Next(Of(RetryClass::kImmediate), absl::Hours(1)), absl::ZeroDuration());
  EXPECT_EQ(backoff.Next(Of(RetryClass::kImmediate), absl::Seconds(1)), absl::Milliseconds(250));
  EXPECT_EQ(backoff.Next(Of(RetryClass::kImmediate), absl::Seconds(1)), absl::Milliseconds(500));
  EXPECT_EQ(backoff.Next(Of(RetryClass::kImmediate), absl::Seconds(30)), absl::ZeroDuration());
}

TEST(BackoffTest, NetworkGrowsByStepsToItsMaximum) {
  SeededRandom random(1);
  Backoff backoff(random, Plain());
  for (int i = 1; i <= 64; ++i) {
    EXPECT_EQ(backoff.Next(Of(RetryClass::kNetwork), kNoData), absl::Milliseconds(250) * i);
  }
  EXPECT_EQ(backoff.Next(Of(RetryClass::kNetwork), kNoData), absl::Seconds(16));
}

TEST(BackoffTest, RefusalsDoubleToTheirMaximumEachClassOnItsOwn) {
  SeededRandom random(1);
  Backoff backoff(random, Plain());
  for (int seconds : {5, 10, 20, 40, 80, 160, 320, 320}) {
    EXPECT_EQ(backoff.Next(Of(RetryClass::kHttp), kNoData), absl::Seconds(seconds));
    EXPECT_EQ(backoff.Next(Of(RetryClass::kTooManyConnections), kNoData), absl::Seconds(seconds));
  }
  for (int minutes : {1, 2, 4, 8, 16, 16}) {
    EXPECT_EQ(backoff.Next(Of(RetryClass::kRateLimited), kNoData), absl::Minutes(minutes));
  }
  EXPECT_EQ(backoff.Next(Of(RetryClass::kTerminal), kNoData), absl::Seconds(320));
  EXPECT_EQ(backoff.Next(Of(RetryClass::kHttp), absl::Minutes(1)), absl::Seconds(5));
}

TEST(BackoffTest, NeverEarlierThanWasPromised) {
  SeededRandom random(5);
  for (int round = 0; round < 1000; ++round) {
    Backoff backoff(random, Backoff::Options());
    absl::Duration limited =
        backoff.Next(Of(RetryClass::kRateLimited, absl::Seconds(500)), kNoData);
    EXPECT_GE(limited, absl::Seconds(500));
    EXPECT_LE(limited, absl::Seconds(600));
    EXPECT_GE(backoff.Next(Of(RetryClass::kHttp), kNoData), absl::Seconds(5));
  }
}

TEST(BackoffTest, JitterSpreadsNetworkRetriesBothWays) {
  SeededRandom random(5);
  bool earlier = false, later = false;
  for (int round = 0; round < 100; ++round) {
    Backoff backoff(random, Backoff::Options());
    absl::Duration delay = backoff.Next(Of(RetryClass::kNetwork), kNoData);
    EXPECT_GE(delay, absl::Milliseconds(200));
    EXPECT_LE(delay, absl::Milliseconds(300));
    earlier |= delay < absl::Milliseconds(240);
    later |= delay > absl::Milliseconds(260);
  }
  EXPECT_TRUE(earlier && later);
}

}  // namespace
}  // namespace braid
