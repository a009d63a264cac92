#include "ingest/reconnect_watch.h"

#include <gtest/gtest.h>

namespace braid {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1790000000);

class ReconnectWatchTest : public testing::Test {
 protected:
  ReconnectWatch watch_{ReconnectWatch::Options()};
  absl::Time now_ = kStart;

  // Ends until an alert begins; how many it took.
  int EndEvery(absl::Duration interval, int times) {
    int began = 0;
    for (int i = 0; i < times; ++i) {
      now_ += interval;
      for (const auto& change : watch_.OnEnd(now_, false)) began += change.began ? 1 : 0;
    }
    return began;
  }
};

TEST_F(ReconnectWatchTest, FifthEndInTenMinutesBeginsOneEpisode) {
  EXPECT_EQ(EndEvery(absl::Minutes(2), 4), 0);
  EXPECT_EQ(EndEvery(absl::Minutes(2), 1), 1);
  EXPECT_EQ(EndEvery(absl::Seconds(5), 100), 0) << "once per episode";
}

TEST_F(ReconnectWatchTest, RareEndsAreNoTrouble) {
  EXPECT_EQ(EndEvery(absl::Minutes(3), 100), 0);
}

TEST_F(ReconnectWatchTest, EpisodeEndsOnlyAfterTheHold) {
  EndEvery(absl::Seconds(1), 5);
  EXPECT_EQ(watch_.HoldLeft(now_), absl::InfiniteDuration()) << "nothing stands";
  watch_.OnAccepted(now_);
  EXPECT_EQ(watch_.HoldLeft(now_), absl::Minutes(10));
  EXPECT_TRUE(watch_.OnTime(now_ + absl::Minutes(9)).empty());
  // It ends once more: the hold starts anew.
  now_ += absl::Minutes(9);
  EXPECT_TRUE(watch_.OnEnd(now_, false).empty());
  EXPECT_TRUE(watch_.OnTime(now_ + absl::Minutes(10)).empty());
  watch_.OnAccepted(now_);
  auto changes = watch_.OnTime(now_ + absl::Minutes(10));
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_FALSE(changes[0].began);
  EXPECT_EQ(changes[0].ends, 6u);
  EXPECT_EQ(watch_.HoldLeft(now_), absl::InfiniteDuration());
  now_ += absl::Hours(1);
  EXPECT_EQ(EndEvery(absl::Seconds(1), 5), 1) << "the next episode";
}

TEST_F(ReconnectWatchTest, CeilingIsItsOwnAlert) {
  auto changes = watch_.OnEnd(now_, true);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].alert, ReconnectAlert::kCeiling);
  EXPECT_TRUE(watch_.OnEnd(now_, true).empty());
}

}  // namespace
}  // namespace braid
