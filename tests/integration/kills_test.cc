// SIGKILL at random times under load. 10 per process in the ordinary suite;
// BRAID_KILLS sets another number (tests/campaign kills).

#include <gtest/gtest.h>

#include "tests/integration/cluster_test_base.h"
#include "tests/integration/reader.h"

namespace braid::integration {
namespace {

class Kills : public ClusterTest {
 protected:
  const int kill_count_ = CountFromEnvironment("BRAID_KILLS", 10);

  harness::ClusterOptions Load() {
    harness::ClusterOptions options;
    options.emulator.rate = 3000;
    return options;
  }

  // Each kill hits a process that serves and has seen load.
  void KillRepeatedly(harness::Daemon& daemon, int count) {
    for (int i = 0; i < count; ++i) {
      LetLoadPass(absl::Milliseconds(50), absl::Milliseconds(600));
      ASSERT_STATUS_OK(daemon.Restart());
    }
  }
};

TEST_F(Kills, OfOneConnectorLoseNothingThatTheOtherWasSent) {
  StartCluster(Load());
  KillRepeatedly(cluster().connector(0), kill_count_);
  ASSERT_STATUS_OK(cluster().Drain(absl::Minutes(1)));
  ExpectLogIsTheTruth(harness::StayedUp);
  ExpectCleanStop();
}

TEST_F(Kills, OfTheDeduperLoseNothingAndRewriteNothing) {
  StartCluster(Load());
  Reader reader(cluster().log_address());
  KillRepeatedly(cluster().deduper(), kill_count_);
  EXPECT_LE(cluster().deduper().start_duration(), absl::Seconds(2));
  ASSERT_STATUS_OK(cluster().Drain(absl::Minutes(1)));
  ExpectLogIsTheTruth(harness::StayedUp);
  auto log = harness::ExportLog(cluster().log_address(), absl::Minutes(1));
  ASSERT_TRUE(log.ok()) << log.status();
  std::vector<harness::LogItem> seen = reader.seen();
  EXPECT_GT(seen.size(), 0u);
  EXPECT_EQ(harness::Rewritten(seen, *log).count, 0u);
  ExpectCleanStop();
}

TEST_F(Kills, OfEveryoneLoseNothingThatWasSpooled) {
  StartCluster(Load());
  for (int i = 0; i < kill_count_; ++i) {
    harness::Daemon* order[] = {&cluster().connector(0), &cluster().connector(1),
                                &cluster().deduper()};
    for (int k = 2; k > 0; --k) std::swap(order[k], order[random().Below(k + 1)]);
    for (harness::Daemon* daemon : order) {
      LetLoadPass(absl::ZeroDuration(), absl::Milliseconds(300));
      // Sometimes two are away at once.
      if (random().Below(2) == 0) {
        daemon->Kill();
      } else {
        ASSERT_STATUS_OK(daemon->Restart());
      }
    }
    for (harness::Daemon* daemon : order) {
      if (!daemon->IsRunning()) ASSERT_STATUS_OK(daemon->Start());
    }
  }
  ASSERT_STATUS_OK(cluster().Drain(absl::Minutes(1)));
  ExpectLogIsTheTruth(harness::StayedUp);
  ExpectCleanStop();
}

}  // namespace
}  // namespace braid::integration
