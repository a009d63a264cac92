#include "recovery/proof.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/hash.h"
#include "proto/proto_time.h"
#include "proto/recovery_terms.h"
#include "proto/snowflake.h"
#include "proto/time_range.h"

namespace braid {
namespace {

// The share of witnesses that may be missing: deleted, or protected since.
constexpr uint32_t kWitnessesPerMissing = 5;

// Of X's search and counts (docs/X-API 1.15, 2.2).
constexpr absl::Duration kIndexDelay = absl::Seconds(30);

// X's clock and ours, and its request's way.
constexpr absl::Duration kReachMargin = absl::Seconds(2);

constexpr int64_t kMinuteMicros = 60'000'000;

// Of a stream that ended early: so many parts are asked for again one by one; of
// more, which a quiet stream has, all from the first on.
constexpr size_t kPiecesMax = 4;

constexpr char kLost[] = "the spool gave up what had come: it was full, or its disk failed";

// What may be vouched for, before witnesses are heard.
struct Claim {
  std::vector<Interval> covers;
  std::vector<Interval> failed;
  absl::string_view proof;
  std::string why_not;
};

Claim Nothing(std::string why, absl::string_view proof = "") {
  return {{}, {}, proof, std::move(why)};
}

IntervalSet SetOf(const std::vector<Interval>& intervals) {
  IntervalSet set;
  for (const Interval& interval : intervals) set.Add(interval);
  return set;
}

Claim LessMissing(const Interval& asked, const std::vector<Interval>& missing, std::string why) {
  const IntervalSet gone = SetOf(missing);
  return {gone.Missing(asked), gone.Within(asked), kProofFinalRecord, std::move(why)};
}

Claim ByFinalRecord(const FetchEvidence& evidence) {
  const FinalRecord& record = *evidence.final_record;
  if (!record.activity_count.has_value()) return Nothing("X's final record has no count");
  if (*record.activity_count != evidence.events) {
    return Nothing(absl::StrCat("X sent ", *record.activity_count, " by its count, and ",
                                evidence.events, " came"));
  }
  switch (record.kind) {
    case FinalRecord::Kind::kCompleted:
      return {{evidence.asked}, {}, kProofFinalRecord, ""};
    case FinalRecord::Kind::kWithErrors:
      return LessMissing(evidence.asked, record.missing,
                         absl::StrCat("X failed ", record.missing.size(), " minutes"));
    case FinalRecord::Kind::kFailed:
      return LessMissing(evidence.asked, record.missing, "X failed to complete it");
  }
  return Nothing("");
}

bool IsSameTwice(const FetchEvidence& evidence, const std::vector<v1::RecoveryStep>& steps) {
  return std::any_of(steps.begin(), steps.end(), [&](const v1::RecoveryStep& step) {
    // The deduper says it only when enough time has passed (recovery.repeat_after).
    return step.has_last_end_time() && step.last_keys_digest() == evidence.keys_digest;
  });
}

// Each query by itself: what several find would be counted several times.
bool IsCounted(const FetchEvidence& evidence) {
  const Interval& asked = evidence.asked;
  // X counted by then what it could not find yet.
  bool is_indexed = evidence.begin_time >= absl::FromUnixMicros(asked.until) + kIndexDelay;
  const auto has_all = [&](const std::vector<CountedSpan>& of_query) {
    IntervalSet spans;
    for (const CountedSpan& each : of_query) {
      if (each.received < each.counted) return false;
      spans.Add(each.span);
    }
    return spans.Covers(asked);
  };
  return is_indexed && !evidence.counts.empty() &&
         std::all_of(evidence.counts.begin(), evidence.counts.end(), has_all);
}

// What is said of a clean end.
std::string ShortOf(const FetchEvidence& evidence) {
  uint64_t lacking = 0;
  for (const auto& of_query : evidence.counts) {
    for (const CountedSpan& each : of_query) {
      if (each.received < each.counted) lacking += each.counted - each.received;
    }
  }
  if (lacking == 0) return "the stream ended cleanly, which alone proves nothing";
  return absl::StrCat("X counts ", lacking, " posts that did not come: it counts deleted ones too");
}

// X sends minutes in order: what it has of those before the last one came. One of
// which nothing came may be one that X failed, which the final record alone would
// have told (minutes_failed): it is asked for again.
Claim ByOrder(const FetchEvidence& evidence, std::string why) {
  const Interval& asked = evidence.asked;
  if (!evidence.has_final_record || !evidence.is_in_order || evidence.seen_minutes.empty()) {
    return Nothing(std::move(why));
  }
  IntervalSet came;
  for (int64_t minute : evidence.seen_minutes) {
    if (minute == *evidence.seen_minutes.rbegin()) break;
    came.Add({minute, minute + kMinuteMicros});
  }
  std::vector<Interval> again = came.Missing(asked);
  if (again.size() > kPiecesMax) {
    again = {{again.front().from, asked.until}};
    came.Subtract(again.front());
  }
  std::vector<Interval> covers = came.Within(asked);
  if (covers.empty()) return Nothing(std::move(why));
  return {std::move(covers), std::move(again), "", std::move(why)};
}

Claim ClaimOf(const FetchEvidence& evidence, const std::vector<v1::RecoveryStep>& steps) {
  if (evidence.stop == FetchEvidence::Stop::kLost) return Nothing(kLost);
  if (evidence.lost_lines > 0) {
    return Nothing(absl::StrCat(evidence.lost_lines, " lines were lost"));
  }
  if (evidence.final_record.has_value()) return ByFinalRecord(evidence);
  if (evidence.stop != FetchEvidence::Stop::kClean) {
    return ByOrder(evidence,
                   absl::StrCat("the stream ended early: ", CauseWord(evidence.verdict.cause)));
  }
  if (IsCounted(evidence)) return {{evidence.asked}, {}, kProofCounts, ""};
  if (IsSameTwice(evidence, steps)) return {{evidence.asked}, {}, kProofSameTwice, ""};
  Claim claim = ByOrder(evidence, "the stream ended without X's final record");
  if (!claim.covers.empty()) return claim;
  return Nothing(ShortOf(evidence), kProofCleanEnd);
}

bool IsWithin(const std::vector<Interval>& intervals, int64_t micros) {
  return std::any_of(intervals.begin(), intervals.end(), [&](const Interval& interval) {
    return interval.from <= micros && micros < interval.until;
  });
}

// Posts that connections had brought of the spans, and those that did not come.
struct KnownPosts {
  uint32_t all = 0;
  uint32_t missing = 0;
};

KnownPosts KnownWithin(const FetchEvidence& evidence, const v1::RecoveryStep& step,
                       const std::vector<Interval>& spans) {
  KnownPosts known;
  for (uint64_t id : step.witness_post_ids()) {
    if (!IsWithin(spans, absl::ToUnixMicros(SnowflakeTime(id)))) continue;
    ++known.all;
    const auto& seen = evidence.seen_witnesses;
    known.missing += std::find(seen.begin(), seen.end(), id) == seen.end() ? 1 : 0;
  }
  return known;
}

// Why they contradict; empty: they do not.
std::string Contradiction(const KnownPosts& known) {
  // Of few witnesses one is easily more than its share.
  if (known.missing <= 1 || known.missing * kWitnessesPerMissing <= known.all) return "";
  return absl::StrCat(known.missing, " of ", known.all,
                      " posts that connections brought are not in it");
}

// Where X's memory began when it was asked last: by its steps' deadlines, which
// say when it forgets their beginnings. InfinitePast: not known.
absl::Time ReachOf(const FetchEvidence& evidence, const std::vector<v1::RecoveryStep>& steps) {
  absl::Time reach = absl::InfinitePast();
  for (const v1::RecoveryStep& each : steps) {
    if (!each.step().has_deadline()) continue;
    const absl::Duration window =
        ToTime(each.step().deadline()) - ToTime(each.step().range().start_time());
    reach = std::max(reach, evidence.last_request_time - window + kReachMargin);
  }
  return reach;
}

void FillCounts(const FetchEvidence& evidence, v1::RecoveryResult* result) {
  result->mutable_totals()->set_received_events(evidence.events);
  result->mutable_totals()->set_received_bytes(evidence.bytes);
  result->set_message(evidence.message);
  result->set_http_status(evidence.http_status);
}

FetchOutcome JudgeStream(const FetchEvidence& evidence,
                         const std::vector<v1::RecoveryStep>& steps) {
  Claim claim = ClaimOf(evidence, steps);
  std::vector<Interval> spans = claim.covers;
  if (claim.proof == kProofCleanEnd) spans = {evidence.asked};
  KnownPosts known = KnownWithin(evidence, steps.front(), spans);
  std::string contradiction = Contradiction(known);
  if (!contradiction.empty()) claim = Nothing(std::move(contradiction));
  const bool claims_some = !claim.covers.empty();
  // The padding may begin where X has nothing any more.
  const int64_t reach = absl::ToUnixMicros(ReachOf(evidence, steps));
  claim.covers = SetOf(claim.covers).Within({reach, std::numeric_limits<int64_t>::max()});
  if (claims_some && claim.covers.empty()) claim = Nothing("X had forgotten all of it by then");
  FetchOutcome outcome;
  bool is_complete = !claim.covers.empty() && claim.failed.empty();
  outcome.outcome =
      is_complete ? v1::CompleteRequest::OUTCOME_DONE : v1::CompleteRequest::OUTCOME_INCOMPLETE;
  if (!is_complete) outcome.error = std::move(claim.why_not);
  outcome.covers = std::move(claim.covers);
  outcome.result.set_complete(is_complete);
  outcome.result.set_proof(std::string(claim.proof));
  outcome.result.set_known_posts(known.all);
  outcome.result.set_known_posts_missing(known.missing);
  // What a later attempt is compared with: never that of a cut one.
  bool is_half = claim.proof == kProofCleanEnd;
  if (is_complete || is_half) outcome.result.set_keys_digest(evidence.keys_digest);
  for (const Interval& failed : claim.failed) *outcome.result.add_failed_ranges() = RangeOf(failed);
  return outcome;
}

FetchOutcome JudgeRefusal(const FetchEvidence& evidence) {
  FetchOutcome outcome;
  absl::string_view refusal = RefusalOf(evidence.verdict.cause);
  outcome.outcome =
      refusal.empty() ? v1::CompleteRequest::OUTCOME_FAILED : v1::CompleteRequest::OUTCOME_REFUSED;
  outcome.error = absl::StrCat("X refused: ", CauseWord(evidence.verdict.cause));
  outcome.result.set_refusal(std::string(refusal));
  if (evidence.verdict.delay_min > absl::ZeroDuration()) {
    SetTime(evidence.end_time + evidence.verdict.delay_min, outcome.result.mutable_retry_time());
  }
  return outcome;
}

FetchOutcome WithoutProof(v1::CompleteRequest::Outcome kind, std::string error) {
  FetchOutcome outcome;
  outcome.outcome = kind;
  outcome.error = std::move(error);
  return outcome;
}

// Asking once more brings no more.
FetchOutcome JudgePart(const FetchEvidence& evidence) {
  FetchOutcome outcome = WithoutProof(v1::CompleteRequest::OUTCOME_REFUSED, evidence.unasked);
  outcome.result.set_refusal(std::string(RefusalOf(Cause::kRules)));
  return outcome;
}

FetchOutcome JudgeLookup(const FetchEvidence& evidence) {
  uint64_t lacking = evidence.lookup->unanswered_ids + evidence.lost_lines;
  if (lacking > 0) {
    return WithoutProof(
        v1::CompleteRequest::OUTCOME_INCOMPLETE,
        absl::StrCat(lacking, " of ", evidence.lookup->asked_ids, " ids were not answered for"));
  }
  FetchOutcome outcome = WithoutProof(v1::CompleteRequest::OUTCOME_DONE, "");
  outcome.result.set_complete(true);
  outcome.result.set_proof(std::string(kProofAnswered));
  const std::vector<uint64_t>& not_had = evidence.lookup->not_had;
  outcome.result.mutable_not_had_post_ids()->Add(not_had.begin(), not_had.end());
  return outcome;
}

FetchOutcome JudgeEnd(const FetchEvidence& evidence, const std::vector<v1::RecoveryStep>& steps) {
  switch (evidence.stop) {
    case FetchEvidence::Stop::kRefused:
      return JudgeRefusal(evidence);
    case FetchEvidence::Stop::kFailed:
      return WithoutProof(v1::CompleteRequest::OUTCOME_FAILED,
                          absl::StrCat("X did not answer: ", CauseWord(evidence.verdict.cause)));
    case FetchEvidence::Stop::kStopped:
      return WithoutProof(v1::CompleteRequest::OUTCOME_INCOMPLETE, "stopped");
    case FetchEvidence::Stop::kClean:
      if (evidence.lookup) return JudgeLookup(evidence);
      if (!evidence.unasked.empty() && evidence.lost_lines == 0) return JudgePart(evidence);
      break;
    case FetchEvidence::Stop::kBroken:
    case FetchEvidence::Stop::kLost:
      break;
  }
  return JudgeStream(evidence, steps);
}

}  // namespace

FetchOutcome Judge(const FetchEvidence& evidence, const std::vector<v1::RecoveryStep>& steps) {
  BRAID_CHECK(!steps.empty());
  FetchOutcome outcome = JudgeEnd(evidence, steps);
  FillCounts(evidence, &outcome.result);
  return outcome;
}

int64_t MinuteOf(int64_t micros) { return micros / kMinuteMicros * kMinuteMicros; }

uint64_t DigestOfNothing() { return Hash64(""); }

void GiveUp(FetchOutcome* outcome) {
  v1::RecoveryJob::Totals totals = outcome->result.totals();
  *outcome = WithoutProof(v1::CompleteRequest::OUTCOME_INCOMPLETE, kLost);
  *outcome->result.mutable_totals() = totals;
}

absl::string_view RefusalOf(Cause cause) {
  switch (cause) {
    case Cause::kTooManyConnections:
      return "too_many_jobs";
    case Cause::kRateLimited:
    case Cause::kProvisioning:
      return "rate_limited";
    case Cause::kUsageCap:
    case Cause::kPayment:
      return "usage_capped";
    case Cause::kUnauthorized:
    case Cause::kToken:
      return "credentials";
    case Cause::kForbidden:
      return "forbidden";
    case Cause::kBadRequest:
      return "range_refused";
    case Cause::kNotFound:
    case Cause::kRedirect:
    case Cause::kRules:
      return "not_offered";
    default:
      return "";
  }
}

}  // namespace braid
