#include "dedupe/missed_estimate.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/random.h"

namespace braid {
namespace {

TEST(MissedEstimateTest, AWitnessThatMissesNothingLeavesNothingMissed) {
  EXPECT_EQ(Chapman(500, 0, 9500).high(), 0);
  EXPECT_EQ(Chapman(0, 0, 9500).high(), 0);
  EXPECT_EQ(Chao(3, 0, 500).high(), 0);
  // A single stray miss is no sign of others.
  EXPECT_EQ(Chao(3, 1, 0).high(), 0);
}

TEST(MissedEstimateTest, TwoThatMissATwentiethEachMissAFourHundredthTogether) {
  MissedEstimate missed = Chapman(475, 475, 9025);
  EXPECT_NEAR(missed.value, 25, 0.1);
  EXPECT_GT(missed.low(), 15);
  EXPECT_LT(missed.high(), 35);
}

TEST(MissedEstimateTest, IndependentStrayMissesAtAHighRateAreFarFromOne) {
  // A minute at 200/s, 1e-4 each.
  EXPECT_LT(Chapman(1, 1, 12000).high(), 0.1);
}

TEST(MissedEstimateTest, AConnectionAloneMissesAsItDidWhileItWasCompared) {
  MissedEstimate missed = AloneMissed(600, 36000, 1800);
  EXPECT_NEAR(missed.value, 31.6, 0.1);
  EXPECT_GT(missed.high(), 40);
  EXPECT_EQ(AloneMissed(600, 100, 100).value, 0);
}

// In how many of 1,000 worlds the interval holds the truth.
int Fitting(int connections, double share, int posts) {
  int fitting = 0;
  for (uint64_t seed = 1; seed <= 1000; ++seed) {
    SeededRandom random(seed);
    uint64_t by[4] = {0, 0, 0, 0};
    uint64_t only[2] = {0, 0};
    for (int i = 0; i < posts; ++i) {
      int brought = 0;
      int last = 0;
      for (int at = 0; at < connections; ++at) {
        if (random.Unit() < share) continue;
        ++brought;
        last = at;
      }
      ++by[brought];
      if (brought == 1 && last < 2) ++only[last];
    }
    MissedEstimate missed =
        connections == 2 ? Chapman(only[0], only[1], by[2]) : Chao(connections, by[1], by[2]);
    double truth = static_cast<double>(by[0]);
    fitting += missed.low() <= truth && truth <= missed.high();
  }
  return fitting;
}

TEST(MissedEstimateTest, TheIntervalHoldsTheTruthInEightyFivePercent) {
  EXPECT_GE(Fitting(2, 0.05, 4000), 850);
  EXPECT_GE(Fitting(2, 0.2, 2000), 850);
  EXPECT_GE(Fitting(3, 0.2, 2000), 850);
}

}  // namespace
}  // namespace braid
