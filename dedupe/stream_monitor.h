// Watches one stream: takes a sample of its counters once a second and answers
// what its status is.
//
// Threads: OnCommit and Sample on the merger thread; Status on any.
// Bounds: RateWindow's and BehindTracker's.

#ifndef BRAID_DEDUPE_STREAM_MONITOR_H_
#define BRAID_DEDUPE_STREAM_MONITOR_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/mutex.h"
#include "braid/v1/admin_service.pb.h"
#include "braid/v1/gap.pb.h"
#include "dedupe/behind_tracker.h"
#include "dedupe/core.h"
#include "dedupe/live_copies.h"
#include "dedupe/merger.h"
#include "dedupe/rate_window.h"
#include "dedupe/session_directory.h"
#include "dedupe/stream_status.h"
#include "dedupe/watch_status.h"

namespace braid {

// Of the gaps and of what is done about them, as sampled.
struct GapSummary {
  // 0 before the first cover.
  int64_t watermark_micros = 0;
  int64_t base_micros = 0;
  // Open ones by kind.
  std::map<v1::Gap::Kind, uint32_t> open;
  // Until when the first open one can be asked for; 0: none is open.
  int64_t recoverable_until_micros = 0;
  // Those that have not ended, by state.
  std::map<v1::RecoveryJob::State, uint32_t> jobs;
  // Of those that no recoverer has taken anything of, how many wait for one.
  uint32_t waiting_jobs = 0;
  // X refused, and is not asked before then; why.
  absl::Time refused_until = absl::InfinitePast();
  std::string refusal;
  // By connection, as GapWatch tells.
  std::map<std::string, std::string> unsound;
  // Since the log began.
  uint64_t refetched_events = 0;
  uint64_t recovered_events = 0;
};

class StreamMonitor {
 public:
  struct Options {
    std::string name;
    std::string log_id;
    // Connection → network, as configured.
    std::map<std::string, std::string> networks;
    // Connection → the partition it carries; count 0: the stream has none.
    std::map<std::string, uint32_t> partitions;
    uint32_t partition_count = 0;
    // Asked at each status; any thread.
    std::function<uint64_t()> disk_free_bytes;
    std::function<uint64_t()> window_disk_bytes;
    std::function<uint64_t()> window_entries;
    std::function<uint32_t()> tail_count;
  };

  // REQUIRES: all outlive this; the merger does not run yet.
  StreamMonitor(const SessionDirectory& directory, const Merger& merger, Options options);

  void OnCommit(const std::vector<CommittedRecord>& records);
  void Sample(absl::Time loop_now);

  v1::StreamStatus Status() const;
  // Last sample of the core's counters, for metrics; before the first one what the
  // store held, so that no counter falls to 0 at a restart.
  store::v1::CoreState CoreState() const;
  // The same of what is watched.
  WatchStatus Watched() const;
  GapSummary Gaps() const;

 private:
  const SessionDirectory& directory_;
  const Merger& merger_;
  const Options options_;
  BehindTracker behind_;
  // Merger thread only.
  uint64_t merged_bytes_ = 0;
  LiveCopies live_;

  mutable Mutex mu_;
  // Of the last sample, or the start.
  store::v1::CoreState core_ ABSL_GUARDED_BY(mu_);
  WatchStatus watched_ ABSL_GUARDED_BY(mu_);
  GapSummary gaps_ ABSL_GUARDED_BY(mu_);
  absl::Time loop_time_ ABSL_GUARDED_BY(mu_);
  // Host time of it: samples age when the merger hangs.
  absl::Time taken_ ABSL_GUARDED_BY(mu_) = absl::InfinitePast();
  bool accepting_ ABSL_GUARDED_BY(mu_) = true;
  uint64_t window_memory_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  RateWindow rates_ ABSL_GUARDED_BY(mu_);
};

}  // namespace braid

#endif  // BRAID_DEDUPE_STREAM_MONITOR_H_
