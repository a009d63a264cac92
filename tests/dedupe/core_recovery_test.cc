// Recovery in the core: gaps become jobs, jobs become work, what a recoverer
// brings and vouches for closes the gap.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "dedupe/core.h"
#include "proto/proto_time.h"
#include "proto/snowflake.h"
#include "recovery/route_table.h"
#include "tests/dedupe/core_connections.h"
#include "tests/dedupe/core_inputs.h"

namespace braid {
namespace {

using store::v1::InputRecord;
using store::v1::RecoveryInput;
using v1::Gap;
using v1::RecoveryJob;
using v1::StreamNotice;

constexpr char kRecoverer[] = "recovery/fra";

class CoreRecoveryTest : public CoreConnectionsTest {
 protected:
  void Start(config::v1::RecoveryConfig config = {}, Core::Options options = {}) {
    options.recovery.parent = "streams/main/";
    options.gaps.parent = "streams/main/";
    options.recovery.policy = *PolicyOf(config);
    CoreConnectionsTest::Start({"a", "b"}, options);
    Apply(OpenInput(kRecoverer, 1));
  }

  // Keys are forgotten sooner than X forgets; `hold_max`: a gap that is open keeps
  // them so much longer.
  static Core::Options ShortWindow(absl::Duration hold_max = Core::Options().hold_max) {
    Core::Options options;
    options.window_span = absl::Minutes(30);
    options.hold_max = hold_max;
    return options;
  }

  // Both connections are away for so long, a minute after the start.
  void Outage(int seconds) {
    Run(60);
    End("a", "reset");
    End("b", "reset");
    Run(seconds);
    Back("a");
    Back("b");
    Run(30);
  }

  const RecoveryJob& job(uint64_t number) { return core_->recovery().jobs().at(number).job(); }
  size_t job_count() const { return core_->recovery().jobs().size(); }

  // The work that a recoverer gets; 0: none.
  uint64_t Lease(const std::vector<RecoveryMethod>& methods = {}) {
    InputRecord input;
    auto* lease = input.mutable_work()->mutable_lease();
    lease->set_worker_id("fra");
    lease->set_kind(v1::LeaseRequest::KIND_RECOVERY);
    for (RecoveryMethod method : methods) lease->add_methods(method);
    if (!core_->work().HasLeasable(*lease)) return 0;
    for (const auto& [number, entry] : core_->work().entries()) {
      if (entry.state.state() != store::v1::WorkState::STATE_QUEUED) continue;
      Apply(std::move(input));
      return number;
    }
    return 0;
  }
  // The work of the job that an outage starts: X needs a minute before it has
  // anything.
  uint64_t WorkOfAnOutage() {
    Outage(700);
    Run(90);
    return Lease();
  }
  // Of what both gave up: that of the deduper itself.
  uint64_t WorkOfALoss() {
    Run(60);
    Lose("a");
    Lose("b");
    Run(75);
    EXPECT_EQ(Lease(), 0u) << "a recoverer can not let a connection go";
    return Lease({RecoveryJob::METHOD_BACKFILL});
  }
  RecoveryJob::Step StepOf(uint64_t work) const {
    return core_->work().Find(work)->task.request().recovery_step().step();
  }
  v1::RecoveryStep WorkOf(uint64_t work) const {
    return core_->work().Find(work)->task.request().recovery_step();
  }

  void Bring(const v1::TimeRange& range, bool vouch = true) {
    uint64_t first = offset_;
    std::vector<uint64_t> ids;
    absl::Time from = ToTime(range.start_time());
    for (int i = 0; i < 10; ++i) {
      ids.push_back(FirstSnowflakeAt(from + absl::Seconds(i) * 3));
    }
    InputRecord frame = FrameInput(kRecoverer, 1, offset_, ids, now_);
    frame.mutable_record()->mutable_record()->mutable_frame()->set_origin(
        v1::EVENT_ORIGIN_RECOVERY);
    Apply(std::move(frame));
    offset_ += ids.size();
    if (vouch) Vouch(range, first);
  }
  void Vouch(const v1::TimeRange& range, uint64_t first_offset) {
    InputRecord input =
        CoverInput(kRecoverer, 1, offset_++, ToTime(range.start_time()), ToTime(range.end_time()));
    v1::Cover* cover = input.mutable_record()->mutable_record()->mutable_cover();
    cover->set_origin(v1::EVENT_ORIGIN_RECOVERY);
    cover->set_first_offset(first_offset);
    Apply(std::move(input));
  }
  void Complete(uint64_t work, v1::CompleteRequest::Outcome outcome,
                const v1::RecoveryResult& result, const std::string& error = "") {
    InputRecord input;
    input.mutable_work()->set_number(work);
    v1::CompleteRequest* complete = input.mutable_work()->mutable_complete();
    complete->set_fence(core_->work().Find(work)->state.fence());
    complete->set_outcome(outcome);
    complete->set_error(error);
    *complete->mutable_recovery_result() = result;
    Apply(std::move(input));
  }
  void Succeed(uint64_t work) {
    v1::RecoveryResult result;
    result.set_complete(true);
    result.set_proof("same_twice");
    Complete(work, v1::CompleteRequest::OUTCOME_DONE, result);
  }

