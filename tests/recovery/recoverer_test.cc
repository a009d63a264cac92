// A recoverer's stream against the emulated X, two dedupers that take what it
// offers, and desks that give it steps.

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <future>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "base/curl_http_client.h"
#include "base/posix_file_system.h"
#include "base/random.h"
#include "base/real_loop.h"
#include "proto/snowflake.h"
#include "proto/time_range.h"
#include "recovery/past_request.h"
#include "recovery/recovered_stream.h"
#include "tests/emulator/emulator_fixture.h"
#include "tests/ingest/fake_deduper.h"
#include "tests/recovery/fake_work_desk.h"

namespace braid {
namespace {

using Complete = v1::CompleteRequest;
using Job = v1::RecoveryJob;

using emulator::kFiltered;

class RecovererTest : public emulator::EmulatorFixture {
 protected:
  RecovererTest() : dir_(absl::StrCat(testing::TempDir(), "/recoverer")) {
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directories(dir_);
    options_.rate = 20;
    options_.past = absl::Hours(1);
    options_.server.job_rate = 0;
    EXPECT_TRUE(ledger_.Load().ok());
    spool_.deduper_count = 2;
  }
  ~RecovererTest() override {
    loop_.Stop();
    stream_.reset();
  }

  void Start(const std::string& dialect, const std::string& path, int jobs = 1) {
    StartEmulator();
    // Whole minutes, well inside what the emulator made.
    now_ = absl::FromUnixSeconds(absl::ToUnixSeconds(absl::Now()) / 60 * 60);
    config::v1::RecovererConfig config;
    config.set_recoverer("r1");
    config.mutable_spool()->set_dir(dir_);
    config::v1::RecoveredStream* stream = config.add_streams();
    stream->set_stream("main");
    stream->set_jobs(jobs);
    stream->mutable_source()->set_dialect(dialect);
    stream->mutable_source()->set_url(absl::StrCat("http://127.0.0.1:", emulator_->port(), path));
    stream->mutable_source()->set_line_max_bytes(2 << 20);
    if (!has_counts_) {
      stream->set_counts_url(absl::StrCat("http://127.0.0.1:", emulator_->port(), "/none"));
    }
    plan_ = PlanStreams(config).front();
    Open();
    loop_.Start();
  }
  void Open() {
    RecoveredStream::Options options;
    options.recoverer = "r1";
    options.spool = spool_;
    options.worker.tick_interval = absl::Milliseconds(10);
    options.worker.renew_interval = absl::Milliseconds(50);
    options.worker.backoff.http_min = absl::Milliseconds(100);
    stream_ = std::make_unique<RecoveredStream>(
        loop_, http_, files_, random_, ledger_, plan_, options,
        std::vector<RecoveredStream::Deduper>{{"first", &first_, &desk_},
                                              {"second", &second_, &other_desk_}});
    absl::Status status = stream_->Open([](absl::Status failed) { FAIL() << failed; });
    ASSERT_TRUE(status.ok()) << status;
    stream_->Start();
  }
  void Stop() {
    loop_.Stop();
    stream_.reset();
  }

