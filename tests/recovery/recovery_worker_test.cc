#include "recovery/recovery_worker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ingest/offer_set.h"
#include "proto/frame_codec.h"
#include "proto/proto_time.h"
#include "proto/time_range.h"
#include "tests/base/mem_file_system.h"
#include "tests/ingest/fake_deduper.h"
#include "tests/recovery/fake_work_desk.h"
#include "tests/sim/sim_loop.h"

namespace braid {
namespace {

using Complete = v1::CompleteRequest;
using Job = v1::RecoveryJob;
using Stop = FetchEvidence::Stop;

// Ends when the test says so.
struct FakeX {
  struct One final : Fetch {
    One(FakeX* x, v1::RecoveryStep step, RecordSink* sink, Done done)
        : x(x), step(std::move(step)), sink(sink), done(std::move(done)) {}
    ~One() override { x->running.erase(std::find(x->running.begin(), x->running.end(), this)); }
    FetchProgress Progress() const override { return {events, 0, absl::UnixEpoch()}; }

    void Bring(int posts, size_t bytes = 10) {
      v1::SessionRecord record;
      v1::Frame* frame = record.mutable_frame();
      frame->set_origin(v1::EVENT_ORIGIN_RECOVERY);
      std::string lines;
      for (int i = 0; i < posts; ++i) {
        frame->add_post_ids(++x->last_id);
        frame->add_receive_offsets_micros(0);
        frame->add_line_hashes(0);
        frame->add_lengths(static_cast<uint32_t>(bytes));
        for (size_t b = 0; b < bytes; ++b) lines.push_back(static_cast<char>(x->random.Next()));
      }
      CompressFrame(lines, frame);
      sink->Append(std::move(record));
      events += posts;
    }
    void End(Stop stop, Verdict verdict = {}, uint64_t digest = 1) {
      FetchEvidence evidence;
      evidence.stop = stop;
      evidence.verdict = verdict;
      evidence.asked = IntervalOf(step.step().fetch_range());
      evidence.events = events;
      evidence.keys_digest = digest;
      evidence.end_time = x->loop.WallNow();
      if (is_lookup) evidence.lookup.emplace();
      if (stop == Stop::kClean && has_final) {
        evidence.final_record = FinalRecord{FinalRecord::Kind::kCompleted, events, {}};
      }
      std::exchange(done, nullptr)(std::move(evidence));
    }

    FakeX* x;
    v1::RecoveryStep step;
    RecordSink* sink;
    Done done;
    uint64_t events = 0;
    bool has_final = true;
    bool is_lookup = false;
  };

  explicit FakeX(SimLoop& loop) : loop(loop) {}

  absl::StatusOr<std::unique_ptr<Fetch>> Make(const v1::RecoveryStep& step, RecordSink& sink,
                                              Fetch::Done done) {
    if (!status.ok()) return status;
    auto one = std::make_unique<One>(this, step, &sink, std::move(done));
    running.push_back(one.get());
    ++asked;
    return one;
  }

  SimLoop& loop;
  SeededRandom random{3};
  std::vector<One*> running;
  absl::Status status;
  int asked = 0;
  uint64_t last_id = 0;
};

class RecoveryWorkerTest : public testing::Test {
 protected:
  RecoveryWorkerTest() {
    options_.worker_id = "r1";
    options_.stream = "streams/main";
    options_.backoff.jitter = 0;
    spool_options_.dir = "/spool";
    spool_options_.deduper_count = 2;
  }

