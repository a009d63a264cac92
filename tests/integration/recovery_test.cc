// Gaps that are filled again, through real processes: both connections are away
// and X keeps nothing for them, and still the log holds every post in the end.

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "tests/emulator/truth.h"
#include "tests/harness/wait.h"
#include "tests/integration/cluster_test_base.h"

namespace braid::integration {
namespace {

class Recovery : public ClusterTest {
 protected:
  void Start(const std::string& backfill = "never") {
    harness::ClusterOptions options;
    options.emulator.rate = 300;
    options.backfill = backfill;
    options.has_recoverer = true;
    ASSERT_NO_FATAL_FAILURE(StartCluster(std::move(options)));
    // Before the first cover nothing is known to be missing.
    ASSERT_STATUS_OK(harness::WaitUntil("it vouches", absl::Seconds(60),
                                        [&] { return Status().has_watermark_time(); }));
  }
  // Both are away, and the gap is known.
  void Outage() {
    ASSERT_STATUS_OK(cluster().Outage(absl::Seconds(4)));
    ASSERT_STATUS_OK(harness::WaitUntil("a gap is open", absl::Seconds(60),
                                        [&] { return Status().open_certain_gaps() > 0; }));
  }
  v1::StreamStatus Status() {
    return harness::GetStatus(cluster().log_address()).value_or(v1::StreamStatus());
  }
  void AwaitNoGap() {
    ASSERT_STATUS_OK(harness::WaitUntil("no gap is open", absl::Minutes(3), [&] {
      return Status().open_certain_gaps() == 0 && Status().recovery_jobs() == 0;
    }));
  }
  void ExpectEverything() {
    ASSERT_STATUS_OK(cluster().Drain(absl::Seconds(30)));
    absl::StatusOr<harness::Verdict> verdict = cluster().CompareCreated();
    ASSERT_TRUE(verdict.ok()) << verdict.status();
    EXPECT_TRUE(verdict->ok()) << verdict->ToString();
  }
};

TEST_F(Recovery, WhatBothMissedIsFetchedAgain) {
  ASSERT_NO_FATAL_FAILURE(Start());
  ASSERT_NO_FATAL_FAILURE(Outage());
  ASSERT_NO_FATAL_FAILURE(AwaitNoGap());
  EXPECT_GT(Status().recovered_events(), 1000u);
  ExpectEverything();
}

TEST_F(Recovery, ARecovererThatIsKilledAgainAndAgainGetsThere) {
  ASSERT_NO_FATAL_FAILURE(Start());
  ASSERT_NO_FATAL_FAILURE(Outage());
  for (int i = 0; i < 3; ++i) {
    ASSERT_STATUS_OK(harness::WaitUntil("a job is under way", absl::Minutes(2),
                                        [&] { return Status().recovery_jobs() > 0; }));
    cluster().recoverer().Kill();
    ASSERT_STATUS_OK(cluster().recoverer().Start());
  }
  ASSERT_NO_FATAL_FAILURE(AwaitNoGap());
  ExpectEverything();
}

TEST_F(Recovery, ADeduperThatRestartsInMidJobGoesOn) {
  ASSERT_NO_FATAL_FAILURE(Start());
  ASSERT_NO_FATAL_FAILURE(Outage());
  ASSERT_STATUS_OK(harness::WaitUntil("a job is under way", absl::Minutes(2),
                                      [&] { return Status().recovery_jobs() > 0; }));
  cluster().deduper().Kill();
  ASSERT_STATUS_OK(cluster().deduper().Start());
  ASSERT_NO_FATAL_FAILURE(AwaitNoGap());
  ExpectEverything();
}

// X sent neither of them some seconds of posts, so nothing shows it: whoever
// knows has one of them reconnect, while the other goes on.
TEST_F(Recovery, AReconnectByHandBringsWhatNeitherWasSent) {
  ASSERT_NO_FATAL_FAILURE(Start("always"));
  auto recover = [&](const std::string& how) {
    return Braid({"recover", "--from", "-40s", "--to", "-1s", "--method", "backfill", how, "--yes",
                  "-o", "json"});
  };
  ASSERT_STATUS_OK(harness::WaitUntil("both vouch for the present", absl::Seconds(60),
                                      [&] { return recover("--dry-run").code == 0; }));
  // Backfill is measured against the usual rate, which takes some 20 s to know.
  ASSERT_STATUS_OK(harness::WaitUntil("the usual rate is known", absl::Minutes(2),
                                      [&] { return Status().merged_events() > 9000; }));
  for (const char* connection : {"a", "b"}) {
    ASSERT_STATUS_OK(cluster().emulator().Drop(connection, 600));
  }
  ASSERT_STATUS_OK(harness::WaitUntil("both have left them out", absl::Seconds(30), [&] {
    absl::StatusOr<emulator::Truth> truth = cluster().emulator().ReadTruth();
    if (!truth.ok()) return false;
    uint64_t dropped = 0;
    for (const emulator::TruthConnection& connection : truth->connections) {
      for (const emulator::EmissionRange& range : connection.dropped) dropped += range.count;
    }
    return dropped >= 1200;
  }));
  Ended ended = recover("--wait");
  ASSERT_EQ(ended.code, 0) << ended.output;
  EXPECT_TRUE(absl::StrContains(ended.output, "\"METHOD_BACKFILL\"")) << ended.output;
  EXPECT_TRUE(absl::StrContains(ended.output, "\"reconnected\"")) << ended.output;
  ExpectEverything();
}

}  // namespace
}  // namespace braid::integration
