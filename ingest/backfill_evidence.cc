#include "ingest/backfill_evidence.h"

#include <algorithm>

namespace braid {
namespace {

// Far below the shortest silence that counts (5 s): two events in one bucket
// are never apart, and between buckets the exact times are kept.
constexpr absl::Duration kBucketTime = absl::Milliseconds(100);

// The evidence must reach the live cover, which begins 2 s after the headers,
// and later if X time moved.
constexpr absl::Duration kBeyondHead = absl::Minutes(1);

// An eighth of the posts brings three in the time of six once in thirty times, and
// ten in the time of twenty once in three thousand times.
constexpr uint64_t kBackfillEventsMin = 10;

// Rates vary over minutes by less than a factor of two.
constexpr double kUsualShareMin = 0.5;

}  // namespace

BackfillEvidence::BackfillEvidence(absl::Time head_time, absl::Duration reach)
    : begin_(head_time - reach), buckets_((reach + kBeyondHead) / kBucketTime) {}

void BackfillEvidence::OnEvent(absl::Time create_time, bool is_backfill) {
  if (buckets_.empty() || create_time < begin_) return;
  int64_t index = (create_time - begin_) / kBucketTime;
  if (index >= static_cast<int64_t>(buckets_.size())) return;
  Bucket& bucket = buckets_[index];
  bucket.oldest = std::min(bucket.oldest, create_time);
  bucket.newest = std::max(bucket.newest, create_time);
  ++bucket.events;
  if (is_backfill) ++bucket.backfill_events;
}

absl::optional<absl::Time> BackfillEvidence::WholeSince(const Question& question) const {
  // From the newest event backwards to the last silence.
  absl::Time since = question.until;
  uint64_t backfill_events = 0;
  for (size_t i = buckets_.size(); i-- > 0;) {
    const Bucket& bucket = buckets_[i];
    if (bucket.events == 0 || bucket.oldest >= question.until) continue;
    if (since - bucket.newest > question.silence) break;
    since = bucket.oldest;
    backfill_events += bucket.backfill_events;
  }
  double usual = question.usual_rate * absl::ToDoubleSeconds(question.live_from - since);
  if (backfill_events < kBackfillEventsMin) return absl::nullopt;
  if (static_cast<double>(backfill_events) < kUsualShareMin * usual) return absl::nullopt;
  return since;
}

}  // namespace braid