  void Start(int jobs = 1, ConnectBudget recovery = {50, absl::Minutes(15)}) {
    options_.jobs = jobs;
    window_ = std::make_unique<AttemptWindow>(recovery);
    Restart();
  }
  void Restart() {
    worker_.reset();
    offers_.reset();
    spool_.reset();
    files_.ProcessKilled();
    auto spool = Spool::Open(loop_, files_, random_, spool_options_,
                             [](absl::Status status) { FAIL() << status; });
    ASSERT_TRUE(spool.ok()) << spool.status();
    spool_ = *std::move(spool);
    offers_ = std::make_unique<OfferSet>(
        loop_, random_, *spool_,
        std::vector<OfferSet::Deduper>{{&first_, "first"}, {&second_, "second"}},
        v1::OfferRequest::Hello(), [] { return v1::ConnectionReport(); });
    worker_ = std::make_unique<RecoveryWorker>(
        loop_, random_, *spool_, std::vector<WorkClient*>{&desk_, &other_desk_}, options_,
        [this](const v1::RecoveryStep& step, RecordSink& sink, Fetch::Done done) {
          return x_.Make(step, sink, std::move(done));
        },
        RecoveryWorker::Windows{{Job::METHOD_RECOVERY, window_.get()}}, [this] { ++saved_; });
    offers_->Start();
    worker_->Start();
    loop_.RunFor(absl::Seconds(1));
  }

  static v1::RecoveryStep Step(int hour, Job::Method method = Job::METHOD_RECOVERY) {
    v1::RecoveryStep step;
    step.set_recovery_job("streams/main/recoveryJobs/1");
    step.mutable_step()->set_method(method);
    *step.mutable_step()->mutable_fetch_range() =
        RangeOf({hour * 3'600'000'000ll, (hour + 1) * 3'600'000'000ll});
    return step;
  }
  std::string Give(FakeWorkDesk* desk, const v1::RecoveryStep& step) {
    std::string name = desk->Add(step);
    loop_.RunFor(absl::Milliseconds(200));
    return name;
  }
  void Run(absl::Duration duration = absl::Seconds(1)) { loop_.RunFor(duration); }
  static int Covers(const FakeDeduper& deduper) {
    int covers = 0;
    for (const auto& [epoch, records] : deduper.durable.records) {
      for (const auto& record : records) covers += record->has_cover() ? 1 : 0;
    }
    return covers;
  }
  Complete Last(const FakeWorkDesk& desk) {
    auto all = desk.completions();
    EXPECT_FALSE(all.empty());
    return all.empty() ? Complete() : all.back();
  }

