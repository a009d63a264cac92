// A paused stream through real processes: it stays paused over a restart, and
// nothing of it is fetched afterwards.

#include <gtest/gtest.h>

#include "absl/strings/match.h"
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

TEST_F(Pause, IsNoFailureLetsConnectionsGoAndEndsByTurns) {
  harness::ClusterOptions options;
  options.connector_count = 2;
  options.emulator.rate = 50;
  ASSERT_NO_FATAL_FAILURE(StartCluster(std::move(options)));
  auto receiving = [&] {
    double count = 0;
    for (int i = 0; i < 2; ++i) {
      count += cluster().connector(i).Metric("braid_connection_receiving", 0);
    }
    return count;
  };
  ASSERT_STATUS_OK(
      harness::WaitUntil("both stream", absl::Seconds(20), [&] { return receiving() == 2; }));
  EXPECT_EQ(Braid({"stream", "pause", "--reason", "quota"}).code, 0);
  ASSERT_STATUS_OK(
      harness::WaitUntil("both have left", absl::Seconds(10), [&] { return receiving() == 0; }));
  // The status is sampled once a second.
  ASSERT_STATUS_OK(harness::WaitUntil("the check knows", absl::Seconds(10), [&] {
    auto [code, output] = Braid({"status", "--check"});
    return code == 0 && absl::StrContains(output, "PAUSED by an operator") &&
           absl::StrContains(output, "braid stream resume");
  }));
  EXPECT_EQ(
      Braid({"connection", "drain", harness::Cluster::ConnectionName(0), "--reconnect"}).code, 0);
  EXPECT_EQ(Braid({"stream", "resume"}).code, 0);
  ASSERT_STATUS_OK(
      harness::WaitUntil("one streams again", absl::Seconds(20), [&] { return receiving() > 0; }));
  EXPECT_EQ(receiving(), 1) << "the other one's turn is 3 s later";
  ASSERT_STATUS_OK(
      harness::WaitUntil("both stream again", absl::Seconds(20), [&] { return receiving() == 2; }));
  ExpectCleanStop();
}

}  // namespace
}  // namespace braid::integration