  RecoveryAnswer Ask(const RecoveryInput& asked) {
    InputRecord input;
    *input.mutable_recovery() = asked;
    Group group;
    absl::StatusOr<ApplyResult> result = core_->Apply(std::move(input), &group);
    EXPECT_TRUE(result.ok()) << result.status();
    core_->Seal(&group);
    EXPECT_TRUE(store_.Commit(std::move(group.changes)).ok());
    core_->Committed();
    return result->recovery;
  }
  // X says no; `retry`: and when to come again.
  void Refuse(uint64_t work, const std::string& refusal, const std::string& error,
              absl::Time retry = absl::InfinitePast()) {
    v1::RecoveryResult result;
    result.set_refusal(refusal);
    if (retry > absl::InfinitePast()) SetTime(retry, result.mutable_retry_time());
    Complete(work, v1::CompleteRequest::OUTCOME_REFUSED, result, error);
  }
  // Of a range that nobody fetches.
  RecoveryAnswer SearchByHand() {
    RecoveryInput input;
    *input.mutable_create() = ByHand(now_ - absl::Minutes(40), now_ - absl::Minutes(35));
    input.mutable_create()->set_method(RecoveryJob::METHOD_SEARCH);
    return Ask(input);
  }
  RecoveryInput::Create ByHand(absl::Time from, absl::Time until) const {
    RecoveryInput::Create create;
    create.set_from_micros(absl::ToUnixMicros(from));
    create.set_until_micros(absl::ToUnixMicros(until));
    create.set_margin_micros(-1);
    create.set_requester("op");
    return create;
  }

  int CountOf(StreamNotice::Type type) const {
    int count = 0;
    for (const StreamNotice& notice : notices_) count += notice.type() == type;
    return count;
  }