  SimLoop loop_;
  MemFileSystem files_{loop_};
  SeededRandom random_{7};
  FakeDeduper first_{loop_, random_};
  FakeDeduper second_{loop_, random_};
  FakeWorkDesk desk_{loop_};
  FakeWorkDesk other_desk_{loop_};
  FakeX x_{loop_};
  Spool::Options spool_options_;
  RecoveryWorker::Options options_;
  std::unique_ptr<AttemptWindow> window_;
  int saved_ = 0;
  std::unique_ptr<Spool> spool_;
  std::unique_ptr<OfferSet> offers_;
  std::unique_ptr<RecoveryWorker> worker_;
};

TEST_F(RecoveryWorkerTest, ADoneStepIsToldWhenTheDeduperHasItsCover) {
  Start();
  EXPECT_EQ(desk_.last_request.kind(), v1::LeaseRequest::KIND_RECOVERY);
  EXPECT_EQ(desk_.last_request.methods_size(), 1);
  Give(&desk_, Step(1));
  ASSERT_EQ(x_.running.size(), 1u);
  first_.commits = false;
  x_.running[0]->Bring(3);
  x_.running[0]->End(Stop::kClean);
  Run();
  EXPECT_TRUE(desk_.completions().empty()) << "it is not durable there yet";
  first_.commits = true;
  first_.Die();
  Run(absl::Seconds(20));
  ASSERT_EQ(desk_.completions().size(), 1u);
  EXPECT_EQ(Last(desk_).outcome(), Complete::OUTCOME_DONE);
  EXPECT_EQ(Last(desk_).name(), "streams/main/work/1");
  EXPECT_EQ(Last(desk_).fence(), 1u);
  EXPECT_EQ(Covers(first_), 1);
  EXPECT_EQ(Covers(second_), 1);
}

TEST_F(RecoveryWorkerTest, TwoCleanAttemptsTenMinutesApartProveIt) {
  testing::internal::CaptureStderr();
  Start();
  v1::RecoveryStep step = Step(1);
  Give(&desk_, step);
  x_.running[0]->has_final = false;
  x_.running[0]->End(Stop::kClean, {}, 99);
  Run();
  EXPECT_EQ(Last(desk_).recovery_result().proof(), "clean_end");
  EXPECT_EQ(Last(desk_).recovery_result().keys_digest(), 99u);
  step.set_last_keys_digest(99);
  SetTime(loop_.WallNow(), step.mutable_last_end_time());
  Run(absl::Minutes(10));
  Give(&desk_, step);
  x_.running[0]->has_final = false;
  x_.running[0]->End(Stop::kClean, {}, 99);
  Run();
  EXPECT_EQ(Last(desk_).outcome(), Complete::OUTCOME_DONE);
  EXPECT_EQ(Last(desk_).recovery_result().proof(), "same_twice");
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(absl::StrContains(log, "the same again proves")) << log;
  EXPECT_FALSE(absl::StrContains(log, "\"warn\"")) << "nothing went wrong: " << log;
}

TEST_F(RecoveryWorkerTest, TwoCleanAttemptsThatDifferAreAWarning) {
  testing::internal::CaptureStderr();
  Start();
  v1::RecoveryStep step = Step(1);
  step.set_last_keys_digest(98);
  SetTime(loop_.WallNow(), step.mutable_last_end_time());
  Give(&desk_, step);
  x_.running[0]->has_final = false;
  x_.running[0]->End(Stop::kClean, {}, 99);
  Run();
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(absl::StrContains(log, "not everything of the range")) << log;
}


TEST_F(RecoveryWorkerTest, OneFetchServesBothDedupers) {
  Start(2);
  Give(&desk_, Step(1));
  x_.running[0]->Bring(2);
  Give(&other_desk_, Step(1));
  EXPECT_EQ(x_.asked, 1);
  x_.running[0]->End(Stop::kClean);
  Run();
  EXPECT_EQ(Last(desk_).outcome(), Complete::OUTCOME_DONE);
  EXPECT_EQ(Last(other_desk_).outcome(), Complete::OUTCOME_DONE);
  EXPECT_EQ(x_.asked, 1);
}

TEST_F(RecoveryWorkerTest, ARangeInsideTheOneThatIsFetchedIsServedToo) {
  Start(2);
  v1::RecoveryStep inside = Step(1);
  inside.mutable_step()->mutable_fetch_range()->mutable_start_time()->set_seconds(3600 + 60);
  v1::RecoveryStep beyond = Step(1);
  beyond.mutable_step()->mutable_fetch_range()->mutable_end_time()->set_seconds(7200 + 1);
  v1::RecoveryStep elsewhere = Step(1);
  elsewhere.set_partition(2);
  Give(&desk_, Step(1));
  Give(&other_desk_, inside);
  EXPECT_EQ(x_.asked, 1);
  x_.running[0]->End(Stop::kClean);
  Run();
  EXPECT_EQ(Last(other_desk_).outcome(), Complete::OUTCOME_DONE);
  Give(&desk_, Step(1));
  Give(&other_desk_, beyond);
  EXPECT_EQ(x_.asked, 3);
  x_.running[1]->End(Stop::kClean);
  Run();
  Give(&other_desk_, elsewhere);
  EXPECT_EQ(x_.asked, 4);
}

TEST_F(RecoveryWorkerTest, NoMoreThanItsShareRunsAtOnceWhateverTheDedupersWant) {
  Start(2);
  for (int hour : {1, 2}) Give(&desk_, Step(hour));
  for (int hour : {3, 4}) Give(&other_desk_, Step(hour));
  EXPECT_EQ(x_.running.size(), 2u);
  EXPECT_EQ(worker_->running(), 2);
  x_.running[0]->End(Stop::kClean);
  Run();
  EXPECT_EQ(x_.running.size(), 2u);
  EXPECT_EQ(x_.asked, 3);
}

TEST_F(RecoveryWorkerTest, NoMoreRequestsThanItsShareOfTheWindow) {
  Start(1, {2, absl::Minutes(5)});
  for (int i = 0; i < 2; ++i) {
    Give(&desk_, Step(i));
    x_.running[0]->End(Stop::kClean);
    Run();
  }
  Give(&desk_, Step(5));
  Run(absl::Minutes(4));
  EXPECT_EQ(x_.asked, 2);
  EXPECT_GE(saved_, 4) << "before and after each";
  Run(absl::Minutes(1));
  EXPECT_EQ(x_.asked, 3);
}

TEST_F(RecoveryWorkerTest, ARequestThatXTookAndDidNotAnswerIsOneOfItsShare) {
  Start(1, {1, absl::Minutes(5)});
  for (Cause cause : {Cause::kConnect, Cause::kNoAnswer}) {
    Give(&desk_, Step(1));
    x_.running[0]->End(Stop::kFailed, {RetryClass::kNetwork, cause});
    Run();
  }
  EXPECT_EQ(x_.asked, 2) << "the first had no socket";
  Give(&desk_, Step(1));
  Run(absl::Minutes(4));
  EXPECT_EQ(x_.asked, 2);
}

TEST_F(RecoveryWorkerTest, WhatXNoLongerHasIsNotAskedFor) {
  Start();
  v1::RecoveryStep step = Step(1);
  SetTime(loop_.WallNow() - absl::Seconds(1), step.mutable_step()->mutable_deadline());
  Give(&desk_, step);
  Run();
  EXPECT_EQ(x_.asked, 0);
  EXPECT_EQ(Last(desk_).recovery_result().refusal(), "range_refused");
}

TEST_F(RecoveryWorkerTest, ALostLeaseStopsTheFetchAtOnceAndWritesNoCover) {
  Start();
  std::string name = Give(&desk_, Step(1));
  x_.running[0]->Bring(4);
  desk_.stale = name;
  Run(absl::Seconds(16));
  EXPECT_TRUE(x_.running.empty());
  EXPECT_TRUE(desk_.completions().empty());
  EXPECT_EQ(first_.durable.expected[spool_->epoch()], 4u) << "what came is offered all the same";
  EXPECT_EQ(Covers(first_), 0);
  Give(&desk_, Step(2));
  Run();
  EXPECT_EQ(x_.asked, 2) << "the seat asks on";
  EXPECT_EQ(window_->used(loop_.Now() + absl::Minutes(15)), 1) << "the first leaves the window";
}

TEST_F(RecoveryWorkerTest, ALeaseThatCanNotBeRenewedEndsByTheClock) {
  Start();
  Give(&desk_, Step(1));
  Give(&other_desk_, Step(1));
  desk_.status = absl::UnavailableError("away");
  Run(absl::Seconds(70));
  EXPECT_EQ(x_.running.size(), 1u) << "somebody else waits for it";
  other_desk_.status = absl::UnavailableError("away");
  Run(absl::Seconds(70));
  EXPECT_TRUE(x_.running.empty());
}

TEST_F(RecoveryWorkerTest, ACancelledStepIsStoppedAndToldSo) {
  Start();
  desk_.cancelled = Give(&desk_, Step(1));
  x_.running[0]->Bring(4);
  Run(absl::Seconds(16));
  EXPECT_TRUE(x_.running.empty());
  ASSERT_EQ(desk_.completions().size(), 1u);
  EXPECT_EQ(Last(desk_).outcome(), Complete::OUTCOME_INCOMPLETE);
  EXPECT_EQ(Last(desk_).error(), "cancelled");
}

TEST_F(RecoveryWorkerTest, OneThatIsKilledStartsANewSessionWithoutACoverForWhatItHad) {
  Start();
  Give(&desk_, Step(1));
  x_.running[0]->Bring(4);
  Run();
  uint64_t epoch = spool_->epoch();
  Restart();
  EXPECT_GT(spool_->epoch(), epoch);
  Give(&desk_, Step(1));
  x_.running[0]->Bring(4);
  x_.running[0]->End(Stop::kClean);
  Run();
  EXPECT_EQ(Last(desk_).outcome(), Complete::OUTCOME_DONE);
  EXPECT_EQ(Covers(first_), 1);
  EXPECT_EQ(first_.durable.records[spool_->epoch()].back()->cover().first_offset(), 0u)
      << "of the new session";
}

TEST_F(RecoveryWorkerTest, ASpoolThatGaveSomethingUpVouchesForNothing) {
  spool_options_.disk_bytes_max = 64 << 10;
  spool_options_.segment_bytes = 8 << 10;
  spool_options_.tail_bytes_max = 1 << 10;
  Start();
  first_.unreachable = second_.unreachable = true;
  first_.Die();
  second_.Die();
  Give(&desk_, Step(1));
  for (int i = 0; i < 40; ++i) x_.running[0]->Bring(1, 4000);
  Run(absl::Seconds(3));
  ASSERT_TRUE(spool_->HasLossFrom(0));
  x_.running[0]->End(Stop::kClean);
  Run(absl::Seconds(20));
  ASSERT_EQ(desk_.completions().size(), 1u) << "nothing to wait for";
  EXPECT_EQ(Last(desk_).outcome(), Complete::OUTCOME_INCOMPLETE);
  EXPECT_FALSE(Last(desk_).recovery_result().complete());
}

TEST_F(RecoveryWorkerTest, ACoverThatIsGivenUpBeforeItIsAcknowledgedIsNotTold) {
  spool_options_.disk_bytes_max = 64 << 10;
  spool_options_.segment_bytes = 8 << 10;
  spool_options_.tail_bytes_max = 1 << 10;
  Start();
  first_.unreachable = true;
  first_.Die();
  Give(&desk_, Step(1));
  for (int i = 0; i < 4; ++i) x_.running[0]->Bring(1, 4000);
  x_.running[0]->End(Stop::kClean);
  Run();
  EXPECT_TRUE(desk_.completions().empty());
  Give(&other_desk_, Step(2));
  for (int i = 0; i < 40; ++i) x_.running[0]->Bring(1, 4000);
  Run(absl::Seconds(3));
  ASSERT_EQ(desk_.completions().size(), 1u);
  EXPECT_EQ(Last(desk_).outcome(), Complete::OUTCOME_INCOMPLETE);
}

TEST_F(RecoveryWorkerTest, WhatIsDoneWithoutACoverIsToldOnceItIsAcknowledged) {
  Start();
  first_.unreachable = true;
  first_.Die();
  Give(&desk_, Step(1));
  x_.running[0]->Bring(5);
  x_.running[0]->is_lookup = true;
  x_.running[0]->End(Stop::kClean);
  Run(absl::Seconds(5));
  EXPECT_TRUE(desk_.completions().empty());
  first_.unreachable = false;
  Run(absl::Seconds(120));
  ASSERT_EQ(desk_.completions().size(), 1u);
  EXPECT_EQ(Last(desk_).outcome(), Complete::OUTCOME_DONE);
  EXPECT_EQ(Last(desk_).recovery_result().proof(), "answered");
}

TEST_F(RecoveryWorkerTest, RefusalsAreWaitedOutLongerEachTime) {
  Start();
  for (int i = 0; i < 3; ++i) {
    Give(&desk_, Step(i));
    ASSERT_EQ(x_.running.size(), 1u) << i;
    x_.running[0]->End(Stop::kRefused,
                       {RetryClass::kTooManyConnections, Cause::kTooManyConnections});
    Run();
    EXPECT_EQ(Last(desk_).recovery_result().refusal(), "too_many_jobs");
    if (i < 2) Run(absl::Seconds(5 << i));
  }
  Give(&desk_, Step(9));
  Run(absl::Seconds(15));
  EXPECT_EQ(x_.asked, 3) << "20 s by now";
  Run(absl::Seconds(6));
  EXPECT_EQ(x_.asked, 4);
}

TEST_F(RecoveryWorkerTest, AFetchThatXServesEndsTheBackOff) {
  Start();
  auto refused = [&](int hour) {
    Give(&desk_, Step(hour));
    ASSERT_EQ(x_.running.size(), 1u) << hour;
    x_.running[0]->End(Stop::kRefused,
                       {RetryClass::kTooManyConnections, Cause::kTooManyConnections});
  };
  refused(1);
  Run(absl::Seconds(6));
  refused(2);
  Run(absl::Seconds(11));
  Give(&desk_, Step(3));
  x_.running[0]->End(Stop::kClean);
  Run();
  refused(4);
  Give(&desk_, Step(5));
  Run(absl::Seconds(6));
  EXPECT_EQ(x_.asked, 5) << "5 s again";
}

TEST_F(RecoveryWorkerTest, WhoCanNotBeginLeavesTheStepsToOthers) {
  Start(2);
  // As much as was asked for before comes all the same.
  for (int hour : {1, 2}) Give(&desk_, Step(hour));
  for (int hour : {3, 4}) Give(&other_desk_, Step(hour));
  EXPECT_EQ(desk_.waiting(), 0u);
  x_.running[0]->End(Stop::kClean);
  Run();
  EXPECT_EQ(desk_.waiting(), 0u) << "one waits already";
  x_.running[0]->End(Stop::kClean);
  Run();
  EXPECT_GT(desk_.waiting(), 0u);
  x_.running[0]->End(Stop::kRefused, {RetryClass::kTerminal, Cause::kForbidden});
  x_.running[0]->End(Stop::kRefused, {RetryClass::kTerminal, Cause::kForbidden});
  Run();
  size_t waiting = other_desk_.waiting();
  Run(absl::Minutes(4));
  EXPECT_EQ(other_desk_.waiting(), waiting) << "its credentials are refused";
  Run(absl::Minutes(2));
  EXPECT_EQ(other_desk_.waiting(), 2u);
}

TEST_F(RecoveryWorkerTest, ARangeThatIsRefusedSaysLittleOfAnother) {
  Start();
  Give(&desk_, Step(1));
  x_.running[0]->End(Stop::kRefused, {RetryClass::kTerminal, Cause::kBadRequest});
  Give(&desk_, Step(2));
  Run(absl::Seconds(6));
  EXPECT_EQ(Last(desk_).recovery_result().refusal(), "range_refused");
  EXPECT_EQ(x_.running.size(), 1u);
}

TEST_F(RecoveryWorkerTest, RefusedCredentialsAreLeftAloneForMinutes) {
  Start();
  Give(&desk_, Step(1));
  x_.running[0]->End(Stop::kRefused, {RetryClass::kTerminal, Cause::kUnauthorized});
  Give(&desk_, Step(2));
  Run(absl::Seconds(315));
  EXPECT_EQ(x_.asked, 1);
  EXPECT_TRUE(absl::StrContains(desk_.reports.back().progress().message(), "unauthorized"));
  Run(absl::Seconds(10));
  EXPECT_EQ(x_.asked, 2);
}

TEST_F(RecoveryWorkerTest, WhatThisSourceDoesNotOfferIsRefusedWithoutAskingX) {
  Start();
  Give(&desk_, Step(1, Job::METHOD_LOOKUP));
  Run();
  EXPECT_EQ(Last(desk_).recovery_result().refusal(), "not_offered");
  x_.status = absl::UnimplementedError("no");
  Give(&desk_, Step(1));
  Run();
  EXPECT_EQ(desk_.completions().size(), 2u);
  EXPECT_EQ(Last(desk_).recovery_result().refusal(), "not_offered");
  EXPECT_EQ(x_.asked, 0);
}

TEST_F(RecoveryWorkerTest, ProgressIsToldWhileItRuns) {
  Start();
  Give(&desk_, Step(1));
  x_.running[0]->Bring(5);
  Run(absl::Seconds(5));
  ASSERT_GE(desk_.reports.size(), 2u);
  EXPECT_EQ(desk_.reports.back().progress().totals().received_events(), 5u);
  EXPECT_TRUE(desk_.reports.back().progress().has_reached_time());
}

TEST_F(RecoveryWorkerTest, ADeduperThatIsAwayHearsOfTheEndLater) {
  Start();
  Give(&desk_, Step(1));
  desk_.status = absl::UnavailableError("away");
  x_.running[0]->End(Stop::kClean);
  Run(absl::Seconds(30));
  EXPECT_TRUE(desk_.completions().empty());
  desk_.status = absl::OkStatus();
  Run(absl::Seconds(16));
  EXPECT_EQ(desk_.completions().size(), 1u);
}

}  // namespace
}  // namespace braid
