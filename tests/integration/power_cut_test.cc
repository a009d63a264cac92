// Power cuts (RELIABILITY 2.3, recipe A): the file system forgets what was not
// synced while the process is stopped. 3 of each in the ordinary suite;
// BRAID_POWER_CUTS sets another number (tests/campaign power-cuts).
//
// The controls run the same loop with syncs turned into lies (LD_PRELOAD); they
// must find lost data, else the loop could not find it either.

#include <gtest/gtest.h>
#include <signal.h>

#include "base/mutex.h"
#include "tests/harness/binaries.h"
#include "tests/harness/power.h"
#include "tests/harness/spool_export.h"
#include "tests/harness/wait.h"
#include "tests/integration/cluster_test_base.h"
#include "tests/integration/reader.h"

namespace braid::integration {
namespace {

class PowerCut : public ClusterTest {
 protected:
  const int cut_count_ = CountFromEnvironment("BRAID_POWER_CUTS", 3);

  void SetUp() override {
    if (std::string reason = harness::PowerCutsUnavailable(); !reason.empty()) {
      GTEST_SKIP() << reason;
    }
    auto disk = harness::PoweredDisk::Make(dir(), "disk");
    ASSERT_TRUE(disk.ok()) << disk.status();
    disk_ = *std::move(disk);
  }

  static std::vector<std::pair<std::string, std::string>> LyingSyncs() {
    return {{"LD_PRELOAD", harness::RunfilePath("tests/harness/libforget_sync.so")}};
  }

  // Stopped first: the cut would race with an fdatasync in flight.
  void CutPower(harness::Daemon& daemon) {
    daemon.process().Signal(SIGSTOP);
    ASSERT_STATUS_OK(harness::WaitUntil("stopped", absl::Seconds(10),
                                        [&] { return daemon.process().IsStopped(); }));
    ASSERT_STATUS_OK(disk_->Cut());
    daemon.Kill();
    ASSERT_STATUS_OK(disk_->Restore());
  }

  std::unique_ptr<harness::PoweredDisk> disk_;
};

class DeduperPowerCut : public PowerCut {
 protected:
  void StartLoad() {
    harness::ClusterOptions options;
    options.emulator.rate = 2000;
    options.data_dir = disk_->path();
    StartCluster(options);
  }

  // How many sequences that a reader had seen are not what they were, right
  // after the power came back and before any connector offers again.
  uint64_t CutAndCountRewritten() {
    Reader reader(cluster().log_address());
    LetLoadPass(absl::Milliseconds(300), absl::Milliseconds(1500));
    EXPECT_TRUE(harness::WaitUntil("a reader has seen something", absl::Seconds(10), [&] {
                  return !reader.seen().empty();
                }).ok());
    CutPower(cluster().deduper());
    for (int i : {0, 1}) cluster().connector(i).process().Signal(SIGSTOP);
    std::vector<harness::LogItem> seen = reader.seen();
    absl::Status started = cluster().deduper().Start();
    absl::StatusOr<std::vector<harness::LogItem>> log = absl::NotFoundError("no deduper");
    if (started.ok()) log = harness::ExportLog(cluster().log_address(), absl::Minutes(1));
    for (int i : {0, 1}) cluster().connector(i).process().Signal(SIGCONT);
    // A log that can not be opened any more has lost everything.
    if (!log.ok()) return seen.size();
    return harness::Rewritten(seen, *log).count;
  }
};

TEST_F(DeduperPowerCut, NeverTakesBackWhatAReaderSaw) {
  ASSERT_NO_FATAL_FAILURE(StartLoad());
  for (int i = 0; i < cut_count_; ++i) {
    ASSERT_EQ(CutAndCountRewritten(), 0u) << "at cut " << i;
  }
  ASSERT_STATUS_OK(cluster().Drain(absl::Minutes(1)));
  ExpectLogIsTheTruth(harness::StayedUp);
  ExpectCleanStop();
}

TEST_F(DeduperPowerCut, IsNoticedWhenSyncsAreLies) {
  ASSERT_NO_FATAL_FAILURE(StartLoad());
  cluster().deduper().SetEnvironment(LyingSyncs());
  ASSERT_STATUS_OK(cluster().deduper().Restart());
  uint64_t rewritten = 0;
  // One is nearly always enough; the kernel may have written by itself.
  for (int i = 0; i < 5 && rewritten == 0 && cluster().deduper().IsRunning(); ++i) {
    rewritten = CutAndCountRewritten();
  }
  EXPECT_GT(rewritten, 0u);
}

class ConnectorPowerCut : public PowerCut {
 protected:
  void StartLoad() {
    harness::ClusterOptions options;
    options.emulator.rate = 2000;
    options.connector_count = 1;
    options.spool_dirs = {disk_->path()};
    StartCluster(options);
  }

