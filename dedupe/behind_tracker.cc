#include "dedupe/behind_tracker.h"

#include <utility>

#include "dedupe/frame_parts.h"

namespace braid {
namespace {

// About 4 MB; at a sixteenth of 140,000 posts a second, four seconds.
constexpr size_t kPostsMax = 32768;
// Copies per histogram: enough for a p99, soon replaced by newer ones.
constexpr uint64_t kCopiesPerHistogram = 10000;
constexpr uint64_t kCopiesForQuantiles = 100;

// One post in 16, whatever its low bits are (often zero in snowflakes).
bool IsSampled(uint64_t post_id) { return (post_id * 0x9e3779b97f4a7c15) >> 60 == 0; }

}  // namespace

void BehindTracker::OnCommit(const std::vector<CommittedRecord>& records) {
  MutexLock lock(&mu_);
  for (const CommittedRecord& entry : records) {
    const store::v1::LogRecord& record = *entry.record;
    if (!record.has_events() && !record.has_sightings()) continue;
    const v1::Frame& frame =
        record.has_events() ? record.events().frame() : record.sightings().frame();
    if (frame.origin() != v1::EVENT_ORIGIN_LIVE) continue;
    for (int i = 0; i < frame.post_ids_size(); ++i) {
      uint64_t id = frame.post_ids(i);
      if (!IsSampled(id)) continue;
      absl::Time received = FrameReceiveTime(frame, i);
      if (record.has_events() && HasBit(record.events().new_bitmap(), i)) {
        NoteFirst(id, {received, record.source_id()});
      } else {
        NoteCopy(id, record.source_id(), received);
      }
    }
  }
}

void BehindTracker::NoteFirst(uint64_t post_id, First first) {
  firsts_[post_id] = std::move(first);
  order_.push_back(post_id);
  if (order_.size() <= kPostsMax) return;
  firsts_.erase(order_.front());
  order_.pop_front();
}

void BehindTracker::NoteCopy(uint64_t post_id, const std::string& connection_id,
                             absl::Time receive_time) {
  auto it = firsts_.find(post_id);
  if (it == firsts_.end() || it->second.connection_id == connection_id) return;
  // First in the log need not be first received.
  absl::Duration behind = receive_time - it->second.receive_time;
  Record(connection_id, std::max(behind, absl::ZeroDuration()));
  Record(it->second.connection_id, std::max(-behind, absl::ZeroDuration()));
}

void BehindTracker::Record(const std::string& connection_id, absl::Duration behind) {
  Pair& pair = histograms_[connection_id];
  if (pair.current->count() >= kCopiesPerHistogram) {
    pair.previous = std::exchange(pair.current, std::make_unique<LatencyHistogram>());
  }
  pair.current->Record(behind);
}

BehindTracker::Quantiles BehindTracker::Behind(const std::string& connection_id) const {
  MutexLock lock(&mu_);
  auto it = histograms_.find(connection_id);
  if (it == histograms_.end()) return {};
  bool fresh = it->second.current->count() >= kCopiesForQuantiles ||
               it->second.previous->count() == 0;
  const LatencyHistogram& histogram = fresh ? *it->second.current : *it->second.previous;
  return {histogram.Quantile(0.5), histogram.Quantile(0.99)};
}

}  // namespace braid
