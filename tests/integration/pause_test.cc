// A paused stream through real processes: it stays paused over a restart, and
// nothing of it is fetched afterwards.

#include <gtest/gtest.h>

#include "tests/harness/wait.h"
#include "tests/integration/cluster_test_base.h"

namespace braid::integration {
namespace {

using Pause = ClusterTest;

TEST_F(Pause, LastsOverARestartAndIsNotBoughtBack) {
  harness::ClusterOptions options;
  options.connector_count = 1;
  options.backfill = "always";
  options.emulator.rate = 200;
  ASSERT_NO_FATAL_FAILURE(StartCluster(std::move(options)));
  harness::Daemon& connector = cluster().connector(0);
  auto receiving = [&] { return connector.Metric("braid_connection_receiving", 0) == 1; };
  auto merged = [&] { return harness::GetStatus(cluster().log_address())->merged_events(); };
  EXPECT_EQ(Braid({"stream", "pause"}).code, 0);
  ASSERT_STATUS_OK(
      harness::WaitUntil("it has left", absl::Seconds(10), [&] { return !receiving(); }));

  ASSERT_STATUS_OK(connector.Restart());
  // It has a call to the deduper, and would have asked X by now.
  ASSERT_STATUS_OK(harness::WaitUntil("the deduper knows it", absl::Seconds(20), [&] {
    return connector.Metric("braid_offer_connected", 0) == 1;
  }));
  // The status is sampled once a second.
  harness::LetPass(absl::Seconds(2));
  uint64_t before = merged();
  harness::LetPass(absl::Seconds(3));
  EXPECT_EQ(connector.Metric("braid_connection_attempts_total", -1), 0);
  EXPECT_EQ(merged(), before);

  EXPECT_EQ(Braid({"stream", "resume"}).code, 0);
  ASSERT_STATUS_OK(harness::WaitUntil("it streams again", absl::Seconds(20), receiving));
  absl::Time since = absl::Now();
  harness::LetPass(absl::Seconds(2));
  // More than a second of the pause would be 200 more.
  double live = 200 * absl::ToDoubleSeconds(absl::Now() - since + absl::Seconds(2));
  EXPECT_LT(merged() - before, live);
  ExpectCleanStop();
}

}  // namespace
}  // namespace braid::integration
