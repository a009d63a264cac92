#include "dedupe/work_table.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/dedupe/mem_store.h"

namespace braid {
namespace {

using Outcome = WorkAnswer::Outcome;
using store::v1::WorkInput;
using store::v1::WorkState;

class WorkTableTest : public testing::Test {
 protected:
  WorkAnswer Apply(const WorkInput& input) {
    WriteSet changes;
    WorkAnswer answer = table_.Apply(input, 1000, &changes);
    EXPECT_TRUE(store_.Commit(changes).ok());
    return answer;
  }
  WorkAnswer Create(const std::string& request_id = "", size_t value_bytes = 3) {
    WorkInput input;
    input.mutable_create()->set_request_id(request_id);
    v1::RuleAction* action = input.mutable_create()->mutable_rule_action();
    action->set_kind(v1::RuleAction::KIND_ADD);
    action->add_rules()->set_value(std::string(value_bytes, 'x'));
    return Apply(input);
  }
  WorkAnswer Lease(const std::string& worker = "w") {
    WorkInput input;
    input.mutable_lease()->set_worker_id(worker);
    return Apply(input);
  }
  WorkAnswer Renew(const WorkAnswer& lease) {
    WorkInput input;
    input.set_number(lease.number);
    input.mutable_renew()->set_fence(lease.fence);
    return Apply(input);
  }
  WorkAnswer Complete(const WorkAnswer& lease, const std::string& error = "") {
    WorkInput input;
    input.set_number(lease.number);
    input.mutable_complete()->set_fence(lease.fence);
    input.mutable_complete()->set_outcome(v1::CompleteRequest::OUTCOME_DONE);
    input.mutable_complete()->set_error(error);
    return Apply(input);
  }
  void Pass(absl::Duration time) {
    for (; time > absl::ZeroDuration(); time -= absl::Seconds(1)) {
      WriteSet changes;
      table_.Tick(absl::ToInt64Microseconds(absl::Seconds(1)), &changes);
      EXPECT_TRUE(store_.Commit(changes).ok());
    }
  }
  WorkState::State StateOf(uint64_t number) { return table_.Find(number)->state.state(); }

