// X keeps the slot of a connection that died: its connector ends it by id.

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "tests/harness/files.h"
#include "tests/harness/wait.h"
#include "tests/integration/cluster_test_base.h"

namespace braid::integration {
namespace {

using Slots = ClusterTest;

TEST_F(Slots, KilledConnectorFreesItsOwnSlotAndConnectsAgain) {
  harness::ClusterOptions options;
  options.connector_count = 1;
  options.emulator.rate = 200;
  options.emulator.slots = 1;
  options.emulator.settings = {"zombie_slot=3600"};
  ASSERT_NO_FATAL_FAILURE(StartCluster(std::move(options)));
  const std::string log_file = dir() + "/" + cluster().connector(0).name() + ".log";
  auto logged = [&](const std::string& event) {
    auto log = harness::ReadFile(log_file);
    return log.ok() && absl::StrContains(*log, event);
  };
  // Only an id that it knows as its own may be ended: X is asked for it 20 s
  // after the connect.
  ASSERT_STATUS_OK(harness::WaitUntil("its id is known", absl::Seconds(60),
                                      [&] { return logged("slots_learned"); }));
  ASSERT_STATUS_OK(cluster().connector(0).Restart());
  ASSERT_STATUS_OK(harness::WaitUntil("it streams again", absl::Minutes(2), [&] {
    return cluster().connector(0).Metric("braid_connection_receiving", 0) == 1;
  }));
  EXPECT_EQ(cluster().connector(0).Metric("braid_slots_kills_total", 0), 1);
  EXPECT_TRUE(logged("slots_killed"));
  // What came while X refused it was sent to nobody.
  ExpectLogIsTheTruth(
      [](const emulator::Truth&, const emulator::TruthConnection&) { return false; });
  ExpectCleanStop();
}

}  // namespace
}  // namespace braid::integration
