#include "tests/sim/volume_world.h"

#include <gtest/gtest.h>

namespace braid {
namespace {

void ExpectSound(const WorldReport& report, uint64_t seed) {
  for (const std::string& failure : report.failures) {
    ADD_FAILURE() << "seed " << seed << ": " << failure;
  }
}

TEST(VolumeWorldTest, DaysWithADropAndASurgeAreSeenAsSuch) {
  for (uint64_t seed : {1, 2}) {
    WorldReport report = RunVolumeWorld(seed);
    ExpectSound(report, seed);
    EXPECT_GT(report.merged, 200'000u);
    EXPECT_GT(report.deliveries, report.posts * 3 / 2);
  }
}

// The whole world with its faults: here for what it meters.
TEST(VolumeWorldTest, OrdinaryWorldsMeterWhatXBills) {
  for (uint64_t seed = 2; seed < 32; ++seed) {
    for (const std::string& failure : RunWorld(seed).failures) {
      EXPECT_EQ(failure.find("metered"), std::string::npos) << "seed " << seed << ": " << failure;
    }
  }
}

}  // namespace
}  // namespace braid