  v1::RecoveryStep Step(Job::Method method, int from_ago, int until_ago) const {
    v1::RecoveryStep step;
    step.set_stream("streams/main");
    step.set_recovery_job("streams/main/recoveryJobs/1");
    step.mutable_step()->set_number(1);
    step.mutable_step()->set_method(method);
    *step.mutable_step()->mutable_fetch_range() = Range(from_ago, until_ago);
    return step;
  }
  // Minutes ago.
  v1::TimeRange Range(int from_ago, int until_ago) const {
    return RangeOf({absl::ToUnixMicros(now_ - absl::Minutes(from_ago)),
                    absl::ToUnixMicros(now_ - absl::Minutes(until_ago))});
  }
  void Give(FakeWorkDesk* desk, const v1::RecoveryStep& step) {
    loop_.Post([desk, step] { desk->Add(step); });
  }
  // REQUIRES: stopped.
  static std::vector<v1::Cover> Covers(const FakeDeduper& deduper) {
    std::vector<v1::Cover> covers;
    for (const auto& [epoch, records] : deduper.durable.records) {
      for (const auto& record : records) {
        if (record->has_cover()) covers.push_back(record->cover());
      }
    }
    return covers;
  }
  static std::multiset<uint64_t> Ids(const FakeDeduper& deduper) {
    std::multiset<uint64_t> ids;
    for (const auto& [epoch, records] : deduper.durable.records) {
      for (const auto& record : records) {
        EXPECT_FALSE(record->has_loss());
        if (record->has_frame()) {
          EXPECT_EQ(record->frame().origin(), v1::EVENT_ORIGIN_RECOVERY);
        }
        ids.insert(record->frame().post_ids().begin(), record->frame().post_ids().end());
      }
    }
    return ids;
  }
  // While the loop runs: once so many are durable.
  std::multiset<uint64_t> AwaitIds(const FakeDeduper& deduper, size_t count) {
    std::promise<std::multiset<uint64_t>> ids;
    std::function<void()> look = [&] {
      std::multiset<uint64_t> found = Ids(deduper);
      if (found.size() >= count) return ids.set_value(std::move(found));
      loop_.After(absl::Milliseconds(20), look);
    };
    loop_.Post(look);
    return ids.get_future().get();
  }
  std::set<uint64_t> Created(int from_ago, int until_ago) {
    std::set<uint64_t> ids;
    for (uint64_t id : TheTruth().CreatedIds()) {
      absl::Time time = SnowflakeTime(id);
      if (time >= now_ - absl::Minutes(from_ago) && time < now_ - absl::Minutes(until_ago)) {
        ids.insert(id);
      }
    }
    return ids;
  }

  // What the stream sends of that range, by its own rules.
  std::set<uint64_t> Streamed(int from_ago, int until_ago) {
    Interval range = IntervalOf(Range(from_ago, until_ago));
    return IdsOf(absl::StrCat(kFiltered, "?start_time=", IsoSecond(range.from),
                              "&end_time=", IsoSecond(range.until)));
  }
  // REQUIRES: stopped.
  static std::set<std::string> Tags(const FakeDeduper& deduper) {
    std::set<std::string> tags;
    for (const auto& [epoch, records] : deduper.durable.records) {
      for (const auto& record : records) {
        const auto& of_frame = record->frame().rule_tags();
        tags.insert(of_frame.begin(), of_frame.end());
      }
    }
    return tags;
  }

