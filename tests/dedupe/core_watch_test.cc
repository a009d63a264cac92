// What the core watches, from inputs to notices in the log.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "dedupe/core.h"
#include "dedupe/usage_keys.h"
#include "dedupe/usage_report.h"
#include "proto/proto_time.h"
#include "proto/snowflake.h"
#include "tests/dedupe/core_inputs.h"
#include "tests/dedupe/mem_store.h"

namespace braid {
namespace {

using v1::StreamNotice;

class CoreWatchTest : public testing::Test {
 protected:
  void Load(Core::Options options) {
    options_ = options;
    core_ = *Core::Load(store_, options_);
  }

  void Apply(store::v1::InputRecord input) {
    absl::StatusOr<Group> group = CommitInput(std::move(input), core_.get(), &store_);
    ASSERT_TRUE(group.ok()) << group.status();
    for (const CommittedRecord& record : group->records) {
      if (!record.record->has_notice()) continue;
      EXPECT_EQ(record.sequence_count, 1u);
      notices_.push_back(record.record->notice());
    }
  }

  void Restart() { core_ = *Core::Load(store_, options_); }

  void Open() {
    Apply(TickInput(absl::ZeroDuration(), now_));
    Apply(OpenInput("a", 1));
  }

  // `posts` in one frame, then a second passes.
  void Second(int posts, bool listening = true) {
    std::vector<uint64_t> ids;
    for (int i = 0; i < posts; ++i) ids.push_back(FirstSnowflakeAt(now_) + ++number_ % 4000);
    if (posts > 0) Apply(FrameInput("a", 1, offset_, ids, now_));
    offset_ += ids.size();
    now_ += absl::Seconds(1);
    store::v1::InputRecord tick = TickInput(absl::Seconds(1), now_);
    if (listening) tick.mutable_tick()->add_listening("a");
    Apply(std::move(tick));
  }

  // The connection's own word about its life.
  void Event(v1::ConnectionReport::State state) {
    store::v1::InputRecord input;
    input.mutable_record()->set_source_id("a");
    v1::SessionRecord* record = input.mutable_record()->mutable_record();
    record->set_session_epoch(1);
    record->set_offset(offset_++);
    record->mutable_event()->set_state(state);
    SetTime(now_, record->mutable_event()->mutable_event_time());
    Apply(std::move(input));
  }

  // A worker takes the oldest task, which is this one, and ends it so.
  void Finish(uint64_t number, v1::CompleteRequest request) {
    store::v1::InputRecord lease;
    lease.mutable_work()->mutable_lease()->set_worker_id("w");
    Apply(std::move(lease));
    store::v1::InputRecord complete;
    complete.mutable_work()->set_number(number);
    request.set_fence(core_->work().Find(number)->state.fence());
    *complete.mutable_work()->mutable_complete() = request;
    Apply(std::move(complete));
  }

  // 30 posts, more than the limit allows.
  void ReachPause(const Core::Options& options) {
    Load(options);
    Open();
    for (int i = 0; i < 3; ++i) Second(10);
  }

  std::vector<StreamNotice::Type> Types() const {
    std::vector<StreamNotice::Type> types;
    for (const StreamNotice& notice : notices_) types.push_back(notice.type());
    return types;
  }