  uint64_t offset_ = 0;
};

TEST_F(CoreRecoveryTest, AGapIsFetchedAgainAndItsCoverClosesIt) {
  Start();
  Outage(700);
  // X needs a minute before it has anything.
  Run(90);
  ASSERT_EQ(job_count(), 1u);
  EXPECT_EQ(job(1).requester(), "automatic");
  EXPECT_EQ(job(1).gaps(0), "streams/main/gaps/1");
  EXPECT_EQ(gap(1).state(), Gap::STATE_RECOVERING);
  EXPECT_EQ(gap(1).recovery_jobs(0), 1u);
  EXPECT_EQ(CountOf(StreamNotice::TYPE_RECOVERY_STARTED), 1);
  uint64_t work = Lease();
  ASSERT_NE(work, 0u);
  Run(1);
  EXPECT_EQ(job(1).state(), RecoveryJob::STATE_RUNNING);
  EXPECT_EQ(StepOf(work).method(), RecoveryJob::METHOD_RECOVERY);
  EXPECT_LT(ToTime(StepOf(work).fetch_range().start_time()),
            ToTime(StepOf(work).range().start_time()));
  Bring(StepOf(work).fetch_range());
  Succeed(work);
  Run(2);
  EXPECT_EQ(Stored(1).state(), Gap::STATE_RECOVERED);
  EXPECT_EQ(Stored(1).recovered_by(), "recovery");
  EXPECT_EQ(job(1).state(), RecoveryJob::STATE_SUCCEEDED);
  EXPECT_EQ(job(1).totals().new_events(), 10u);
  EXPECT_EQ(job(1).progress(), 1);
  EXPECT_EQ(job(1).steps(0).proof(), "same_twice");
  EXPECT_EQ(CountOf(StreamNotice::TYPE_RECOVERY_FINISHED), 1);
  Run(600);
  EXPECT_EQ(job_count(), 1u);
}

TEST_F(CoreRecoveryTest, WhatAWorkerSaysWithoutCoverClosesNothingAndEnds) {
  Start();
  Outage(700);
  Run(90);
  for (int i = 0; i < 50 && job(1).state() != RecoveryJob::STATE_FAILED; ++i) {
    uint64_t work = Lease();
    if (work != 0) Succeed(work);
    Run(120);
  }
  EXPECT_EQ(job(1).state(), RecoveryJob::STATE_FAILED);
  EXPECT_NE(gap(1).state(), Gap::STATE_RECOVERED);
  EXPECT_GT(job(1).missing_size(), 0);
  // No loop: what failed starts nothing new.
  Run(900);
  EXPECT_EQ(job_count(), 1u);
}

TEST_F(CoreRecoveryTest, AnAnswerWithoutProofIsAskedForAgainTenMinutesLater) {
  Start();
  uint64_t work = WorkOfAnOutage();
  v1::RecoveryResult result;
  result.set_keys_digest(77);
  result.set_proof("clean_end");
  Complete(work, v1::CompleteRequest::OUTCOME_INCOMPLETE, result, "no proof yet");
  Run(590);
  EXPECT_EQ(Lease(), 0u);
  EXPECT_EQ(job(1).steps(0).error(), "no proof yet");
  Run(20);
  work = Lease();
  ASSERT_NE(work, 0u);
  EXPECT_EQ(WorkOf(work).last_keys_digest(), 77u);
  EXPECT_TRUE(WorkOf(work).has_last_end_time());
}

TEST_F(CoreRecoveryTest, PartsThatXCouldNotDeliverBecomeSteps) {
  Start();
  uint64_t work = WorkOfAnOutage();
  RecoveryJob::Step step = StepOf(work);
  v1::RecoveryResult result;
  v1::TimeRange* failed = result.add_failed_ranges();
  SetTime(ToTime(step.range().start_time()) + absl::Minutes(3), failed->mutable_start_time());
  SetTime(ToTime(step.range().start_time()) + absl::Minutes(4), failed->mutable_end_time());
  v1::TimeRange before = step.fetch_range(), after = step.fetch_range();
  *before.mutable_end_time() = failed->start_time();
  *after.mutable_start_time() = failed->end_time();
  Bring(before);
  Vouch(after, offset_);
  Complete(work, v1::CompleteRequest::OUTCOME_INCOMPLETE, result, "1 minute failed");
  Run(2);
  // A hole in a gap splits it; the part that is left is a gap still.
  EXPECT_EQ(job(1).steps_size(), 2);
  EXPECT_EQ(job(1).steps(0).state(), RecoveryJob::STATE_FAILED);
  Run(70);
  work = Lease();
  ASSERT_NE(work, 0u);
  EXPECT_EQ(ToTime(StepOf(work).range().end_time()) - ToTime(StepOf(work).range().start_time()),
            absl::Minutes(1));
  Bring(StepOf(work).range());
  Succeed(work);
  Run(2);
  EXPECT_EQ(job(1).state(), RecoveryJob::STATE_SUCCEEDED);
}

TEST_F(CoreRecoveryTest, ARefusalIsNoAttemptAndWaitsAsLongAsXSays) {
  Start();
  uint64_t work = WorkOfAnOutage();
  Refuse(work, "rate_limited", "429", now_ + absl::Minutes(7));
  Run(410);
  EXPECT_EQ(Lease(), 0u);
  EXPECT_EQ(job(1).steps(0).attempts(), 0u);
  Run(20);
  EXPECT_NE(Lease(), 0u);
}

TEST_F(CoreRecoveryTest, ARefusalHoldsItsRouteAlone) {
  Start();
  uint64_t work = WorkOfAnOutage();
  const absl::Time retry = now_ + absl::Minutes(20);
  Refuse(work, "rate_limited", "429", retry);
  Run(1);
  EXPECT_EQ(core_->recovery().LongestWait().until, retry);
  EXPECT_EQ(core_->recovery().LongestWait().reason, "recovery: 429");
  ASSERT_TRUE(SearchByHand().status.ok());
  Run(5);
  work = Lease();
  ASSERT_NE(work, 0u);
  EXPECT_EQ(StepOf(work).method(), RecoveryJob::METHOD_SEARCH);
}

TEST_F(CoreRecoveryTest, RefusedCredentialsHoldEveryRoute) {
  Start();
  uint64_t work = WorkOfAnOutage();
  Refuse(work, "credentials", "401");
  ASSERT_TRUE(SearchByHand().status.ok());
  Run(310);
  EXPECT_EQ(Lease(), 0u);
  Run(15);
  EXPECT_NE(Lease(), 0u);
}

TEST_F(CoreRecoveryTest, AWayThatTheAccountMayNotUseIsLeftForAnother) {
  Start();
  uint64_t work = WorkOfAnOutage();
  // Five times, and the last way on and on.
  for (int i = 0; i < 12; ++i) {
    EXPECT_EQ(StepOf(work).method(),
              i < 5 ? RecoveryJob::METHOD_RECOVERY : RecoveryJob::METHOD_SEARCH)
        << i;
    Refuse(work, "forbidden", "403");
    Run(330);
    work = Lease();
    ASSERT_NE(work, 0u) << i;
  }
}

TEST_F(CoreRecoveryTest, ARangeThatXRefusesOnceIsAskedForAgain) {
  Start();
  uint64_t work = WorkOfAnOutage();
  Refuse(work, "range_refused", "400");
  Run(70);
  work = Lease();
  ASSERT_NE(work, 0u);
  EXPECT_EQ(StepOf(work).method(), RecoveryJob::METHOD_RECOVERY);
  EXPECT_EQ(job(1).steps(0).attempts(), 1u);
  for (int i = 1; i < 5; ++i) {
    Refuse(work, "range_refused", "400");
    Run(20 * 60);
    work = Lease();
    ASSERT_NE(work, 0u) << i;
  }
  EXPECT_EQ(StepOf(work).method(), RecoveryJob::METHOD_SEARCH);
}

TEST_F(CoreRecoveryTest, AKilledRecovererCostsNoAttemptHoweverOften) {
  Start();
  Outage(700);
  Run(90);
  for (int i = 0; i < 20; ++i) {
    ASSERT_NE(Lease(), 0u) << i;
    Run(65);
  }
  uint64_t work = Lease();
  Bring(StepOf(work).fetch_range());
  Succeed(work);
  Run(2);
  EXPECT_EQ(job(1).state(), RecoveryJob::STATE_SUCCEEDED);
  EXPECT_EQ(job(1).steps(0).attempts(), 1u);
}

TEST_F(CoreRecoveryTest, ALossInAFetchVoidsItsCoverAndOneBeforeItDoesNot) {
  Start();
  uint64_t work = WorkOfAnOutage();
  uint64_t first = offset_;
  Bring(StepOf(work).fetch_range(), false);
  Apply(LossInput(kRecoverer, 1, offset_, 1));
  offset_ += 1;
  Vouch(StepOf(work).fetch_range(), first);
  Run(2);
  EXPECT_EQ(gap(1).state(), Gap::STATE_RECOVERING);
  Vouch(StepOf(work).fetch_range(), offset_);
  Run(2);
  EXPECT_EQ(Stored(1).state(), Gap::STATE_RECOVERED);
}

TEST_F(CoreRecoveryTest, NothingStartsByItselfWhereAutomaticIsOff) {
  config::v1::RecoveryConfig config;
  config.set_automatic(false);
  Start(config);
  Outage(700);
  Run(300);
  EXPECT_EQ(job_count(), 0u);
  RecoveryInput input;
  *input.mutable_create() = ByHand(now_, now_);
  input.mutable_create()->set_gap(1);
  RecoveryAnswer answer = Ask(input);
  ASSERT_TRUE(answer.status.ok()) << answer.status;
  EXPECT_EQ(job(1).requester(), "op");
  Run(2);
  EXPECT_NE(Lease(), 0u);
}

TEST_F(CoreRecoveryTest, ARangeThatIsWholeIsFetchedByHandAndFindsNothingNew) {
  Start();
  Run(1200);
  RecoveryInput input;
  *input.mutable_create() = ByHand(TestStart() + absl::Minutes(2), TestStart() + absl::Minutes(5));
  input.mutable_create()->set_request_id("r1");
  ASSERT_TRUE(Ask(input).status.ok());
  EXPECT_EQ(Ask(input).number, 1u);
  Run(2);
  uint64_t work = Lease();
  ASSERT_NE(work, 0u);
  Bring(StepOf(work).fetch_range());
  Bring(StepOf(work).fetch_range());
  Succeed(work);
  Run(2);
  EXPECT_EQ(job(1).state(), RecoveryJob::STATE_SUCCEEDED);
  EXPECT_EQ(job(1).totals().received_events(), 20u);
  EXPECT_EQ(job(1).totals().new_events(), 10u);
}

TEST_F(CoreRecoveryTest, WhatIsBeingFetchedIsRefusedWithItsJobs) {
  Start();
  Run(300);
  auto ask = [this](int from_seconds_ago, int until_seconds_ago) {
    RecoveryInput asked;
    *asked.mutable_create() =
        ByHand(now_ - absl::Seconds(from_seconds_ago), now_ - absl::Seconds(until_seconds_ago));
    return Ask(asked);
  };
  ASSERT_EQ(ask(280, 250).number, 1u);
  ASSERT_EQ(ask(250, 220).number, 2u);
  ASSERT_EQ(ask(200, 190).number, 3u);
  RecoveryAnswer one = ask(270, 260);
  EXPECT_EQ(one.status.message(),
            "all of it is being fetched, or is planned, already: see job 1 (braid job get)");
  RecoveryAnswer two = ask(270, 230);
  EXPECT_EQ(two.status.message(),
            "all of it is being fetched, or is planned, already: see jobs 1, 2 (braid job get)");
}

// Neither the gap around them nor its job matters, and nothing is vouched for.
TEST_F(CoreRecoveryTest, PostsByTheirIdsAreOneLookup) {
  Start();
  WorkOfAnOutage();
  ASSERT_EQ(job_count(), 1u);
  Interval gap_of_both = {gap(1).from_micros(), gap(1).until_micros()};
  RecoveryInput input;
  const absl::Time from = absl::FromUnixMicros(gap_of_both.from);
  const uint64_t ids[] = {FirstSnowflakeAt(from + absl::Minutes(1)) + 5,
                          FirstSnowflakeAt(from - absl::Minutes(2)),
                          FirstSnowflakeAt(from + absl::Minutes(5))};
  for (uint64_t id : ids) input.mutable_create()->add_post_ids(id);
  input.mutable_create()->set_requester("op");
  input.mutable_create()->set_margin_micros(-1);
  ASSERT_EQ(Ask(input).number, 2u);
  EXPECT_EQ(job(2).gaps_size(), 0);
  Run(2);
  uint64_t work = Lease();
  ASSERT_NE(work, 0u);
  v1::RecoveryStep step = WorkOf(work);
  EXPECT_EQ(step.step().method(), RecoveryJob::METHOD_LOOKUP);
  EXPECT_EQ(step.post_ids_size(), 3);
  EXPECT_EQ(job(2).steps_size(), 1);
  v1::RecoveryResult result;
  result.set_complete(true);
  result.set_proof("answered");
  result.add_not_had_post_ids(ids[1]);
  Complete(work, v1::CompleteRequest::OUTCOME_DONE, result);
  Run(10);
  EXPECT_EQ(job(2).state(), RecoveryJob::STATE_SUCCEEDED) << job(2).error();
  EXPECT_EQ(job(2).missing_size(), 0);
  ASSERT_EQ(job(2).not_had_post_ids_size(), 1);
  EXPECT_EQ(job(2).not_had_post_ids(0), ids[1]);
  EXPECT_EQ(gap(1).state(), Gap::STATE_RECOVERING);
  EXPECT_EQ(gap(1).from_micros(), gap_of_both.from);
}

TEST_F(CoreRecoveryTest, ALookupThatXNeverAnswersFails) {
  Start();
  Run(300);
  RecoveryInput input;
  input.mutable_create()->add_post_ids(FirstSnowflakeAt(now_ - absl::Minutes(3)));
  input.mutable_create()->set_margin_micros(-1);
  ASSERT_EQ(Ask(input).number, 1u);
  for (int i = 0; i < 5; ++i) {
    Run(20 * 60);
    uint64_t work = Lease();
    ASSERT_NE(work, 0u) << i;
    Complete(work, v1::CompleteRequest::OUTCOME_INCOMPLETE, {}, "1 of 1 ids were not answered for");
  }
  Run(10);
  EXPECT_EQ(job(1).state(), RecoveryJob::STATE_FAILED);
}

TEST_F(CoreRecoveryTest, APostThatIsNewerThanTheLastTickIsLookedUp) {
  Start();
  Run(300);
  const uint64_t id = FirstSnowflakeAt(core_->now() + absl::Milliseconds(800)) + 3;
  RecoveryInput input;
  input.mutable_create()->add_post_ids(id);
  input.mutable_create()->set_margin_micros(-1);
  ASSERT_EQ(Ask(input).number, 1u);
  Run(3);
  uint64_t work = Lease();
  ASSERT_NE(work, 0u);
  ASSERT_EQ(WorkOf(work).post_ids_size(), 1);
  EXPECT_EQ(WorkOf(work).post_ids(0), id);
}

// It would be cut off when its step starts, and planned anew.
TEST_F(CoreRecoveryTest, WhatIsJustAboveTheFloorIsRefusedAtOnce) {
  Start({}, ShortWindow());
  Run(3600);
  RecoveryInput input;
  *input.mutable_create() =
      ByHand(core_->floor() + absl::Minutes(1), core_->floor() + absl::Minutes(3));
  EXPECT_TRUE(absl::IsFailedPrecondition(Ask(input).status));
  input.mutable_create()->set_until_micros(absl::ToUnixMicros(core_->floor() + absl::Minutes(8)));
  ASSERT_EQ(Ask(input).number, 1u);
  Run(600);
  EXPECT_LT(job(1).steps_size(), 4);
}

TEST_F(CoreRecoveryTest, PostsOfTheFutureOrOfBeforeTheFloorAreRefused) {
  Start();
  Run(300);
  auto ask = [this](absl::Time created) {
    RecoveryInput input;
    input.mutable_create()->add_post_ids(FirstSnowflakeAt(created));
    input.mutable_create()->set_margin_micros(-1);
    return std::string(Ask(input).status.message());
  };
  EXPECT_NE(ask(now_ + absl::Hours(1)).find("no post has such an id yet"), std::string::npos);
  std::string old = ask(core_->floor() - absl::Hours(1));
  EXPECT_NE(old.find("below the log's floor"), std::string::npos) << old;
}

// The core's time is that of its last input; the caller's clock is another one.
TEST_F(CoreRecoveryTest, WhoSaysNowIsNotInTheFuture) {
  Start();
  Run(300);
  struct Case {
    absl::Duration ahead;
    bool works;
  };
  for (const Case& c : {Case{absl::Microseconds(1), true}, Case{absl::Minutes(1), true},
                        Case{absl::Seconds(61), false}}) {
    auto plan = core_->recovery().Preview(ByHand(now_ - absl::Minutes(2), core_->now() + c.ahead),
                                          core_->RecoveryFacts());
    EXPECT_EQ(plan.ok(), c.works) << c.ahead << plan.status();
    if (!plan.ok()) continue;
    EXPECT_EQ(ToTime(plan->range().end_time()), core_->now());
  }
}

TEST_F(CoreRecoveryTest, ACancelledJobTellsItsWorkerAndDoesNotStartAgain) {
  Start();
  uint64_t work = WorkOfAnOutage();
  RecoveryInput input;
  input.set_cancel(1);
  ASSERT_TRUE(Ask(input).status.ok());
  Run(1);
  EXPECT_EQ(job(1).state(), RecoveryJob::STATE_CANCELLING);
  EXPECT_TRUE(core_->work().Find(work)->state.cancelled());
  Complete(work, v1::CompleteRequest::OUTCOME_INCOMPLETE, {}, "cancelled");
  Run(2);
  EXPECT_EQ(job(1).state(), RecoveryJob::STATE_CANCELLED);
  EXPECT_EQ(gap(1).state(), Gap::STATE_OPEN);
  EXPECT_TRUE(absl::IsFailedPrecondition(Ask(input).status));
  Run(600);
  EXPECT_EQ(job_count(), 1u);
}

TEST_F(CoreRecoveryTest, AGapIsBeingRecoveredWhileAnyJobIsUnderWayForIt) {
  config::v1::RecoveryConfig config;
  config.set_automatic(false);
  Start(config);
  Outage(700);
  Run(200);
  const absl::Time from = absl::FromUnixMicros(gap(1).from_micros());
  for (int i = 0; i < 2; ++i) {
    RecoveryInput input;
    *input.mutable_create() =
        ByHand(from + absl::Minutes(5) * i, from + absl::Minutes(5) * (i + 1));
    ASSERT_TRUE(Ask(input).status.ok());
  }
  Run(2);
  EXPECT_EQ(gap(1).state(), Gap::STATE_RECOVERING);
  for (uint64_t number : {1, 2}) {
    RecoveryInput input;
    input.set_cancel(number);
    ASSERT_TRUE(Ask(input).status.ok());
    Run(2);
    EXPECT_EQ(job(number).state(), RecoveryJob::STATE_CANCELLED);
    EXPECT_EQ(gap(1).state(), number == 1 ? Gap::STATE_RECOVERING : Gap::STATE_OPEN);
  }
}

TEST_F(CoreRecoveryTest, APausedStreamIsNotBoughtBackByItself) {
  Start();
  Run(60);
  Apply(CommandInput(store::v1::Command::ACTION_PAUSE));
  End("a", "paused");
  End("b", "paused");
  Run(600);
  Apply(CommandInput(store::v1::Command::ACTION_RESUME));
  Back("a");
  Back("b");
  Run(400);
  EXPECT_EQ(job_count(), 0u);
}

TEST_F(CoreRecoveryTest, ARestartInMidJobGoesOn) {
  Start();
  uint64_t work = WorkOfAnOutage();
  Run(1);
  Restart();
  FirstTick();
  Run(2);
  EXPECT_EQ(job(1).state(), RecoveryJob::STATE_RUNNING);
  Bring(StepOf(work).fetch_range());
  Succeed(work);
  Run(2);
  EXPECT_EQ(job(1).state(), RecoveryJob::STATE_SUCCEEDED);
}

TEST_F(CoreRecoveryTest, WhatAJobGaveUpIsLostOnceXNoLongerHasIt) {
  config::v1::RecoveryConfig config;
  for (const char* method : {"search", "lookup"}) {
    config::v1::RouteConfig* route = config.add_routes();
    route->set_method(method);
    route->set_off(true);
  }
  Start(config);
  Outage(700);
  Run(90);
  RecoveryInput input;
  input.set_cancel(1);
  ASSERT_TRUE(Ask(input).status.ok());
  Run(3600);
  EXPECT_EQ(job(1).state(), RecoveryJob::STATE_CANCELLED);
  EXPECT_EQ(gap(1).state(), Gap::STATE_OPEN);
  // Recovery reaches back a day.
  Run(23 * 3600);
  EXPECT_EQ(Stored(1).state(), Gap::STATE_LOST);
  EXPECT_EQ(job_count(), 1u);
}

TEST_F(CoreRecoveryTest, TheFloorWaitsForWhatIsFetched) {
  Start({}, ShortWindow());
  uint64_t work = WorkOfAnOutage();
  ASSERT_NE(work, 0u);
  v1::TimeRange range = StepOf(work).fetch_range();
  Bring(range, /*vouch=*/false);
  uint64_t merged = core_->state().merged_events();
  Run(2400);
  EXPECT_LE(core_->floor(), ToTime(range.start_time()));
  EXPECT_GT(core_->held_back(), absl::Minutes(10));
  Bring(range);
  EXPECT_EQ(core_->state().merged_events(), merged);
  EXPECT_EQ(core_->state().duplicate_events(), 10u);
  Run(2);
  EXPECT_EQ(Stored(1).state(), Gap::STATE_RECOVERED);
  // Its lease ran out meanwhile.
  EXPECT_EQ(Lease(), work);
  Succeed(work);
  Run(5);
  EXPECT_LT(core_->held_back(), absl::Seconds(20));
}

TEST_F(CoreRecoveryTest, WhatIsFetchedBelowTheFloorIsReportedAndNotDoubled) {
  Start({}, ShortWindow(absl::Minutes(5)));
  uint64_t work = WorkOfAnOutage();
  ASSERT_NE(work, 0u);
  v1::TimeRange range = StepOf(work).fetch_range();
  Bring(range, /*vouch=*/false);
  uint64_t merged = core_->state().merged_events();
  Run(2400);
  ASSERT_GT(core_->floor(), ToTime(range.end_time()));
  Bring(range);
  EXPECT_EQ(core_->state().merged_events(), merged);
  EXPECT_EQ(core_->state().duplicate_events(), 0u);
  Run(2);
  EXPECT_EQ(Stored(1).state(), Gap::STATE_LOST);
}

TEST_F(CoreRecoveryTest, ACoverOfRecoveryDoesNotReachBelowTheFloor) {
  Start({}, ShortWindow(absl::Minutes(5)));
  uint64_t work = WorkOfAnOutage();
  ASSERT_NE(work, 0u);
  v1::TimeRange range = StepOf(work).fetch_range();
  absl::Time inside = ToTime(range.start_time()) + absl::Minutes(6);
  for (int i = 0; i < 3600 && core_->floor() < inside; ++i) Run(1);
  ASSERT_LT(core_->floor(), ToTime(range.end_time()) - absl::Minutes(4));
  absl::Time floor = core_->floor();
  Bring(range);
  Run(2);
  EXPECT_EQ(gap(1).until_micros(), absl::ToUnixMicros(floor));
  EXPECT_LT(gap(1).from_micros(), gap(1).until_micros());
}

// X's recovery is not contracted.
config::v1::RecoveryConfig WithoutRecovery() {
  config::v1::RecoveryConfig config;
  config.add_routes()->set_method("recovery");
  config.mutable_routes(0)->set_off(true);
  return config;
}

TEST_F(CoreRecoveryTest, OneReconnectsForWhatWasLostHere) {
  Start(WithoutRecovery());
  uint64_t work = WorkOfALoss();
  ASSERT_NE(work, 0u);
  EXPECT_EQ(StepOf(work).method(), RecoveryJob::METHOD_BACKFILL);
  EXPECT_EQ(gap(1).state(), Gap::STATE_RECOVERING);
  absl::Time from = absl::FromUnixMicros(gap(1).from_micros());
  absl::Time until = absl::FromUnixMicros(gap(1).until_micros());
  End("a", "requested");
  Run(3);
  Back("a");
  InputRecord frame = FrameInput("a", 1, connections_["a"].offset,
                                 {FirstSnowflakeAt(from), FirstSnowflakeAt(from) + 1}, now_);
  frame.mutable_record()->mutable_record()->mutable_frame()->set_origin(v1::EVENT_ORIGIN_BACKFILL);
  connections_["a"].offset += 2;
  Apply(std::move(frame));
  Run(30);
  Cover("a", from, until, v1::EVENT_ORIGIN_BACKFILL);
  Run(2);
  EXPECT_EQ(Stored(1).state(), Gap::STATE_RECOVERED);
  EXPECT_EQ(Stored(1).recovered_by(), "backfill");
  EXPECT_EQ(job(1).state(), RecoveryJob::STATE_SUCCEEDED);
  EXPECT_EQ(job(1).totals().new_events(), 2u);
  EXPECT_EQ(job(1).steps_size(), 1);
  EXPECT_TRUE(core_->work().Find(work)->state.cancelled());
  Run(600);
  EXPECT_EQ(job_count(), 1u);
}

// What X sent anew has nothing to do with what was lost before.
TEST_F(CoreRecoveryTest, ALossVoidsTheBackfillOfItsOwnStreamAlone) {
  Start(WithoutRecovery());
  WorkOfALoss();
  absl::Time from = absl::FromUnixMicros(gap(1).from_micros());
  absl::Time until = absl::FromUnixMicros(gap(1).until_micros());
  End("a", "requested");
  Run(3);
  Back("a");
  Lose("a");
  Run(30);
  Cover("a", from, until, v1::EVENT_ORIGIN_BACKFILL);
  Run(2);
  EXPECT_NE(Stored(1).state(), Gap::STATE_RECOVERED);
  End("a", "requested");
  Run(3);
  Back("a");
  Run(30);
  Cover("a", from, until, v1::EVENT_ORIGIN_BACKFILL);
  Run(2);
  EXPECT_EQ(Stored(1).state(), Gap::STATE_RECOVERED);
}

TEST_F(CoreRecoveryTest, AfterAReconnectThatBringsNothingTheNextRouteIsTaken) {
  Start(WithoutRecovery());
  uint64_t work = WorkOfALoss();
  v1::RecoveryResult result;
  result.set_complete(true);
  result.set_proof("reconnected");
  Complete(work, v1::CompleteRequest::OUTCOME_DONE, result);
  Run(120);
  ASSERT_EQ(job(1).steps_size(), 2);
  EXPECT_EQ(job(1).steps(1).method(), RecoveryJob::METHOD_SEARCH);
  EXPECT_EQ(job_count(), 1u);
}

// The other may be back in time; else it is the next route's.
TEST_F(CoreRecoveryTest, NobodyReconnectsWhereOneConnectionAloneIsWell) {
  Start(WithoutRecovery());
  Run(60);
  Lose("a");
  Lose("b");
  Run(1);
  End("b", "reset");
  Run(120);
  EXPECT_EQ(job_count(), 0u);
  EXPECT_EQ(gap(1).state(), Gap::STATE_OPEN);
  Run(120);
  ASSERT_EQ(job_count(), 1u);
  EXPECT_EQ(job(1).steps(0).method(), RecoveryJob::METHOD_SEARCH);
}

TEST_F(CoreRecoveryTest, WhatXThrewAwayIsAskedForByNoReconnect) {
  Start(WithoutRecovery());
  Run(60);
  End("a", "full_buffer");
  End("b", "full_buffer");
  Run(20);
  Back("a");
  Back("b");
  Run(60);
  RecoveryInput ask;
  *ask.mutable_create() = ByHand(now_ - absl::Seconds(100), now_ - absl::Seconds(40));
  ask.mutable_create()->set_method(RecoveryJob::METHOD_BACKFILL);
  absl::Status refused = Ask(ask).status;
  EXPECT_NE(refused.message().find("threw its buffer away"), absl::string_view::npos) << refused;
}

// A full spool gives up many offsets at once: the fetch that began among them is
// not whole.
TEST_F(CoreRecoveryTest, ALossVoidsEveryFetchThatItReachesInto) {
  Start();
  uint64_t work = WorkOfAnOutage();
  v1::TimeRange range = StepOf(work).fetch_range();
  Apply(LossInput(kRecoverer, 1, offset_, 150));
  offset_ += 150;
  Vouch(range, offset_ - 50);
  Run(2);
  EXPECT_NE(Stored(1).state(), Gap::STATE_RECOVERED);
  Vouch(range, offset_);
  Run(2);
  EXPECT_EQ(Stored(1).state(), Gap::STATE_RECOVERED);
}

TEST_F(CoreRecoveryTest, ABackfillIsCountedToNoStepOfARecoverer) {
  Start();
  Outage(700);
  Run(90);
  ASSERT_EQ(job(1).state(), RecoveryJob::STATE_QUEUED);
  InputRecord frame = FrameInput("a", 1, connections_["a"].offset,
                                 {FirstSnowflakeAt(ToTime(job(1).range().start_time()))}, now_);
  frame.mutable_record()->mutable_record()->mutable_frame()->set_origin(v1::EVENT_ORIGIN_BACKFILL);
  connections_["a"].offset += 1;
  Apply(std::move(frame));
  Run(2);
  EXPECT_EQ(job(1).totals().received_events(), 0u);
}

TEST_F(CoreRecoveryTest, ASpoolOverflowOfARecovererIsNoGap) {
  Start();
  Run(120);
  Apply(LossInput(kRecoverer, 1, 0, 500));
  Apply(OpenInput(kRecoverer, 2));
  Run(300);
  EXPECT_TRUE(core_->gaps().ledger().gaps().empty());
}

}  // namespace
}  // namespace braid
