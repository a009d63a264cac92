// One stream of a running deduper: its store, core, merger thread, and what
// the services see of it.
//
// Threads: Open, Start and Stop on the main thread; the rest as each part says.
// Ownership: owns every part; services refer to it and end before it.

#ifndef BRAID_DEDUPE_STREAM_RUNTIME_H_
#define BRAID_DEDUPE_STREAM_RUNTIME_H_

#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/metrics.h"
#include "base/owner.h"
#include "base/real_loop.h"
#include "braid/config/v1/config.pb.h"
#include "dedupe/ballast.h"
#include "dedupe/core.h"
#include "dedupe/desk_work_client.h"
#include "dedupe/disk_guard.h"
#include "dedupe/drain_desk.h"
#include "dedupe/gap_service.h"
#include "dedupe/log_mark.h"
#include "dedupe/merger.h"
#include "dedupe/readable_stream.h"
#include "dedupe/reconnect_worker.h"
#include "dedupe/recovery_service.h"
#include "dedupe/rocks_store.h"
#include "dedupe/session_directory.h"
#include "dedupe/stream_monitor.h"
#include "dedupe/work_desk.h"

namespace braid {

class StreamRuntime {
 public:
  struct Options {
    config::v1::StreamConfig config;
    // Of this stream alone.
    std::string dir;
    // For a log that turns out to have gone back.
    std::string new_log_id;
    std::shared_ptr<RocksStore::Memory> memory;
    // The state on disk is indeterminate: end the process. Any thread.
    std::function<void(absl::Status)> on_fatal;
    std::function<uint32_t(const ReadableStream&)> tail_count;
    // The disk became nearly full, or has room again. Merger thread.
    std::function<void(bool accepting)> on_accepting;
  };

  // Opens the store and loads the core; nothing runs yet.
  static absl::StatusOr<std::unique_ptr<StreamRuntime>> Open(Options options);
  // Stops.
  ~StreamRuntime();

  // Starts the merger thread and its ticks.
  void Start();
  // What was admitted is committed; then the merger thread ends.
  void Stop();

  const std::string& name() const { return options_.config.name(); }
  std::vector<std::string> connections() const;
  // Connection → partition; empty where the stream has none.
  std::map<std::string, uint32_t> partitions() const;
  RealLoop& loop() { return loop_; }
  Merger& merger() { return *merger_; }
  SessionDirectory& directory() { return directory_; }
  WorkDesk& work_desk() { return *work_desk_; }
  ReadableStream& readable() { return *readable_; }
  const StreamMonitor& monitor() const { return *monitor_; }
  // Asks on the merger thread, where `done` runs too. REQUIRES: started and not
  // stopped. Any thread.
  void AskDrain(DrainRequest request, std::function<void(DrainDecision)> done);
  // Any thread.
  // What the GapService sees of it; valid while this lives.
  GapStream Gaps();
  // What the RecoveryService sees of it; valid while this lives.
  RecoveryStream Recovery();
  absl::StatusOr<v1::Usage> Usage(const v1::GetUsageRequest& request) const;
  // `done` runs on the merger thread once it is durable. Any thread.
  void Command(store::v1::Command command, std::function<void()> done);

  void CollectMetrics(MetricSink& sink) const;

 private:
  // What an opened stream consists of.
  struct Opened {
    std::unique_ptr<Ballast> ballast;
    std::unique_ptr<RocksStore> store;
    std::unique_ptr<Core> core;
    std::unique_ptr<LogMarkFile> mark;
    store::v1::Identity identity;
  };
  void MakeReconnectWorker();
  static absl::Status OpenMark(const Options& options, Opened* opened);
  StreamRuntime(Options options, Opened opened);
  // Admits it on the merger thread; `done` runs there once it is durable.
  void Admit(store::v1::InputRecord input, std::function<void(const ApplyResult&)> done);
  void CollectWatched(MetricSink& sink) const;
  void OnCommit(const std::vector<CommittedRecord>& records);
  ReadableStream::Bounds ReadBounds() const;
  void Watch();
  void WarnOfContests();
  void WarnOfResetDay();
  void SyncMark();
  void OnDisk(bool accepting);
  void CollectGaps(MetricSink& sink) const;
  void WatchHold();
  void OnNotice(const v1::StreamNotice& notice);
  void TellPause();
  uint64_t disk_free_bytes() const;
  uint64_t disk_total_bytes() const;

  absl::StatusOr<DiskSpace> ProbeDisk();

  const Options options_;
  const std::unique_ptr<Ballast> ballast_;
  const std::unique_ptr<RocksStore> store_;
  const std::unique_ptr<Core> core_;
  const std::unique_ptr<LogMarkFile> mark_;
  const store::v1::Identity identity_;
  SessionDirectory directory_;
  RealLoop loop_;
  // Merger thread, but for its counters.
  DrainDesk drains_;
  std::unique_ptr<Merger> merger_;
  std::unique_ptr<WorkDesk> work_desk_;
  // None where nothing is fetched again.
  std::unique_ptr<DeskWorkClient> own_work_;
  std::unique_ptr<ReconnectWorker> reconnects_;
  std::unique_ptr<ReadableStream> readable_;
  std::unique_ptr<StreamMonitor> monitor_;
  std::unique_ptr<DiskGuard> disk_guard_;
  // From then on its figures may be read by any thread.
  std::atomic<bool> disk_guard_started_{false};
  // Written on the merger thread, read by any.
  Gauge held_seconds_;
  Gauge beyond_hold_count_;
  // By StreamNotice::Type, since this process started.
  std::array<std::atomic<uint64_t>, v1::StreamNotice::Type_ARRAYSIZE> notice_counts_{};
  // Merger thread only.
  std::map<std::string, uint64_t> warned_takeovers_;
  std::string warned_reset_day_;
  bool sampled_ = false;
  bool letting_go_ = false;
  // Those that were warned of.
  std::vector<std::string> beyond_hold_;
  absl::Time mark_synced_ = absl::InfinitePast();
  bool stopped_ = false;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_STREAM_RUNTIME_H_
