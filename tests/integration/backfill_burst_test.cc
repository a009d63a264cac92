// X sends minutes of a busy stream again in one burst, faster than a connector
// takes it: nothing of it may be dropped.

#include <gtest/gtest.h>

#include "tests/harness/wait.h"
#include "tests/integration/cluster_test_base.h"

namespace braid::integration {
namespace {

using BackfillBurst = ClusterTest;

TEST_F(BackfillBurst, IsTakenWholeHoweverFastItComes) {
  constexpr int kRate = 1000;
  constexpr int kPastSeconds = 120;
  harness::ClusterOptions options;
  options.connector_count = 1;
  options.backfill = "always";
  options.emulator.rate = kRate;
  // 250 MB at once: four times what the connector holds unread.
  options.emulator.past = absl::Seconds(kPastSeconds);
  ASSERT_NO_FATAL_FAILURE(StartCluster(std::move(options)));
  ASSERT_STATUS_OK(cluster().WaitForEvents(kRate * kPastSeconds * 9 / 10, absl::Minutes(2)));
  EXPECT_GT(cluster().connector(0).Metric("braid_connection_room_waits_total", 0), 0)
      << "the burst was too slow to show anything";
  EXPECT_EQ(cluster().connector(0).Metric("braid_events_ring_full_total", -1), 0);
  EXPECT_EQ(cluster().deduper().Metric("braid_lost_lines_total", -1), 0);
  ExpectLogIsTheTruth(
      [](const emulator::Truth&, const emulator::TruthConnection&) { return true; });
  ExpectCleanStop();
}

}  // namespace
}  // namespace braid::integration