  MemStore store_;
  Core::Options options_;
  std::unique_ptr<Core> core_;
  absl::Time now_ = TestStart();
  uint64_t offset_ = 0;
  uint64_t number_ = 0;
  std::vector<StreamNotice> notices_;
};

Core::Options QuickVolume() {
  Core::Options options;
  options.watch.volume.model.warm_up = absl::Minutes(20);
  return options;
}

TEST_F(CoreWatchTest, ASilentConnectionThatListensIsADrop) {
  Load(QuickVolume());
  Open();
  for (int i = 0; i < 1800; ++i) Second(10);
  EXPECT_TRUE(notices_.empty());
  for (int i = 0; i < 60; ++i) Second(0);
  // Told, and a gap that is suspected.
  ASSERT_EQ(Types(), (std::vector<StreamNotice::Type>{StreamNotice::TYPE_VOLUME_DROP_BEGAN,
                                                      StreamNotice::TYPE_GAP_OPENED}));
  EXPECT_EQ(notices_[1].gap().kind(), v1::Gap::KIND_VOLUME_DROP);
  EXPECT_NEAR(notices_[0].volume().expected_per_second(), 10, 1);
  EXPECT_LT(notices_[0].volume().observed_per_second(), 1);
  EXPECT_FALSE(notices_[0].message().empty());
  Restart();
  for (int i = 0; i < 90; ++i) Second(10);
  ASSERT_EQ(notices_.size(), 4u);
  EXPECT_EQ(notices_[2].type(), StreamNotice::TYPE_VOLUME_DROP_ENDED);
  EXPECT_EQ(notices_[3].type(), StreamNotice::TYPE_GAP_CLEARED);
}

TEST_F(CoreWatchTest, ADropIsToldOnceItHasLasted) {
  Load(QuickVolume());
  Open();
  for (int i = 0; i < 1800; ++i) Second(50);
  for (int i = 0; i < 20; ++i) Second(0);
  for (int i = 0; i < 60; ++i) Second(50);
  EXPECT_TRUE(notices_.empty()) << "20 s are less than the hold time of 30 s";
  for (int i = 0; i < 45; ++i) Second(0);
  EXPECT_EQ(Types(), (std::vector<StreamNotice::Type>{StreamNotice::TYPE_VOLUME_DROP_BEGAN,
                                                      StreamNotice::TYPE_GAP_OPENED}));
}

TEST_F(CoreWatchTest, NobodyWhoListensIsNoDrop) {
  Load(QuickVolume());
  Open();
  for (int i = 0; i < 1800; ++i) Second(10);
  Event(v1::ConnectionReport::STATE_BACKING_OFF);
  for (int i = 0; i < 600; ++i) Second(0, /*listening=*/false);
  Event(v1::ConnectionReport::STATE_RECEIVING);
  for (int i = 0; i < 60; ++i) Second(10);
  EXPECT_TRUE(notices_.empty());
}

// Its session goes on without an end: what came next says that nothing came
// before it.
TEST_F(CoreWatchTest, ASilenceThatAPostEndsWasOne) {
  Load(QuickVolume());
  Open();
  for (int i = 0; i < 1800; ++i) Second(10);
  for (int i = 0; i < 70; ++i) Second(0, /*listening=*/false);
  for (int i = 0; i < 60; ++i) Second(10);
  ASSERT_FALSE(notices_.empty());
  EXPECT_EQ(notices_[0].type(), StreamNotice::TYPE_VOLUME_DROP_BEGAN);
}

TEST_F(CoreWatchTest, ADeduperThatWasAwaySeesNeitherDropNorSurge) {
  Load(QuickVolume());
  Open();
  for (int i = 0; i < 1800; ++i) Second(10);
  Restart();
  absl::Time away = now_;
  now_ += absl::Minutes(10);
  Apply(TickInput(absl::Minutes(10), now_));
  // The backlog, at once.
  for (; away < now_; away += absl::Seconds(1)) {
    std::vector<uint64_t> ids;
    for (int i = 0; i < 10; ++i) ids.push_back(FirstSnowflakeAt(away) + i);
    Apply(FrameInput("a", 1, offset_, ids, away));
    offset_ += ids.size();
  }
  for (int i = 0; i < 300; ++i) Second(10);
  EXPECT_TRUE(notices_.empty()) << notices_[0].message();
}

TEST_F(CoreWatchTest, ALimitWarnsPausesAndResumesInItsNextPeriod) {
  Core::Options options;
  UsageLimit limit;
  limit.posts = 100;
  limit.action = UsageLimit::Action::kPause;
  options.watch.limits.push_back(limit);
  Load(options);
  Open();
  for (int i = 0; i < 12; ++i) Second(10);
  EXPECT_EQ(Types(), (std::vector<StreamNotice::Type>{StreamNotice::TYPE_USAGE_WARNING,
                                                      StreamNotice::TYPE_USAGE_LIMIT_REACHED,
                                                      StreamNotice::TYPE_PAUSED}));
  EXPECT_TRUE(core_->watch().paused());
  Restart();
  EXPECT_TRUE(core_->watch().paused());
  now_ = TestStart() + absl::Hours(24);
  Apply(TickInput(absl::Hours(24), now_));
  EXPECT_FALSE(core_->watch().paused());
  EXPECT_EQ(notices_.back().type(), StreamNotice::TYPE_RESUMED);
  // The span stands for whoever counts gaps.
  int spans = 0;
  ASSERT_TRUE(store_
                  .Scan(Table::kUsage, UsageKey(kUsagePause), UsageKey(kUsagePause + 1),
                        [&](absl::string_view, absl::string_view value) {
                          store::v1::Pause pause;
                          EXPECT_TRUE(
                              pause.ParseFromString(std::string(value.data(), value.size())));
                          EXPECT_GT(pause.until_micros(), pause.from_micros());
                          ++spans;
                          return true;
                        })
                  .ok());
  EXPECT_EQ(spans, 1);
}

Core::Options RemovesRules(UsageLimit::Action action) {
  Core::Options options;
  UsageLimit limit;
  limit.posts = 100;
  limit.action = action;
  limit.rules = {"dear", "dearer"};
  options.watch.limits.push_back(limit);
  return options;
}

TEST_F(CoreWatchTest, ALimitsRulesAreRemovedByATask) {
  Load(RemovesRules(UsageLimit::Action::kRemoveRules));
  Open();
  for (int i = 0; i < 9; ++i) Second(10);
  EXPECT_TRUE(core_->work().entries().empty());
  for (int i = 0; i < 5; ++i) Second(10);
  ASSERT_EQ(core_->work().entries().size(), 1u) << "once";
  const v1::RuleAction& action = core_->work().Find(1)->task.request().rule_action();
  EXPECT_EQ(action.kind(), v1::RuleAction::KIND_REMOVE);
  EXPECT_TRUE(action.may_remove_all());
  ASSERT_EQ(action.rules_size(), 2);
  EXPECT_EQ(action.rules(1).tag(), "dearer");
  EXPECT_EQ(action.rules(1).value() + action.rules(1).id(), "");
  Restart();
  v1::CompleteRequest failed;
  failed.set_outcome(v1::CompleteRequest::OUTCOME_FAILED);
  Finish(1, failed);
  for (int i = 0; i < 590; ++i) Second(0);
  EXPECT_EQ(core_->work().entries().size(), 1u) << "not at once";
  for (int i = 0; i < 20; ++i) Second(0);
  ASSERT_EQ(core_->work().entries().size(), 2u) << "but again";
  EXPECT_EQ(Types().back(), StreamNotice::TYPE_USAGE_LIMIT_REACHED);
  v1::CompleteRequest done;
  done.set_outcome(v1::CompleteRequest::OUTCOME_DONE);
  done.mutable_rule_result()->add_outcomes()->set_state(v1::RuleOutcome::STATE_REMOVED);
  Finish(2, done);
  Second(0);
  EXPECT_EQ(Types().back(), StreamNotice::TYPE_RULES_REMOVED);
  EXPECT_EQ(notices_.back().usage().rules_size(), 2);
  size_t told = notices_.size();
  Restart();
  for (int i = 0; i < 1300; ++i) Second(0);
  EXPECT_EQ(notices_.size(), told) << "once in the period";
  EXPECT_EQ(core_->work().counters().last_number(), 2u);
}

TEST_F(CoreWatchTest, ARuleThatXKeepsIsRemovedAgain) {
  Load(RemovesRules(UsageLimit::Action::kRemoveRules));
  Open();
  for (int i = 0; i < 12; ++i) Second(10);
  v1::CompleteRequest done;
  done.set_outcome(v1::CompleteRequest::OUTCOME_DONE);
  done.mutable_rule_result()->add_outcomes()->set_state(v1::RuleOutcome::STATE_REFUSED);
  Finish(1, done);
  for (int i = 0; i < 605; ++i) Second(0);
  EXPECT_EQ(core_->work().counters().last_number(), 2u);
  EXPECT_EQ(Types().back(), StreamNotice::TYPE_USAGE_LIMIT_REACHED);
}

TEST_F(CoreWatchTest, NoRuleIsRemovedUnlessTheLimitSaysSo) {
  Core::Options options = RemovesRules(UsageLimit::Action::kNone);
  options.watch.limits.push_back(RemovesRules(UsageLimit::Action::kPause).watch.limits[0]);
  Load(options);
  Open();
  for (int i = 0; i < 30; ++i) Second(10);
  EXPECT_TRUE(core_->watch().paused());
  EXPECT_TRUE(core_->work().entries().empty());
}

TEST_F(CoreWatchTest, WhatXCountsStandsBesideWhatWeCount) {
  Load({});
  Open();
  for (int i = 0; i < 5; ++i) Second(10);
  std::string today = absl::FormatTime("%Y-%m-%d", now_, absl::UTCTimeZone());
  store::v1::InputRecord input;
  v1::XUsage* usage = input.mutable_work()->mutable_usage();
  // A clock that is wrong says nothing about the future.
  SetTime(now_ + absl::Hours(5), usage->mutable_observe_time());
  usage->set_project_posts(70);
  usage->add_days()->set_date(today);
  usage->mutable_days(0)->set_posts(60);
  Apply(std::move(input));
  UsageFacts facts;
  facts.stream = "main";
  facts.now = now_;
  absl::StatusOr<v1::Usage> shown = ReportUsage(store_, facts, {});
  ASSERT_TRUE(shown.ok());
  EXPECT_EQ(shown->days(0).date(), today);
  EXPECT_EQ(shown->days(0).counts().posts(), 50u);
  EXPECT_EQ(shown->days(0).x_posts(), 60u);
  EXPECT_FALSE(shown->days(1).has_x_posts());
  EXPECT_EQ(shown->x_usage().project_posts(), 70u);
  // Posts go on coming; what the reading is held against stays.
  EXPECT_EQ(shown->x_usage().metered_posts(), 50u);
  EXPECT_TRUE(shown->days(1).has_counts());
  facts.first_day = UtcDay(now_);
  shown = ReportUsage(store_, facts, {});
  EXPECT_TRUE(shown->days(0).has_counts());
  EXPECT_FALSE(shown->days(1).has_counts()) << "before the log began";
  EXPECT_LE(ToTime(shown->x_usage().observe_time()), now_);
}

TEST_F(CoreWatchTest, AnOperatorsResumeHoldsForThePeriod) {
  Core::Options options;
  UsageLimit limit;
  limit.posts = 10;
  limit.action = UsageLimit::Action::kPause;
  options.watch.limits.push_back(limit);
  Load(options);
  Open();
  for (int i = 0; i < 3; ++i) Second(10);
  ASSERT_TRUE(core_->watch().paused());
  Apply(CommandInput(store::v1::Command::ACTION_RESUME));
  EXPECT_FALSE(core_->watch().paused());
  for (int i = 0; i < 30; ++i) Second(10);
  EXPECT_FALSE(core_->watch().paused());
}

Core::Options PausesAt(uint64_t posts, UsageLimit::Period period = UsageLimit::Period::kDay) {
  Core::Options options;
  UsageLimit limit;
  limit.period = period;
  limit.posts = posts;
  limit.action = UsageLimit::Action::kPause;
  options.watch.limits.push_back(limit);
  return options;
}

TEST_F(CoreWatchTest, APauseEndsWhereItsLimitIsRaised) {
  ReachPause(PausesAt(10));
  options_ = PausesAt(1000);
  Restart();
  ASSERT_TRUE(core_->watch().paused()) << "as it was written";
  Second(0);
  EXPECT_FALSE(core_->watch().paused());
  ASSERT_EQ(notices_.back().type(), StreamNotice::TYPE_RESUMED);
  EXPECT_EQ(notices_.back().message(), "resumed: no configured limit is reached any more");
}

TEST_F(CoreWatchTest, APauseEndsWhereItsLimitIsGone) {
  ReachPause(PausesAt(10));
  options_ = Core::Options();
  Restart();
  Second(0);
  EXPECT_FALSE(core_->watch().paused());
}

TEST_F(CoreWatchTest, APauseGoesOnWhereTheChangedLimitIsReachedToo) {
  ReachPause(PausesAt(10));
  absl::Time ends = absl::FromUnixMicros(core_->watch().limits().pause().ends_micros());
  options_ = PausesAt(20, UsageLimit::Period::kMonth);
  Restart();
  Second(0);
  ASSERT_TRUE(core_->watch().paused());
  EXPECT_EQ(core_->watch().limits().pause().reason(), "limit of 20 posts per month reached");
  EXPECT_GT(absl::FromUnixMicros(core_->watch().limits().pause().ends_micros()), ends);
  options_ = PausesAt(1000);
  Restart();
  Second(0);
  EXPECT_FALSE(core_->watch().paused());
}

TEST_F(CoreWatchTest, ASecondPauseWithoutAReasonKeepsTheFirsts) {
  Load({});
  Open();
  Apply(CommandInput(store::v1::Command::ACTION_PAUSE));
  EXPECT_EQ(core_->watch().limits().pause().reason(), "no reason given");
  store::v1::InputRecord pause = CommandInput(store::v1::Command::ACTION_PAUSE);
  pause.mutable_command()->set_reason("quota");
  Apply(std::move(pause));
  Apply(CommandInput(store::v1::Command::ACTION_PAUSE));
  EXPECT_EQ(core_->watch().limits().pause().reason(), "quota");
}

TEST_F(CoreWatchTest, AnOperatorsPauseNeverEndsByItself) {
  ReachPause(PausesAt(10));
  store::v1::InputRecord pause = CommandInput(store::v1::Command::ACTION_PAUSE);
  pause.mutable_command()->set_reason("quota");
  Apply(std::move(pause));
  options_ = Core::Options();
  Restart();
  Second(0);
  now_ += absl::Hours(72);
  Second(0);
  ASSERT_TRUE(core_->watch().paused());
  EXPECT_EQ(core_->watch().limits().pause().reason(), "quota");
}

TEST_F(CoreWatchTest, XsResetDayIsHeldAgainstTheConfigured) {
  Load(PausesAt(1'000'000, UsageLimit::Period::kMonth));
  Open();
  EXPECT_EQ(core_->watch().ResetDayProblem(), "") << "X has not said";
  store::v1::InputRecord input;
  SetTime(now_, input.mutable_work()->mutable_usage()->mutable_observe_time());
  input.mutable_work()->mutable_usage()->set_reset_day(15);
  Apply(std::move(input));
  EXPECT_EQ(core_->watch().ResetDayProblem(),
            "usage_reset_day is 1 and X counts from day 15: limits per month count another month "
            "than X bills.");
  Restart();
  EXPECT_NE(core_->watch().ResetDayProblem(), "");
  options_.watch.usage_reset_day = 15;
  Restart();
  EXPECT_EQ(core_->watch().ResetDayProblem(), "");
  options_ = PausesAt(1000);
  Restart();
  EXPECT_EQ(core_->watch().ResetDayProblem(), "") << "no limit counts by month";
}

TEST_F(CoreWatchTest, TwoConnectionsAreBilledOnce) {
  Load({});
  Open();
  Apply(OpenInput("b", 1));
  Apply(FrameInput("a", 1, 0, {FirstSnowflakeAt(now_) + 1, FirstSnowflakeAt(now_) + 2}, now_));
  Apply(FrameInput("b", 1, 0, {FirstSnowflakeAt(now_) + 2, FirstSnowflakeAt(now_) + 3}, now_));
  int32_t today = UtcDay(now_);
  EXPECT_EQ(core_->watch().metering().Posts(today, today + 1), 3u);
}

}  // namespace
}  // namespace braid
