// How far each connection is behind the fastest one, from the receive times of
// the copies of a sample of the posts.
//
// Threads: OnCommit on the merger thread; Behind on any.
// Bounds: one post in 16 is sampled; kPostsMax of them wait for their second
// copy, the oldest is forgotten first.

#ifndef BRAID_DEDUPE_BEHIND_TRACKER_H_
#define BRAID_DEDUPE_BEHIND_TRACKER_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "dedupe/core.h"

namespace braid {

class BehindTracker {
 public:
  struct Quantiles {
    absl::Duration p50;
    absl::Duration p99;
  };

  void OnCommit(const std::vector<CommittedRecord>& records);
  // Zero for a connection that was always first, or is not known.
  Quantiles Behind(const std::string& connection_id) const;

 private:
  struct First {
    absl::Time receive_time;
    std::string connection_id;
  };

  void NoteFirst(uint64_t post_id, First first) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void NoteCopy(uint64_t post_id, const std::string& connection_id, absl::Time receive_time)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Record(const std::string& connection_id, absl::Duration behind)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable Mutex mu_;
  absl::flat_hash_map<uint64_t, First> firsts_ ABSL_GUARDED_BY(mu_);
  std::deque<uint64_t> order_ ABSL_GUARDED_BY(mu_);
  // Current and previous: what is shown is recent, and never of no samples.
  struct Pair {
    std::unique_ptr<LatencyHistogram> current = std::make_unique<LatencyHistogram>();
    std::unique_ptr<LatencyHistogram> previous = std::make_unique<LatencyHistogram>();
  };
  std::map<std::string, Pair> histograms_ ABSL_GUARDED_BY(mu_);
};

}  // namespace braid

#endif  // BRAID_DEDUPE_BEHIND_TRACKER_H_