  std::string dir_;
  RealLoop loop_;
  PosixFileSystem files_{loop_};
  SeededRandom random_{1};
  AttemptLedger ledger_{loop_, files_, dir_ + "/connect-budget",
                        [](absl::Status failed) { FAIL() << failed; }};
  CurlHttpClient http_;
  FakeDeduper first_{loop_, random_};
  FakeDeduper second_{loop_, random_};
  FakeWorkDesk desk_{loop_};
  FakeWorkDesk other_desk_{loop_};
  Spool::Options spool_;
  bool has_counts_ = true;
  StreamPlan plan_;
  absl::Time now_;
  std::unique_ptr<RecoveredStream> stream_;
};

TEST_F(RecovererTest, TwoCleanAttemptsOfV2WithTheSamePostsAreProof) {
  Start("x-v2-filtered", kFiltered);
  v1::RecoveryStep step = Step(Job::METHOD_RECOVERY, 9, 6);
  Give(&desk_, step);
  ASSERT_TRUE(desk_.Await(1));
  Complete first = desk_.completions()[0];
  EXPECT_EQ(first.outcome(), Complete::OUTCOME_INCOMPLETE);
  EXPECT_EQ(first.recovery_result().proof(), "clean_end");
  EXPECT_EQ(first.recovery_result().failed_ranges_size(), 0);
  EXPECT_EQ(first.recovery_result().http_status(), 200);
  EXPECT_GT(first.recovery_result().totals().received_events(), 3000u);

  step.set_last_keys_digest(first.recovery_result().keys_digest());
  SetTime(absl::Now() - absl::Minutes(10), step.mutable_last_end_time());
  Give(&desk_, step);
  ASSERT_TRUE(desk_.Await(2));
  Complete second = desk_.completions()[1];
  EXPECT_EQ(second.outcome(), Complete::OUTCOME_DONE) << second.error();
  EXPECT_EQ(second.recovery_result().proof(), "same_twice");
  EXPECT_TRUE(second.recovery_result().complete());

  Stop();
  std::vector<v1::Cover> covers = Covers(first_);
  ASSERT_EQ(covers.size(), 1u) << "none for the first attempt";
  EXPECT_EQ(IntervalOf(covers[0].create_time_range()), IntervalOf(Range(9, 6)));
  EXPECT_EQ(covers[0].origin(), v1::EVENT_ORIGIN_RECOVERY);
  EXPECT_GT(covers[0].first_offset(), 3000u) << "the second attempt's";
  std::multiset<uint64_t> ids = Ids(first_);
  EXPECT_EQ(std::set<uint64_t>(ids.begin(), ids.end()), Created(9, 6));
  EXPECT_EQ(first_.last_hello.source_id(), "recovery/r1");
  EXPECT_EQ(first_.last_hello.partitions_size(), 0);
}

TEST_F(RecovererTest, GnipRecoveryIsProvedByItsFinalRecordInOneFetchForTwoDedupers) {
  Start("gnip-powertrack", emulator::kPowertrack);
  Give(&desk_, Step(Job::METHOD_RECOVERY, 9, 6));
  Give(&other_desk_, Step(Job::METHOD_RECOVERY, 9, 6));
  ASSERT_TRUE(desk_.Await(1));
  ASSERT_TRUE(other_desk_.Await(1));
  for (FakeWorkDesk* desk : {&desk_, &other_desk_}) {
    Complete end = desk->completions()[0];
    EXPECT_EQ(end.outcome(), Complete::OUTCOME_DONE) << end.error();
    EXPECT_EQ(end.recovery_result().proof(), "final_record");
    EXPECT_TRUE(absl::StrContains(end.recovery_result().message(), "Recovery Request Completed"));
  }
  Stop();
  EXPECT_EQ(Covers(first_).size(), 1u);
  EXPECT_EQ(Covers(second_).size(), 1u);
  std::multiset<uint64_t> ids = Ids(second_);
  EXPECT_EQ(ids.size(), std::set<uint64_t>(ids.begin(), ids.end()).size()) << "asked once";
  EXPECT_EQ(std::set<uint64_t>(ids.begin(), ids.end()), Created(9, 6));
}

TEST_F(RecovererTest, MinutesThatAReplayFailedBecomeRangesAndTheRestIsVouchedFor) {
  options_.server.job_fault = emulator::JobFault::kErrors;
  options_.server.job_failed_minutes = 2;
  Start("gnip-powertrack", emulator::kPowertrack);
  Give(&desk_, Step(Job::METHOD_REPLAY, 50, 40));
  ASSERT_TRUE(desk_.Await(1));
  Complete end = desk_.completions()[0];
  EXPECT_EQ(end.outcome(), Complete::OUTCOME_INCOMPLETE);
  ASSERT_EQ(end.recovery_result().failed_ranges_size(), 1) << end.DebugString();
  EXPECT_EQ(IntervalOf(end.recovery_result().failed_ranges(0)), IntervalOf(Range(50, 48)));
  Stop();
  std::vector<v1::Cover> covers = Covers(first_);
  ASSERT_EQ(covers.size(), 1u);
  EXPECT_EQ(IntervalOf(covers[0].create_time_range()), IntervalOf(Range(48, 40)));
}

TEST_F(RecovererTest, AReplayWithoutItsFinalRecordIsAskedForAgainFromItsLastMinute) {
  options_.server.job_fault = emulator::JobFault::kLostFinal;
  Start("gnip-powertrack", emulator::kPowertrack);
  Give(&desk_, Step(Job::METHOD_REPLAY, 50, 40));
  ASSERT_TRUE(desk_.Await(1));
  Complete end = desk_.completions()[0];
  EXPECT_EQ(end.outcome(), Complete::OUTCOME_INCOMPLETE);
  ASSERT_EQ(end.recovery_result().failed_ranges_size(), 1) << end.DebugString();
  EXPECT_EQ(IntervalOf(end.recovery_result().failed_ranges(0)), IntervalOf(Range(41, 40)));
  Stop();
  ASSERT_EQ(Covers(first_).size(), 1u);
  EXPECT_EQ(IntervalOf(Covers(first_)[0].create_time_range()), IntervalOf(Range(50, 41)));
}

TEST_F(RecovererTest, TheSameHalfTwiceIsCaughtByWhatConnectionsBrought) {
  Start("x-v2-filtered", kFiltered);
  v1::RecoveryStep step = Step(Job::METHOD_RECOVERY, 9, 6);
  Give(&desk_, step);
  ASSERT_TRUE(desk_.Await(1));
  std::multiset<uint64_t> all =
      AwaitIds(first_, desk_.completions()[0].recovery_result().totals().received_events());
  ASSERT_EQ(Ask("/set?job_fault=premature"), 200);
  Give(&desk_, step);
  ASSERT_TRUE(desk_.Await(2));
  v1::RecoveryResult half = desk_.completions()[1].recovery_result();
  EXPECT_EQ(half.proof(), "clean_end");
  EXPECT_LT(half.totals().received_events(), all.size() * 2 / 3);

  step.set_last_keys_digest(half.keys_digest());
  SetTime(absl::Now() - absl::Minutes(10), step.mutable_last_end_time());
  // As connections bring them: from both ends.
  auto oldest = all.begin();
  auto newest = all.rbegin();
  for (int i = 0; i < 64; ++i) {
    step.add_witness_post_ids(*oldest++);
    step.add_witness_post_ids(*newest++);
  }
  Give(&desk_, step);
  ASSERT_TRUE(desk_.Await(3));
  Complete end = desk_.completions()[2];
  EXPECT_EQ(end.outcome(), Complete::OUTCOME_INCOMPLETE);
  EXPECT_EQ(end.error(), "64 of 128 posts that connections brought are not in it");
  Stop();
  EXPECT_TRUE(Covers(first_).empty());
}

TEST_F(RecovererTest, AThirdJobIsRefusedWhileTwoRun) {
  options_.server.job_rate = 100;
  options_.past = absl::Minutes(30);
  Start("x-v2-filtered", kFiltered, 3);
  for (int from_ago : {30, 20, 10}) {
    Give(&desk_, Step(Job::METHOD_RECOVERY, from_ago - 1, from_ago - 9));
  }
  ASSERT_TRUE(desk_.Await(1));
  Complete end = desk_.completions()[0];
  EXPECT_EQ(end.outcome(), Complete::OUTCOME_REFUSED);
  EXPECT_EQ(end.recovery_result().refusal(), "too_many_jobs");
  EXPECT_EQ(end.recovery_result().http_status(), 429);
}

TEST_F(RecovererTest, ARangeBeyondTheWindowIsRefused) {
  options_.server.recovery_window = absl::Minutes(5);
  Start("x-v2-filtered", kFiltered);
  Give(&desk_, Step(Job::METHOD_RECOVERY, 9, 6));
  ASSERT_TRUE(desk_.Await(1));
  EXPECT_EQ(desk_.completions()[0].recovery_result().refusal(), "range_refused");
  Give(&desk_, Step(Job::METHOD_REPLAY, 50, 40));
  ASSERT_TRUE(desk_.Await(2));
  EXPECT_EQ(desk_.completions()[1].recovery_result().refusal(), "not_offered");
}

constexpr char kTwoRules[] = R"({"add":[{"value":"cat","tag":"cats"},{"value":"dog"}]})";

TEST_F(RecovererTest, SearchFindsWhatTheStreamsRulesDoAsManyAsXCounts) {
  Start("x-v2-filtered", kFiltered);
  ASSERT_EQ(Post("/2/tweets/search/stream/rules", kTwoRules), 201);
  Give(&desk_, Step(Job::METHOD_SEARCH, 9, 6));
  ASSERT_TRUE(desk_.Await(1));
  Complete end = desk_.completions()[0];
  EXPECT_EQ(end.outcome(), Complete::OUTCOME_DONE) << end.DebugString();
  EXPECT_EQ(end.recovery_result().proof(), "counts");
  std::set<uint64_t> streamed = Streamed(9, 6);
  EXPECT_GT(streamed.size(), 1000u);
  EXPECT_EQ(end.recovery_result().totals().received_events(), streamed.size());
  Stop();
  ASSERT_EQ(Covers(first_).size(), 1u);
  EXPECT_EQ(IntervalOf(Covers(first_)[0].create_time_range()), IntervalOf(Range(9, 6)));
  std::multiset<uint64_t> ids = Ids(first_);
  EXPECT_EQ(std::set<uint64_t>(ids.begin(), ids.end()), streamed);
  EXPECT_EQ(ids.size(), streamed.size()) << "each once";
  std::set<std::string> tags = Tags(first_);
  EXPECT_EQ(tags.count("cats"), 1u);
  EXPECT_EQ(tags.size(), 2u) << "the other rule's id";
}

TEST_F(RecovererTest, ARecoveryOfV2IsProvedByXsCountsWhereTheRulesAreOneQuery) {
  Start("x-v2-filtered", kFiltered);
  ASSERT_EQ(Post("/2/tweets/search/stream/rules", kTwoRules), 201);
  v1::RecoveryStep step = Step(Job::METHOD_RECOVERY, 9, 6);
  Give(&desk_, step);
  ASSERT_TRUE(desk_.Await(1));
  Complete end = desk_.completions()[0];
  EXPECT_EQ(end.outcome(), Complete::OUTCOME_DONE) << end.DebugString();
  EXPECT_EQ(end.recovery_result().proof(), "counts");

  ASSERT_EQ(Ask("/set?job_fault=premature"), 200);
  Give(&desk_, step);
  ASSERT_TRUE(desk_.Await(2));
  Complete half = desk_.completions()[1];
  EXPECT_EQ(half.outcome(), Complete::OUTCOME_INCOMPLETE);
  EXPECT_EQ(half.recovery_result().proof(), "clean_end");
  EXPECT_TRUE(absl::StrContains(half.error(), "posts that did not come")) << half.error();

  // No query can say that.
  ASSERT_EQ(Post("/2/tweets/search/stream/rules", R"({"add":[{"value":"cow sample:50"}]})"), 201);
  ASSERT_EQ(Ask("/set?job_fault=none"), 200);
  Give(&desk_, step);
  ASSERT_TRUE(desk_.Await(3));
  EXPECT_EQ(desk_.completions()[2].recovery_result().proof(), "clean_end");
  Stop();
  EXPECT_EQ(Covers(first_).size(), 1u);
}

TEST_F(RecovererTest, ASearchWithoutCountsIsProvedByTheSamePostsTwice) {
  has_counts_ = false;
  Start("x-v2-filtered", kFiltered);
  ASSERT_EQ(Post("/2/tweets/search/stream/rules", kTwoRules), 201);
  v1::RecoveryStep step = Step(Job::METHOD_SEARCH, 9, 6);
  Give(&desk_, step);
  ASSERT_TRUE(desk_.Await(1));
  Complete once = desk_.completions()[0];
  EXPECT_EQ(once.outcome(), Complete::OUTCOME_INCOMPLETE) << once.DebugString();
  EXPECT_EQ(once.recovery_result().proof(), "clean_end");
  step.set_last_keys_digest(once.recovery_result().keys_digest());
  SetTime(absl::Now() - absl::Minutes(10), step.mutable_last_end_time());
  Give(&desk_, step);
  ASSERT_TRUE(desk_.Await(2));
  EXPECT_EQ(desk_.completions()[1].outcome(), Complete::OUTCOME_DONE)
      << desk_.completions()[1].error();
  EXPECT_EQ(desk_.completions()[1].recovery_result().proof(), "same_twice");
  Stop();
  EXPECT_EQ(Covers(first_).size(), 1u);
}

TEST_F(RecovererTest, ALookupBringsWhatXStillHasAndVouchesForNothing) {
  Start("x-v2-filtered", kFiltered);
  v1::RecoveryStep step = Step(Job::METHOD_LOOKUP, 9, 6);
  // Nobody made them.
  for (int i = 0; i < 120; ++i) {
    step.add_post_ids(FirstSnowflakeAt(now_ - absl::Minutes(7)) + (1 << 22) - 1 - i);
  }
  std::set<uint64_t> known = Streamed(9, 8);
  EXPECT_GT(known.size(), 500u);
  for (uint64_t id : known) step.add_post_ids(id);
  Give(&desk_, step);
  ASSERT_TRUE(desk_.Await(1));
  Complete end = desk_.completions()[0];
  EXPECT_EQ(end.outcome(), Complete::OUTCOME_DONE) << end.DebugString();
  EXPECT_TRUE(end.recovery_result().complete());
  EXPECT_EQ(end.recovery_result().proof(), "answered");
  Stop();
  EXPECT_TRUE(Covers(first_).empty());
  std::multiset<uint64_t> ids = Ids(first_);
  EXPECT_EQ(ids, std::multiset<uint64_t>(known.begin(), known.end()));
}

TEST_F(RecovererTest, ManyRulesAreSearchedForTogether) {
  Start("x-v2-filtered", kFiltered);
  std::vector<std::string> rules;
  for (int i = 0; i < 60; ++i) rules.push_back(absl::StrCat("{\"value\":\"some rule ", i, "\"}"));
  ASSERT_EQ(Post("/2/tweets/search/stream/rules",
                 absl::StrCat("{\"add\":[", absl::StrJoin(rules, ","), "]}")),
            201);
  Give(&desk_, Step(Job::METHOD_SEARCH, 9, 8));
  ASSERT_TRUE(desk_.Await(1));
  EXPECT_EQ(desk_.completions()[0].recovery_result().proof(), "counts");
  EXPECT_EQ(desk_.completions()[0].recovery_result().totals().received_events(),
            Streamed(9, 8).size());
}

TEST_F(RecovererTest, RulesThatSearchCanNotBeAskedForAreNamedAndNothingIsVouchedFor) {
  Start("x-v2-filtered", kFiltered);
  ASSERT_EQ(Post("/2/tweets/search/stream/rules",
                 R"({"add":[{"value":"cat"},{"value":"dog sample:50"}]})"),
            201);
  Give(&desk_, Step(Job::METHOD_SEARCH, 9, 6));
  ASSERT_TRUE(desk_.Await(1));
  Complete end = desk_.completions()[0];
  EXPECT_EQ(end.outcome(), Complete::OUTCOME_REFUSED);
  EXPECT_EQ(end.recovery_result().refusal(), "not_offered");
  EXPECT_EQ(end.error(), "search can not be asked for 1 rule: \"dog sample:50\" uses sample:");
  EXPECT_EQ(end.recovery_result().message(), end.error());
  EXPECT_GT(end.recovery_result().totals().received_events(), 500u) << "the other rule's";
  AwaitIds(first_, end.recovery_result().totals().received_events());
  Stop();
  EXPECT_TRUE(Covers(first_).empty());
}

TEST_F(RecovererTest, WithoutRulesThereIsNothingToSearchFor) {
  Start("x-v2-filtered", kFiltered);
  Give(&desk_, Step(Job::METHOD_SEARCH, 9, 6));
  ASSERT_TRUE(desk_.Await(1));
  EXPECT_EQ(desk_.completions()[0].recovery_result().refusal(), "not_offered");
  EXPECT_EQ(desk_.completions()[0].error(), "the stream has no rules by which to search");
}

TEST_F(RecovererTest, ASearchBeyondXsLimitIsRefusedWithTheTimeToComeAgain) {
  Start("x-v2-filtered", kFiltered);
  ASSERT_EQ(Post("/2/tweets/search/stream/rules", kTwoRules), 201);
  // Somebody else's.
  for (int i = 0; i < 450; ++i) Get("/2/tweets/search/recent?query=cat&max_results=10");
  Give(&desk_, Step(Job::METHOD_SEARCH, 9, 6));
  ASSERT_TRUE(desk_.Await(1));
  v1::RecoveryResult result = desk_.completions()[0].recovery_result();
  EXPECT_EQ(result.refusal(), "rate_limited");
  EXPECT_EQ(result.http_status(), 429);
  EXPECT_GT(ToTime(result.retry_time()), absl::Now() + absl::Minutes(12));
}

TEST_F(RecovererTest, GnipIsSearchedByPowerTracksRules) {
  Start("gnip-powertrack", emulator::kPowertrack);
  ASSERT_EQ(Post("/rules/powertrack/accounts/me/publishers/twitter/prod.json",
                 R"({"rules":[{"value":"cat"},{"value":"dog"}]})"),
            201);
  ASSERT_EQ(Post("/2/tweets/search/stream/rules", kTwoRules), 201);
  Give(&desk_, Step(Job::METHOD_SEARCH, 9, 6));
  ASSERT_TRUE(desk_.Await(1));
  Complete end = desk_.completions()[0];
  EXPECT_EQ(end.recovery_result().proof(), "counts") << end.DebugString();
  EXPECT_EQ(end.recovery_result().totals().received_events(), Streamed(9, 6).size());
}

}  // namespace
}  // namespace braid
