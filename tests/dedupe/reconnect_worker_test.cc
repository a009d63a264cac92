#include "dedupe/reconnect_worker.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "proto/proto_time.h"
#include "tests/recovery/fake_work_desk.h"
#include "tests/sim/sim_loop.h"

namespace braid {
namespace {

using Complete = v1::CompleteRequest;

class ReconnectWorkerTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"a", "b", "c"}) {
      SourceSnapshot& source = sources_.emplace_back();
      source.source_id = name;
      source.connected = true;
      source.session_epoch = 1;
      source.report.set_state(v1::ConnectionReport::STATE_RECEIVING);
    }
    ReconnectWorker::Options options;
    options.stream = "streams/main";
    worker_ = std::make_unique<ReconnectWorker>(
        loop_, desk_, options, [this] { return Snapshot(); },
        [this](const DrainRequest& request) {
          asked_.push_back(request);
          DrainDecision decision;
          decision.outcome = refused_.count(request.connection) > 0
                                 ? DrainDecision::Outcome::kPeerNotSettled
                                 : DrainDecision::Outcome::kGranted;
          decision.peer = "b";
          decision.wait = absl::Seconds(5);
          decision.number = asked_.size();
          if (decision.outcome == DrainDecision::Outcome::kGranted) told_ = decision.number;
          return decision;
        });
    worker_->Start();
    Run(absl::Seconds(1));
  }

  // Every connector is heard all the time.
  std::vector<SourceSnapshot> Snapshot() {
    for (SourceSnapshot& source : sources_) {
      source.report_time = loop_.Now();
      SetTime(loop_.WallNow(), source.report.mutable_report_time());
      SetTime(loop_.WallNow(), source.report.mutable_last_byte_time());
    }
    return sources_;
  }
  void Run(absl::Duration time) { loop_.RunFor(time); }
  void Give(uint32_t partition = 0) {
    v1::RecoveryStep step;
    step.set_recovery_job("streams/main/recoveryJobs/7");
    step.set_partition(partition);
    step.mutable_step()->set_method(v1::RecoveryJob::METHOD_BACKFILL);
    work_ = desk_.Add(step);
    Run(absl::Seconds(1));
  }
  void Leave(size_t place) {
    sources_[place].report.set_state(v1::ConnectionReport::STATE_CONNECTING);
  }
  void ComeBack(size_t place) {
    sources_[place].report.set_state(v1::ConnectionReport::STATE_RECEIVING);
    sources_[place].report.set_obeyed_directive(told_);
  }

  SimLoop loop_;
  FakeWorkDesk desk_{loop_};
  std::vector<SourceSnapshot> sources_;
  std::set<std::string> refused_;
  uint64_t told_ = 0;
  std::vector<DrainRequest> asked_;
  std::string work_;
  std::unique_ptr<ReconnectWorker> worker_;
};

TEST_F(ReconnectWorkerTest, AsksForReconnectsAlone) {
  ASSERT_EQ(desk_.last_request.methods_size(), 1);
  EXPECT_EQ(desk_.last_request.methods(0), v1::RecoveryJob::METHOD_BACKFILL);
  EXPECT_EQ(desk_.last_request.kind(), v1::LeaseRequest::KIND_RECOVERY);
}

TEST_F(ReconnectWorkerTest, IsDoneSomeTimeAfterTheConnectionIsBack) {
  Give();
  ASSERT_EQ(asked_.size(), 1u);
  EXPECT_EQ(asked_[0].connection, "a");
  EXPECT_TRUE(asked_[0].reconnect);
  EXPECT_FALSE(asked_[0].force);
  EXPECT_EQ(asked_[0].by, "streams/main/recoveryJobs/7");
  Leave(0);
  Run(absl::Seconds(5));
  ComeBack(0);
  // Its first cover is not due yet.
  Run(absl::Seconds(70));
  EXPECT_TRUE(desk_.completions().empty());
  Run(absl::Seconds(8));
  ASSERT_EQ(desk_.completions().size(), 1u);
  EXPECT_EQ(desk_.completions()[0].outcome(), Complete::OUTCOME_DONE);
  EXPECT_TRUE(desk_.completions()[0].recovery_result().complete());
  EXPECT_EQ(desk_.completions()[0].recovery_result().proof(), kProofReconnected);
  EXPECT_EQ(asked_.size(), 1u);
}

