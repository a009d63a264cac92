// The rule set as the log's: which record, which version.

#include <gtest/gtest.h>

#include "dedupe/core.h"
#include "dedupe/log_entry.h"
#include "proto/proto_time.h"
#include "tests/dedupe/core_inputs.h"
#include "tests/dedupe/mem_store.h"

namespace braid {
namespace {

using store::v1::InputRecord;

class CoreWorkTest : public testing::Test {
 protected:
  CoreWorkTest() {
    core_ = *Core::Load(store_, {});
    Apply(TickInput(absl::ZeroDuration(), TestStart()));
  }

  std::vector<CommittedRecord> Apply(InputRecord input) {
    input.set_admission_micros(absl::ToUnixMicros(TestStart()));
    absl::StatusOr<Group> group = CommitInput(std::move(input), core_.get(), &store_);
    EXPECT_TRUE(group.ok()) << group.status();
    return group->records;
  }
  InputRecord Found(uint64_t hash, uint32_t count, absl::Duration at) {
    InputRecord input;
    v1::RuleSet* set = input.mutable_work()->mutable_rule_set();
    set->set_hash(hash);
    set->set_count(count);
    SetTime(TestStart() + at, set->mutable_observe_time());
    return input;
  }

  MemStore store_;
  std::unique_ptr<Core> core_;
};

TEST_F(CoreWorkTest, AChangedRuleSetIsANoticeWithItsVersion) {
  std::vector<CommittedRecord> records = Apply(Found(7, 2, -absl::Seconds(9)));
  ASSERT_EQ(records.size(), 1);
  EXPECT_EQ(records[0].first_sequence, 1);
  EXPECT_EQ(records[0].sequence_count, 1);
  EXPECT_EQ(SequenceCount(*records[0].record), 1);
  const v1::StreamNotice& notice = records[0].record->notice();
  EXPECT_EQ(notice.type(), v1::StreamNotice::TYPE_RULE_SET_CHANGED);
  EXPECT_EQ(notice.rule_set().version(), 1);
  EXPECT_EQ(notice.rule_set().hash(), 7);
  EXPECT_EQ(notice.message(), "rule set 1: 2 rules");
  EXPECT_EQ(core_->last_sequence(), 1);
}

TEST_F(CoreWorkTest, TheSameRuleSetAgainOnlyMakesItFresher) {
  Apply(Found(7, 2, -absl::Seconds(9)));
  EXPECT_TRUE(Apply(Found(7, 2, -absl::Seconds(5))).empty());
  EXPECT_EQ(core_->state().rule_set().version(), 1);
  EXPECT_EQ(ToTime(core_->state().rule_set().observe_time()), TestStart() - absl::Seconds(5));
  EXPECT_EQ(ToTime(core_->state().rule_set().change_time()), TestStart() - absl::Seconds(9));
}

TEST_F(CoreWorkTest, AnOlderListIsNotNews) {
  Apply(Found(7, 2, -absl::Seconds(5)));
  EXPECT_TRUE(Apply(Found(8, 3, -absl::Seconds(9))).empty());
  EXPECT_EQ(core_->state().rule_set().hash(), 7);
}

TEST_F(CoreWorkTest, AListFromTheFutureDoesNotSilenceTheOthers) {
  Apply(Found(7, 2, absl::Hours(900)));
  EXPECT_EQ(ToTime(core_->state().rule_set().observe_time()), TestStart());
  EXPECT_EQ(Apply(Found(8, 3, absl::Seconds(1))).size(), 1);
  EXPECT_EQ(core_->state().rule_set().version(), 2);
}

TEST_F(CoreWorkTest, ACompletedTaskTellsTheRuleSetUnlessItsFenceIsStale) {
  InputRecord create;
  create.mutable_work()->mutable_create()->mutable_rule_action()->set_kind(
      v1::RuleAction::KIND_LIST);
  Apply(create);
  InputRecord lease;
  lease.mutable_work()->mutable_lease()->set_worker_id("w");
  Apply(lease);
  InputRecord complete;
  complete.mutable_work()->set_number(1);
  v1::CompleteRequest* request = complete.mutable_work()->mutable_complete();
  *request->mutable_rule_result()->mutable_rule_set() =
      Found(7, 2, -absl::Seconds(9)).work().rule_set();
  request->set_fence(9);
  EXPECT_TRUE(Apply(complete).empty());
  request->set_fence(1);
  EXPECT_EQ(Apply(complete).size(), 1);
}

TEST_F(CoreWorkTest, ARestartKnowsTasksAndRuleSet) {
  Apply(Found(7, 2, -absl::Seconds(9)));
  InputRecord create;
  create.mutable_work()->mutable_create()->mutable_rule_action()->set_kind(
      v1::RuleAction::KIND_LIST);
  Apply(create);
  std::unique_ptr<Core> again = *Core::Load(store_, {});
  EXPECT_EQ(again->state().rule_set().version(), 1);
  EXPECT_TRUE(again->work().HasLeasable({}));
  EXPECT_EQ(again->work().counters().last_number(), 1);
}

}  // namespace
}  // namespace braid
