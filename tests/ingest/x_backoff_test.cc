#include "ingest/x_backoff.h"

#include <deque>

#include "gtest/gtest.h"

namespace braid {
namespace {

constexpr absl::Duration kNoData = absl::ZeroDuration();
const absl::Time kNow = absl::UnixEpoch() + absl::Hours(1);

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
  auto drop = [&](absl::Duration flowed) {
    return backoff.Next(Of(RetryClass::kImmediate), flowed, kNow);
  };
  EXPECT_EQ(drop(absl::Hours(1)), absl::ZeroDuration());
  for (int millis = 250; millis < 64000; millis *= 2) {
    EXPECT_EQ(drop(absl::Seconds(59)), absl::Milliseconds(millis));
  }
  EXPECT_EQ(drop(absl::Seconds(59)), absl::Seconds(64));
  EXPECT_EQ(drop(absl::Seconds(59)), absl::Seconds(64));
  EXPECT_EQ(drop(absl::Seconds(60)), absl::ZeroDuration());
}

TEST(BackoffTest, NetworkGrowsByStepsToItsMaximum) {
  SeededRandom random(1);
  Backoff backoff(random, Plain());
  for (int i = 1; i <= 64; ++i) {
    EXPECT_EQ(backoff.Next(Of(RetryClass::kNetwork), kNoData, kNow), absl::Milliseconds(250) * i);
  }
  EXPECT_EQ(backoff.Next(Of(RetryClass::kNetwork), kNoData, kNow), absl::Seconds(16));
}

TEST(BackoffTest, RefusalsDoubleToTheirMaximumEachClassOnItsOwn) {
  SeededRandom random(1);
  Backoff backoff(random, Plain());
  auto next = [&](RetryClass retry) { return backoff.Next(Of(retry), kNoData, kNow); };
  for (int seconds : {5, 10, 20, 40, 80, 160, 320, 320}) {
    EXPECT_EQ(next(RetryClass::kHttp), absl::Seconds(seconds));
    EXPECT_EQ(next(RetryClass::kTooManyConnections), absl::Seconds(seconds));
  }
  for (int minutes : {1, 2, 4, 8, 16, 16}) {
    EXPECT_EQ(next(RetryClass::kRateLimited), absl::Minutes(minutes));
  }
  for (int seconds : {1, 2, 4, 8, 16, 32, 32}) {
    EXPECT_EQ(next(RetryClass::kDns), absl::Seconds(seconds));
  }
  EXPECT_EQ(next(RetryClass::kTerminal), absl::Seconds(320));
  EXPECT_EQ(backoff.Next(Of(RetryClass::kHttp), absl::Minutes(1), kNow), absl::Seconds(5));
}

TEST(BackoffTest, NeverEarlierThanWasPromised) {
  SeededRandom random(5);
  for (int round = 0; round < 1000; ++round) {
    Backoff backoff(random, Backoff::Options());
    absl::Duration limited =
        backoff.Next(Of(RetryClass::kRateLimited, absl::Seconds(500)), kNoData, kNow);
    EXPECT_GE(limited, absl::Seconds(500));
    EXPECT_LE(limited, absl::Seconds(600));
    EXPECT_GE(backoff.Next(Of(RetryClass::kHttp), kNoData, kNow), absl::Seconds(5));
  }
}

TEST(BackoffTest, JitterSpreadsNetworkRetriesBothWays) {
  SeededRandom random(5);
  bool earlier = false, later = false;
  for (int round = 0; round < 100; ++round) {
    Backoff backoff(random, Backoff::Options());
    absl::Duration delay = backoff.Next(Of(RetryClass::kNetwork), kNoData, kNow);
    EXPECT_GE(delay, absl::Milliseconds(200));
    EXPECT_LE(delay, absl::Milliseconds(300));
    earlier |= delay < absl::Milliseconds(240);
    later |= delay > absl::Milliseconds(260);
  }
  EXPECT_TRUE(earlier && later);
}

// Delays of a class, with jitter, without what the pace adds.
absl::Duration DelayMin(RetryClass retry) {
  Backoff::Options options;
  switch (retry) {
    case RetryClass::kNetwork:
      return 0.8 * options.network_step;
    case RetryClass::kDns:
      return options.dns_min;
    case RetryClass::kHttp:
    case RetryClass::kTooManyConnections:
      return options.http_min;
    case RetryClass::kRateLimited:
      return options.rate_limited_min;
    case RetryClass::kTerminal:
      return options.terminal_delay;
    default:
      return absl::ZeroDuration();
  }
}

absl::Duration DelayMax(RetryClass retry) {
  Backoff::Options options;
  switch (retry) {
    case RetryClass::kNetwork:
      return 1.2 * options.network_max;
    case RetryClass::kDns:
      return 1.2 * options.dns_max;
    case RetryClass::kRateLimited:
      return 1.2 * options.rate_limited_max;
    case RetryClass::kOk:
    case RetryClass::kImmediate:
      return 1.2 * options.dropped_max;
    default:
      return 1.2 * options.http_max;
  }
}

// Whatever X and the network do, and however long streams last in between.
TEST(BackoffTest, AnySequenceStaysWithinItsClassAndIsNeverAStormOnX) {
  constexpr size_t kShareOfBudget = 25;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SeededRandom random(seed);
    Backoff::Options options;
    Backoff backoff(random, options);
    absl::Time now = kNow;
    std::deque<absl::Time> requests;
    // Some worlds know few answers: those are the ones that repeat.
    uint64_t kinds = 1 + random.Below(kRetryClassCount - 1);
    for (int i = 0; i < 300; ++i) {
      auto retry = static_cast<RetryClass>(1 + random.Below(kinds));
      bool reached = retry != RetryClass::kDns && (retry != RetryClass::kNetwork || random.Below(2));
      if (reached) {
        backoff.OnRequest(now);
        requests.push_back(now);
        while (requests.front() <= now - absl::Minutes(15)) requests.pop_front();
        ASSERT_LE(requests.size(), kShareOfBudget) << "seed " << seed;
      }
      absl::Duration flowed = absl::ZeroDuration();
      if (retry == RetryClass::kImmediate) flowed = absl::Seconds(70) * random.Unit();
      now += flowed;
      absl::Duration delay = backoff.Next(Of(retry), flowed, now);
      ASSERT_GE(delay, DelayMin(retry)) << static_cast<int>(retry);
      ASSERT_LE(delay, DelayMax(retry) + options.request_interval) << static_cast<int>(retry);
      now += delay;
    }
  }
}

}  // namespace
}  // namespace braid
