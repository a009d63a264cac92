#include "recovery/proof.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "proto/proto_time.h"
#include "proto/snowflake.h"
#include "proto/time_range.h"

namespace braid {
namespace {

using Stop = FetchEvidence::Stop;
using Complete = v1::CompleteRequest;

// A minute's beginning.
const absl::Time kFrom = absl::FromUnixSeconds(1700000040);
constexpr int64_t kMinute = 60'000'000;

Interval Minutes(int from, int until) {
  int64_t base = absl::ToUnixMicros(kFrom);
  return {base + from * kMinute, base + until * kMinute};
}

std::string Text(const std::vector<Interval>& intervals) {
  int64_t base = absl::ToUnixMicros(kFrom);
  return absl::StrJoin(intervals, " ", [&](std::string* out, const Interval& interval) {
    absl::StrAppend(out, (interval.from - base) / kMinute, "-", (interval.until - base) / kMinute);
  });
}

std::vector<Interval> FailedOf(const v1::RecoveryResult& result) {
  std::vector<Interval> failed;
  for (const v1::TimeRange& range : result.failed_ranges()) failed.push_back(IntervalOf(range));
  return failed;
}

// The starts of minutes from 0 on, less those of `empty`.
std::set<int64_t> Seen(int until, const std::set<int>& empty = {}) {
  std::set<int64_t> seen;
  for (int i = 0; i < until; ++i) {
    if (empty.count(i) == 0) seen.insert(Minutes(i, i + 1).from);
  }
  return seen;
}

// Ten minutes of 100 events each, clean.
FetchEvidence Clean() {
  FetchEvidence evidence;
  evidence.stop = Stop::kClean;
  evidence.verdict = {RetryClass::kImmediate, Cause::kCleanEof};
  evidence.http_status = 200;
  evidence.asked = Minutes(0, 10);
  evidence.events = 1000;
  evidence.keys_digest = 42;
  evidence.seen_minutes = Seen(10);
  evidence.end_time = kFrom + absl::Hours(1);
  return evidence;
}

FetchEvidence Gnip() {
  FetchEvidence evidence = Clean();
  evidence.has_final_record = true;
  return evidence;
}

FetchEvidence Final(FinalRecord::Kind kind, std::vector<Interval> missing = {},
                    absl::optional<uint64_t> count = 1000) {
  FetchEvidence evidence = Gnip();
  evidence.final_record = FinalRecord{kind, count, std::move(missing)};
  return evidence;
}

FetchEvidence With(FetchEvidence evidence, const std::function<void(FetchEvidence*)>& change) {
  change(&evidence);
  return evidence;
}

// Ten minutes of two queries, the counts as given for the last of them.
FetchEvidence Counted(uint64_t counted, uint64_t received, int minutes = 10) {
  FetchEvidence evidence = Clean();
  evidence.begin_time = kFrom + absl::Minutes(11);
  evidence.counts.resize(2);
  for (auto& of_query : evidence.counts) {
    for (int i = 0; i < minutes; ++i) of_query.push_back({Minutes(i, i + 1), 100, 100});
  }
  evidence.counts[1].back() = {Minutes(minutes - 1, minutes), counted, received};
  return evidence;
}

v1::RecoveryStep Plain() { return v1::RecoveryStep(); }

v1::RecoveryStep Earlier(uint64_t digest, absl::Duration ago) {
  v1::RecoveryStep step;
  step.set_last_keys_digest(digest);
  SetTime(kFrom + absl::Hours(1) - ago, step.mutable_last_end_time());
  return step;
}

// Twenty, two seconds apart in the first minute.
v1::RecoveryStep Witnessed() {
  v1::RecoveryStep step;
  for (int i = 0; i < 20; ++i) {
    step.add_witness_post_ids(FirstSnowflakeAt(kFrom + i * absl::Seconds(2)));
  }
  return step;
}

struct Row {
  const char* what;
  FetchEvidence evidence;
  v1::RecoveryStep step;
  Complete::Outcome outcome;
  const char* proof;
  const char* covers;
  const char* failed;
};

TEST(ProofTest, WhatCameAndHowItEndedDecideWhatIsVouchedFor) {
  constexpr auto kDone = Complete::OUTCOME_DONE;
  constexpr auto kIncomplete = Complete::OUTCOME_INCOMPLETE;
  auto broken = [](FetchEvidence* e) {
    e->stop = Stop::kBroken;
    e->verdict = {RetryClass::kImmediate, Cause::kReset};
  };
  auto half = [](FetchEvidence* e) { e->seen_minutes = Seen(6); };
  const Row kRows[] = {
      {"v2, the first clean end", Clean(), Plain(), kIncomplete, "clean_end", "", ""},
      {"v2, the same ten minutes later", Clean(), Earlier(42, absl::Minutes(10)), kDone,
       "same_twice", "0-10", ""},
      {"v2, another set", Clean(), Earlier(41, absl::Minutes(20)), kIncomplete, "clean_end", "",
       ""},
      {"v2, nothing came, twice",
       With(Clean(),
            [](FetchEvidence* e) {
              e->events = e->keys_digest = 0;
              e->seen_minutes = {};
            }),
       Earlier(0, absl::Minutes(10)), kDone, "same_twice", "0-10", ""},
      {"v2, nothing came, once",
       With(Clean(),
            [](FetchEvidence* e) {
              e->events = e->keys_digest = 0;
              e->seen_minutes = {};
            }),
       Plain(), kIncomplete, "clean_end", "", ""},
      {"as many as X counts", Counted(100, 100), Plain(), kDone, "counts", "0-10", ""},
      {"more than X counts", Counted(0, 1), Plain(), kDone, "counts", "0-10", ""},
      {"one fewer in one minute", Counted(101, 100), Plain(), kIncomplete, "clean_end", "", ""},
      {"fewer, and the same as before", Counted(101, 100), Earlier(42, absl::Minutes(10)), kDone,
       "same_twice", "0-10", ""},
      {"X counts nine minutes of ten", Counted(100, 100, 9), Plain(), kIncomplete, "clean_end", "",
       ""},
      {"counts of one query only",
       With(Counted(100, 100), [](FetchEvidence* e) { e->counts[1].clear(); }), Plain(),
       kIncomplete, "clean_end", "", ""},
      {"asked while X still indexed it",
       With(
           Counted(100, 100),
           [](FetchEvidence* e) { e->begin_time = kFrom + absl::Minutes(10) + absl::Seconds(29); }),
       Plain(), kIncomplete, "clean_end", "", ""},
      {"as many as X counts, and a line lost",
       With(Counted(100, 100), [](FetchEvidence* e) { e->lost_lines = 1; }), Plain(), kIncomplete,
       "", "", ""},
      {"as many as X counts, then cut", With(Counted(100, 100), broken), Plain(), kIncomplete, "",
       "", ""},
      {"v2, cut", With(Clean(), broken), Earlier(42, absl::Minutes(10)), kIncomplete, "", "", ""},
      {"a lost line", With(Clean(), [](FetchEvidence* e) { e->lost_lines = 1; }),
       Earlier(42, absl::Minutes(10)), kIncomplete, "", "", ""},
      {"a lost line and X's word",
       With(Final(FinalRecord::Kind::kCompleted), [](FetchEvidence* e) { e->lost_lines = 1; }),
       Plain(), kIncomplete, "", "", ""},
      {"the spool gave up",
       With(Final(FinalRecord::Kind::kCompleted), [](FetchEvidence* e) { e->stop = Stop::kLost; }),
       Plain(), kIncomplete, "", "", ""},
      {"X's word", Final(FinalRecord::Kind::kCompleted), Plain(), kDone, "final_record", "0-10",
       ""},
      {"X's word, then a reset", With(Final(FinalRecord::Kind::kCompleted), broken), Plain(), kDone,
       "final_record", "0-10", ""},
      {"one too few", Final(FinalRecord::Kind::kCompleted, {}, 1001), Plain(), kIncomplete, "", "",
       ""},
      {"one too many", Final(FinalRecord::Kind::kCompleted, {}, 999), Plain(), kIncomplete, "", "",
       ""},
      {"no count", Final(FinalRecord::Kind::kCompleted, {}, {}), Plain(), kIncomplete, "", "", ""},
      {"minutes failed",
       Final(FinalRecord::Kind::kWithErrors, {Minutes(2, 3), Minutes(5, 6), Minutes(6, 7)}),
       Plain(), kIncomplete, "final_record", "0-2 3-5 7-10", "2-3 5-7"},
      {"a failed minute elsewhere", Final(FinalRecord::Kind::kWithErrors, {Minutes(20, 21)}),
       Plain(), kDone, "final_record", "0-10", ""},
      {"unprocessed", Final(FinalRecord::Kind::kFailed, {Minutes(4, 10)}), Plain(), kIncomplete,
       "final_record", "0-4", "4-10"},
      {"nothing processed", Final(FinalRecord::Kind::kFailed, {Minutes(0, 10)}), Plain(),
       kIncomplete, "final_record", "", "0-10"},
      {"unprocessed, and fewer came", Final(FinalRecord::Kind::kFailed, {Minutes(4, 10)}, 1200),
       Plain(), kIncomplete, "", "", ""},
      {"Gnip without its last word", Gnip(), Plain(), kIncomplete, "", "0-9", "9-10"},
      {"Gnip, half of it", With(With(Gnip(), half), broken), Plain(), kIncomplete, "", "0-5",
       "5-10"},
      {"Gnip, half of it, out of order",
       With(With(Gnip(), half), [](FetchEvidence* e) { e->is_in_order = false; }), Plain(),
       kIncomplete, "clean_end", "", ""},
      {"Gnip, nothing but the first minute",
       With(Gnip(), [](FetchEvidence* e) { e->seen_minutes = Seen(1); }), Plain(), kIncomplete,
       "clean_end", "", ""},
      {"Gnip, half of it, and nothing of two minutes",
       With(With(Gnip(),
                 [](FetchEvidence* e) {
                   e->seen_minutes = Seen(6, {1, 3});
                 }),
            broken),
       Plain(), kIncomplete, "", "0-1 2-3 4-5", "1-2 3-4 5-10"},
      {"Gnip, half of it, and nothing of the first minute",
       With(With(Gnip(), [](FetchEvidence* e) { e->seen_minutes = Seen(6, {0}); }), broken),
       Plain(), kIncomplete, "", "1-5", "0-1 5-10"},
      {"Gnip, cut, and nothing of every other minute",
       With(With(Gnip(),
                 [](FetchEvidence* e) {
                   e->seen_minutes = Seen(10, {1, 3, 5, 7});
                 }),
            broken),
       Plain(), kIncomplete, "", "0-1", "1-10"},
      {"Gnip, cut, and nothing of every other minute from the first on",
       With(With(Gnip(),
                 [](FetchEvidence* e) {
                   e->seen_minutes = Seen(10, {0, 2, 4, 6, 8});
                 }),
            broken),
       Plain(), kIncomplete, "", "", ""},
      {"Gnip, the same twice", Gnip(), Earlier(42, absl::Minutes(11)), kDone, "same_twice", "0-10",
       ""},
      {"stopped", With(Gnip(), [](FetchEvidence* e) { e->stop = Stop::kStopped; }), Plain(),
       kIncomplete, "", "", ""},
      {"no answer", With(Clean(), [](FetchEvidence* e) { e->stop = Stop::kFailed; }), Plain(),
       Complete::OUTCOME_FAILED, "", "", ""},
  };
  for (const Row& row : kRows) {
    FetchOutcome outcome = Judge(row.evidence, {row.step});
    EXPECT_EQ(outcome.outcome, row.outcome) << row.what << ": " << outcome.error;
    EXPECT_EQ(outcome.result.proof(), row.proof) << row.what;
    EXPECT_EQ(Text(outcome.covers), row.covers) << row.what;
    EXPECT_EQ(Text(FailedOf(outcome.result)), row.failed) << row.what;
    EXPECT_EQ(outcome.result.complete(), row.outcome == kDone) << row.what;
    EXPECT_EQ(outcome.error.empty(), row.outcome == kDone) << row.what;
  }
}

// The padding of the first minute is older than X's window when X is asked.
TEST(ProofTest, WhatXHadForgottenByThenIsNotVouchedFor) {
  FetchEvidence evidence = Final(FinalRecord::Kind::kCompleted);
  evidence.last_request_time = kFrom + absl::Hours(1);
  v1::RecoveryStep step;
  SetTime(kFrom + absl::Minutes(2), step.mutable_step()->mutable_range()->mutable_start_time());
  auto from = [&](absl::Duration window) {
    SetTime(kFrom + absl::Minutes(2) + window, step.mutable_step()->mutable_deadline());
    FetchOutcome outcome = Judge(evidence, {step});
    EXPECT_EQ(outcome.outcome, Complete::OUTCOME_DONE);
    EXPECT_EQ(outcome.covers.size(), 1u);
    EXPECT_EQ(absl::FromUnixMicros(outcome.covers[0].until), kFrom + absl::Minutes(10));
    return absl::FromUnixMicros(outcome.covers[0].from) - kFrom;
  };
  EXPECT_EQ(from(absl::Minutes(61)), absl::ZeroDuration());
  EXPECT_EQ(from(absl::Minutes(59)), absl::Minutes(1) + absl::Seconds(2));
  evidence.last_request_time = kFrom + absl::Hours(3);
  FetchOutcome outcome = Judge(evidence, {step});
  EXPECT_EQ(outcome.outcome, Complete::OUTCOME_INCOMPLETE);
  EXPECT_EQ(outcome.error, "X had forgotten all of it by then");
  EXPECT_TRUE(outcome.covers.empty());
}

TEST(ProofTest, HowManyXCountsMoreIsSaid) {
  EXPECT_EQ(Judge(Counted(104, 100), {Plain()}).error,
            "X counts 4 posts that did not come: it counts deleted ones too");
}

TEST(ProofTest, WhatSearchCanNotBeAskedForUsesTheRouteUp) {
  FetchEvidence evidence = Clean();
  evidence.unasked = "search can not be asked for 1 rule";
  FetchOutcome outcome = Judge(evidence, {Earlier(42, absl::Minutes(10))});
  EXPECT_EQ(outcome.outcome, Complete::OUTCOME_REFUSED);
  EXPECT_EQ(outcome.result.refusal(), "not_offered");
  EXPECT_EQ(outcome.error, "search can not be asked for 1 rule");
  EXPECT_EQ(outcome.result.totals().received_events(), 1000u);
  EXPECT_TRUE(outcome.covers.empty());
  evidence.lost_lines = 1;
  EXPECT_EQ(Judge(evidence, {Plain()}).outcome, Complete::OUTCOME_INCOMPLETE) << "again";
}

TEST(ProofTest, ALookupIsDoneWhenEveryIdIsAnsweredForAndVouchesForNothing) {
  FetchEvidence evidence = Clean();
  evidence.lookup = FetchEvidence::Lookup{20, 0, {7, 9}};
  FetchOutcome outcome = Judge(evidence, {Witnessed()});
  EXPECT_EQ(outcome.outcome, Complete::OUTCOME_DONE);
  EXPECT_TRUE(outcome.result.complete());
  EXPECT_EQ(outcome.result.proof(), "answered");
  EXPECT_EQ(outcome.result.not_had_post_ids_size(), 2);
  EXPECT_EQ(outcome.result.not_had_post_ids(1), 9u);
  EXPECT_TRUE(outcome.covers.empty());
  evidence.lookup->unanswered_ids = 1;
  outcome = Judge(evidence, {Witnessed()});
  EXPECT_EQ(outcome.outcome, Complete::OUTCOME_INCOMPLETE);
  EXPECT_EQ(outcome.error, "1 of 20 ids were not answered for");
}

TEST(ProofTest, OnlyACleanEndGivesADigestToCompareWith) {
  EXPECT_EQ(Judge(Clean(), {Plain()}).result.keys_digest(), 42u);
  EXPECT_EQ(Judge(Final(FinalRecord::Kind::kCompleted), {Plain()}).result.keys_digest(), 42u);
  FetchEvidence cut = With(Clean(), [](FetchEvidence* e) { e->stop = Stop::kBroken; });
  EXPECT_EQ(Judge(cut, {Plain()}).result.keys_digest(), 0u);
  EXPECT_EQ(Judge(Gnip(), {Plain()}).result.keys_digest(), 0u) << "the rest is another step's";
}

TEST(ProofTest, EveryRefusalHasItsWordAndItsTime) {
  struct Refusal {
    Cause cause;
    const char* word;
  };
  for (const Refusal& row : {Refusal{Cause::kTooManyConnections, "too_many_jobs"},
                             {Cause::kRateLimited, "rate_limited"},
                             {Cause::kProvisioning, "rate_limited"},
                             {Cause::kUsageCap, "usage_capped"},
                             {Cause::kPayment, "usage_capped"},
                             {Cause::kUnauthorized, "credentials"},
                             {Cause::kForbidden, "forbidden"},
                             {Cause::kToken, "credentials"},
                             {Cause::kBadRequest, "range_refused"},
                             {Cause::kNotFound, "not_offered"}}) {
    FetchEvidence evidence = Clean();
    evidence.stop = Stop::kRefused;
    evidence.verdict = {RetryClass::kRateLimited, row.cause, absl::Minutes(3)};
    FetchOutcome outcome = Judge(evidence, {Plain()});
    EXPECT_EQ(outcome.outcome, Complete::OUTCOME_REFUSED) << row.word;
    EXPECT_EQ(outcome.result.refusal(), row.word);
    EXPECT_EQ(ToTime(outcome.result.retry_time()), evidence.end_time + absl::Minutes(3));
    EXPECT_TRUE(outcome.covers.empty());
  }
  FetchEvidence broken = Clean();
  broken.stop = Stop::kRefused;
  broken.verdict = {RetryClass::kHttp, Cause::kServerError};
  EXPECT_EQ(Judge(broken, {Plain()}).outcome, Complete::OUTCOME_FAILED) << "it may work soon";
}

FetchEvidence Seen(FetchEvidence evidence, int count) {
  v1::RecoveryStep step = Witnessed();
  evidence.seen_witnesses.assign(step.witness_post_ids().begin(),
                                 step.witness_post_ids().begin() + count);
  return evidence;
}

TEST(ProofTest, MoreThanAFifthOfTheWitnessesMissingOutweighsXsWord) {
  FetchEvidence complete = Final(FinalRecord::Kind::kCompleted);
  EXPECT_EQ(Judge(Seen(complete, 16), {Witnessed()}).outcome, Complete::OUTCOME_DONE);
  FetchOutcome outcome = Judge(Seen(complete, 15), {Witnessed()});
  EXPECT_EQ(outcome.outcome, Complete::OUTCOME_INCOMPLETE);
  EXPECT_TRUE(outcome.covers.empty());
  EXPECT_EQ(outcome.error, "5 of 20 posts that connections brought are not in it");
}

// Of a sparse stream the padding holds a handful of posts, and X deletes some.
TEST(ProofTest, OneMissingWitnessOfFewIsADeletedPost) {
  v1::RecoveryStep step;
  for (int i = 0; i < 3; ++i) {
    step.add_witness_post_ids(FirstSnowflakeAt(kFrom + i * absl::Seconds(2)));
  }
  FetchEvidence evidence = Clean();
  evidence.final_record = FinalRecord{FinalRecord::Kind::kCompleted, evidence.events, {}};
  evidence.seen_witnesses = {step.witness_post_ids(0), step.witness_post_ids(1)};
  EXPECT_EQ(Judge(evidence, {step}).outcome, Complete::OUTCOME_DONE);
  evidence.seen_witnesses = {step.witness_post_ids(0)};
  EXPECT_EQ(Judge(evidence, {step}).outcome, Complete::OUTCOME_INCOMPLETE);
}

TEST(ProofTest, WitnessesOfWhatIsNotVouchedForSayNothing) {
  FetchEvidence evidence = Final(FinalRecord::Kind::kWithErrors, {Minutes(0, 1)});
  EXPECT_EQ(Text(Judge(evidence, {Witnessed()}).covers), "1-10");
}

TEST(ProofTest, AContradictedCleanEndIsNoHalfProof) {
  FetchOutcome outcome = Judge(Seen(Clean(), 3), {Witnessed()});
  EXPECT_EQ(outcome.result.proof(), "");
}

TEST(ProofTest, AnEarlierAttemptOfAnybodyWhoWaitsCounts) {
  FetchOutcome outcome = Judge(Clean(), {Plain(), Earlier(42, absl::Minutes(10))});
  EXPECT_EQ(outcome.outcome, Complete::OUTCOME_DONE);
}

}  // namespace
}  // namespace braid