  // Of what X had sent, the connector had received and synced with no deduper
  // to help, how many posts are not on its disk after the power came back.
  uint64_t CutAndCountForgotten() {
    cluster().deduper().Kill();
    LetLoadPass(absl::Milliseconds(300), absl::Milliseconds(1500));
    absl::flat_hash_set<uint64_t> synced = WaitForSyncedIds();
    CutPower(cluster().connector(0));
    absl::StatusOr<std::vector<uint64_t>> spooled = harness::ExportSpool(cluster().spool_dir(0));
    if (!spooled.ok()) return synced.size();
    for (uint64_t id : *spooled) synced.erase(id);
    return synced.size();
  }

  // The load goes on. One connection per life of the connector: what X counts
  // for the newest is what the connector counts since its start.
  absl::flat_hash_set<uint64_t> WaitForSyncedIds() {
    harness::Daemon& connector = cluster().connector(0);
    absl::StatusOr<emulator::Truth> truth = cluster().emulator().ReadTruth();
    EXPECT_TRUE(truth.ok() && !truth->connections.empty()) << truth.status();
    if (!truth.ok() || truth->connections.empty()) return {};
    const emulator::TruthConnection& newest = truth->connections.back();
    double sent = static_cast<double>(truth->SentCount(newest));
    EXPECT_TRUE(harness::WaitUntil("received", absl::Seconds(30), [&] {
                  return connector.Metric("braid_events_received_total", 0) >= sent;
                }).ok());
    // The first may have begun before, the second may lack an open frame.
    double syncs = connector.Metric("braid_spool_syncs_total", 0) + 3;
    EXPECT_TRUE(harness::WaitUntil("synced", absl::Seconds(30), [&] {
                  return connector.Metric("braid_spool_syncs_total", 0) >= syncs;
                }).ok());
    return truth->SentIds(newest);
  }

  absl::Status StartAgain() {
    absl::Status started = cluster().deduper().Start();
    return started.ok() ? cluster().connector(0).Start() : started;
  }
};

TEST_F(ConnectorPowerCut, KeepsWhatWasSynced) {
  ASSERT_NO_FATAL_FAILURE(StartLoad());
  for (int i = 0; i < cut_count_; ++i) {
    ASSERT_EQ(CutAndCountForgotten(), 0u) << "at cut " << i;
    ASSERT_STATUS_OK(StartAgain());
    // A connection of its own before the next cut.
    LetLoadPass(absl::Milliseconds(300), absl::Milliseconds(600));
  }
  ASSERT_STATUS_OK(cluster().Drain(absl::Minutes(1)));
  ExpectLogIsTheTruth(harness::StayedUp);
  ExpectCleanStop();
}

TEST_F(ConnectorPowerCut, IsNoticedWhenSyncsAreLies) {
  ASSERT_NO_FATAL_FAILURE(StartLoad());
  cluster().connector(0).SetEnvironment(LyingSyncs());
  ASSERT_STATUS_OK(cluster().connector(0).Restart());
  LetLoadPass(absl::Milliseconds(300), absl::Milliseconds(600));
  EXPECT_GT(CutAndCountForgotten(), 0u);
}

}  // namespace
}  // namespace braid::integration
