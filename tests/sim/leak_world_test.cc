#include "tests/sim/leak_world.h"

#include <gtest/gtest.h>

namespace braid {
namespace {

LeakScenario Named(const std::string& name) {
  for (const LeakScenario& scenario : LeakScenarios()) {
    if (scenario.name == name) return scenario;
  }
  ADD_FAILURE() << name;
  return {};
}

TEST(LeakWorldTest, WhereNothingIsMissedNothingIsFound) {
  for (const char* name :
       {"nothing is missed at 0.02/s", "nothing is missed at 0.5/s", "nothing is missed at 10/s"}) {
    LeakResult result = RunLeakWorld(Named(name), 1);
    EXPECT_EQ(result.gaps, 0u) << name;
    EXPECT_EQ(result.leak_delay, absl::InfiniteDuration()) << name;
    EXPECT_LE(result.lag_max, absl::Seconds(13)) << name;
  }
}

TEST(LeakWorldTest, ALeakWithAWitnessIsToldAndIsNoGap) {
  for (const char* name :
       {"one misses 5 % at 10/s", "one misses bursts of 20 s, witness at 10/s"}) {
    LeakResult result = RunLeakWorld(Named(name), 1);
    EXPECT_EQ(result.gaps, 0u) << name;
    EXPECT_LT(result.leak_delay, absl::Minutes(1)) << name;
  }
}

TEST(LeakWorldTest, ALostTagIsFoundWithinAMinute) {
  LeakResult result = RunLeakWorld(Named("one misses a tag of 50/s"), 1);
  EXPECT_LT(result.leak_delay, absl::Minutes(1));
}

TEST(LeakWorldTest, WhatIsMissedWhileTheWitnessIsDownIsInAGap) {
  for (const char* name : {"one misses 5 %, also alone for 10 min at 0.5/s",
                           "one misses 5 %, also alone for 10 min at 10/s",
                           "one misses a tag, also alone for 10 min at 10/s"}) {
    LeakResult result = RunLeakWorld(Named(name), 1);
    EXPECT_GT(result.lost, 0u) << name;
    EXPECT_EQ(result.unreported, 0u) << name;
    EXPECT_EQ(result.false_gaps, 0u) << name;
    EXPECT_LT(result.reported, absl::Minutes(11)) << name;
  }
}

TEST(LeakWorldTest, WhatBothMissIsInAGap) {
  for (const char* name : {"both miss 5 % at 10/s", "three, each misses 5 % at 50/s"}) {
    LeakResult result = RunLeakWorld(Named(name), 1);
    EXPECT_GT(result.lost, 20u) << name;
    EXPECT_EQ(result.unreported, 0u) << name;
    EXPECT_LT(result.gap_delay, absl::Minutes(1)) << name;
  }
}

TEST(LeakWorldTest, TheEstimatesIntervalHoldsTheTruthOfIndependentLosses) {
  constexpr int kRuns = 60;
  int fitting = 0;
  for (uint64_t seed = 1; seed <= kRuns; ++seed) {
    fitting += EstimateFits(RunLeakWorld(IndependentLosses(seed), seed));
  }
  EXPECT_GE(fitting, kRuns * 85 / 100);
}

TEST(LeakWorldTest, StrayMissesAreNoFloodOfGaps) {
  LeakScenario scenario = Named("both miss 1e-4 for a day at 200/s");
  scenario.length = absl::Hours(1);
  EXPECT_LE(RunLeakWorld(scenario, 1).gaps, 1u);
}

}  // namespace
}  // namespace braid