// Another deduper may just have let the first one go: both at once would leave the
// stream with one.
TEST_F(ReconnectWorkerTest, WhoMayNotGoYetIsAskedAgainAndNobodyInItsPlace) {
  refused_ = {"a"};
  Give();
  Run(absl::Seconds(12));
  ASSERT_EQ(asked_.size(), 3u);
  for (const DrainRequest& request : asked_) EXPECT_EQ(request.connection, "a");
  refused_.clear();
  Leave(0);
  Run(absl::Seconds(20));
  EXPECT_EQ(asked_.size(), 3u);
  ComeBack(0);
  Run(absl::Seconds(5));
  ASSERT_EQ(asked_.size(), 4u);
  EXPECT_EQ(asked_[3].connection, "a");
  ComeBack(0);
  Run(absl::Seconds(80));
  ASSERT_EQ(desk_.completions().size(), 1u);
  EXPECT_EQ(desk_.completions()[0].outcome(), Complete::OUTCOME_DONE);
}

TEST_F(ReconnectWorkerTest, NobodyThatMayGoIsAFailureThatSaysWhy) {
  refused_ = {"a", "b", "c"};
  Give();
  Run(absl::Seconds(110));
  EXPECT_TRUE(desk_.completions().empty());
  Run(absl::Seconds(12));
  ASSERT_EQ(desk_.completions().size(), 1u);
  EXPECT_EQ(desk_.completions()[0].outcome(), Complete::OUTCOME_FAILED);
  EXPECT_NE(desk_.completions()[0].error().find("only just receives"), std::string::npos)
      << desk_.completions()[0].error();
}

TEST_F(ReconnectWorkerTest, OneThatIsStartedAgainMeanwhileIsAFailure) {
  Give();
  sources_[0].session_epoch = 2;
  ComeBack(0);
  Run(absl::Seconds(2));
  ASSERT_EQ(desk_.completions().size(), 1u);
  EXPECT_EQ(desk_.completions()[0].outcome(), Complete::OUTCOME_FAILED);
}

TEST_F(ReconnectWorkerTest, OfAPartitionWhoCarriesItAndReceives) {
  for (SourceSnapshot& source : sources_) source.all_partitions = false;
  sources_[0].partitions = {1};
  sources_[1].partitions = sources_[2].partitions = {2};
  Leave(1);
  Give(2);
  Run(absl::Seconds(20));
  EXPECT_TRUE(asked_.empty());
  Run(absl::Seconds(12));
  ASSERT_EQ(asked_.size(), 1u);
  EXPECT_EQ(asked_[0].connection, "c");
}

TEST_F(ReconnectWorkerTest, OneThatDoesNotComeBackIsAFailure) {
  Give();
  Leave(0);
  Run(absl::Seconds(40));
  ASSERT_EQ(desk_.completions().size(), 1u);
  EXPECT_EQ(desk_.completions()[0].outcome(), Complete::OUTCOME_FAILED);
}

TEST_F(ReconnectWorkerTest, ACancelledOneEndsAndTheNextIsTaken) {
  Give();
  desk_.cancelled = work_;
  Run(absl::Seconds(20));
  ASSERT_EQ(desk_.completions().size(), 1u);
  EXPECT_EQ(desk_.completions()[0].outcome(), Complete::OUTCOME_INCOMPLETE);
  Give();
  EXPECT_EQ(asked_.size(), 2u);
}

}  // namespace
}  // namespace braid