  MemStore store_;
  WorkTable table_{WorkTable::Options()};
};

TEST_F(WorkTableTest, OneTaskIsLeasedAtATime) {
  Create();
  Create();
  WorkAnswer first = Lease();
  EXPECT_EQ(first.outcome, Outcome::kDone);
  EXPECT_EQ(first.number, 1);
  EXPECT_EQ(Lease("other").outcome, Outcome::kNoWork);
  EXPECT_EQ(Complete(first).outcome, Outcome::kDone);
  EXPECT_EQ(Lease("other").number, 2);
}

TEST_F(WorkTableTest, ALeaseThatEndedIsGivenAgainAndItsFenceIsStale) {
  Create();
  WorkAnswer first = Lease("a");
  Pass(absl::Seconds(62));
  WorkAnswer second = Lease("b");
  EXPECT_EQ(second.number, first.number);
  EXPECT_GT(second.fence, first.fence);
  EXPECT_EQ(Renew(first).outcome, Outcome::kStale);
  EXPECT_EQ(Complete(first, "mine").outcome, Outcome::kStale);
  EXPECT_EQ(StateOf(1), WorkState::STATE_LEASED);
  EXPECT_EQ(Renew(second).outcome, Outcome::kDone);
}

TEST_F(WorkTableTest, ALeaseNeverEndsBeforeItsTimeHoweverLateTheFirstTick) {
  Create();
  Lease();
  WriteSet changes;
  // What had passed before the lease was given.
  table_.Tick(absl::ToInt64Microseconds(absl::Minutes(10)), &changes);
  EXPECT_EQ(StateOf(1), WorkState::STATE_LEASED);
  Pass(absl::Seconds(59));
  EXPECT_EQ(StateOf(1), WorkState::STATE_LEASED);
  Pass(absl::Seconds(1));
  EXPECT_EQ(StateOf(1), WorkState::STATE_QUEUED);
}

TEST_F(WorkTableTest, ARenewedLeaseStartsAnew) {
  Create();
  WorkAnswer lease = Lease();
  for (int i = 0; i < 5; ++i) {
    Pass(absl::Seconds(50));
    EXPECT_EQ(Renew(lease).outcome, Outcome::kDone);
  }
  EXPECT_EQ(StateOf(1), WorkState::STATE_LEASED);
}

TEST_F(WorkTableTest, ACompletionMayBeRepeatedAndComeLateWhileNobodyElseHasIt) {
  Create();
  WorkAnswer lease = Lease();
  Pass(absl::Seconds(62));
  EXPECT_EQ(StateOf(1), WorkState::STATE_QUEUED);
  EXPECT_EQ(Complete(lease).outcome, Outcome::kDone);
  EXPECT_EQ(Complete(lease, "again").outcome, Outcome::kDone);
  EXPECT_EQ(table_.Find(1)->state.error(), "");
}

TEST_F(WorkTableTest, TheSameRequestIdIsTheSameTask) {
  EXPECT_EQ(Create("r").number, 1);
  EXPECT_EQ(Create("r").number, 1);
  EXPECT_EQ(Create("s").number, 2);
}

TEST_F(WorkTableTest, ATaskThatEndsItsWorkersFails) {
  Create();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(Lease().outcome, Outcome::kDone);
    Pass(absl::Seconds(62));
  }
  EXPECT_EQ(StateOf(1), WorkState::STATE_FAILED);
  EXPECT_EQ(Lease().outcome, Outcome::kNoWork);
}

TEST_F(WorkTableTest, ATaskThatNobodyTakesFailsAndSaysWhy) {
  Create();
  Pass(absl::Minutes(31));
  EXPECT_EQ(StateOf(1), WorkState::STATE_FAILED);
  EXPECT_TRUE(absl::StrContains(table_.Find(1)->state.error(), "no worker asked"));
}

TEST_F(WorkTableTest, FinishedTasksAreForgottenAndNumbersNeverUsedAgain) {
  Create();
  Complete(Lease());
  Pass(absl::Minutes(61));
  EXPECT_EQ(table_.Find(1), nullptr);
  EXPECT_EQ(store_.table(Table::kMeta).size(), 0);
  EXPECT_EQ(Create().number, 2);
}

TEST_F(WorkTableTest, AFullTableRefuses) {
  for (int i = 0; i < 64; ++i) EXPECT_EQ(Create().outcome, Outcome::kDone);
  EXPECT_EQ(Create().outcome, Outcome::kFull);
}

TEST_F(WorkTableTest, FinishedTasksMakeRoomForNewOnes) {
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(Create("", 3 << 20).outcome, Outcome::kDone);
  }
  EXPECT_EQ(Create("", 3 << 20).outcome, Outcome::kFull);
  Complete(Lease());
  EXPECT_EQ(Create("", 3 << 20).outcome, Outcome::kDone);
  EXPECT_EQ(table_.Find(1), nullptr);
}

TEST_F(WorkTableTest, AnUnknownNumberIsSaidToBeUnknown) {
  EXPECT_EQ(Renew({Outcome::kDone, 7, 1}).outcome, Outcome::kUnknown);
  EXPECT_EQ(Complete({Outcome::kDone, 7, 1}).outcome, Outcome::kUnknown);
}

TEST_F(WorkTableTest, ARestartKnowsAllOfIt) {
  Create("r");
  Create();
  WorkAnswer lease = Lease("a");
  Pass(absl::Seconds(30));
  WorkTable again{WorkTable::Options()};
  ASSERT_TRUE(again.Load(store_, table_.counters()).ok());
  for (uint64_t number : {1, 2}) {
    EXPECT_EQ(again.Find(number)->state.SerializeAsString(),
              table_.Find(number)->state.SerializeAsString());
    EXPECT_EQ(again.Find(number)->task.SerializeAsString(),
              table_.Find(number)->task.SerializeAsString());
  }
  WriteSet changes;
  WorkInput input;
  input.set_number(lease.number);
  input.mutable_renew()->set_fence(lease.fence);
  EXPECT_EQ(again.Apply(input, 0, &changes).outcome, Outcome::kDone);
}

}  // namespace
}  // namespace braid
