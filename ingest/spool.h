// The session's records on disk: they outlive deduper outages and restarts,
// and are offered from here to every deduper. Layout: ingest/spool_format.h.
//
// Threads: everything on the loop; only fdatasync runs elsewhere.
// Ownership: loop, files and random outlive the spool, the spool its readers
// and observers.
// Bounds: Options::disk_bytes_max on disk (beyond it the oldest records become
// Loss records), sessions_max sessions (beyond it the smallest become part of
// the current one), tail_bytes_max in memory, one sync at a time. What is not yet
// synced may be offered already: the epoch, raised at every start, keeps such
// records from being confused with others after a crash. What was synced and
// can not be read again comes out as a Loss of its offsets.
// Failure: any failed write is final: `on_fatal` is called once, nothing is
// written any more, and the process must stop.

#ifndef BRAID_INGEST_SPOOL_H_
#define BRAID_INGEST_SPOOL_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/file_system.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "base/owner.h"
#include "base/random.h"
#include "ingest/record_sink.h"
#include "ingest/spool_marks.h"
#include "ingest/spool_state.h"

namespace braid {

// Told in a later turn, on the loop.
class SpoolObserver {
 public:
  virtual ~SpoolObserver() = default;
  // There is more to read.
  virtual void OnAppended() = 0;
  // Epochs changed: what was said in a Hello is void.
  virtual void OnSessionsChanged() = 0;
};

class Spool final : public RecordSink {
 public:
  struct Options {
    std::string dir;
    // "main/fra-a": whose records they are; empty: anybody's.
    std::string owner;
    // Acknowledgements are kept apart for each.
    int deduper_count = 1;
    // An hour without a deduper at 6,000 posts/s takes 8 GB.
    uint64_t disk_bytes_max = uint64_t{20} << 30;
    // Large enough that making files costs nothing, small enough that one of
    // them is a small loss at the cap.
    uint64_t segment_bytes = 64 << 20;
    // Less free space on the disk counts as the cap.
    uint64_t free_bytes_min = 256 << 20;
    // How long acknowledged segments stay, for a deduper that lost its disk.
    absl::Duration retention = absl::Minutes(15);
    // A power cut costs at most this much; more often would cost the disk.
    absl::Duration sync_interval = absl::Milliseconds(20);
    uint64_t sync_bytes = 256 << 10;
    // One window of a deduper, so that who keeps up never reads the disk.
    uint64_t tail_bytes_max = 8 << 20;
    // A Hello names every session; a deduper takes 4,096. Whoever restarts once
    // a second reaches it in minutes, with a few records each.
    uint64_t sessions_max = 256;
    // Of one place, by one reader; then a disk that fails is a damaged one.
    int read_attempts_max = 10;
    // Of expiry and free space.
    absl::Duration upkeep_interval = absl::Seconds(1);

    // All mistakes in one status.
    absl::Status Validate() const;
  };

  // Written on the loop, read by any thread.
  struct Metrics {
    Counter records, bytes, syncs, lost_offsets, removed_segments, epoch_raises, damaged_reads,
        read_errors, merged_sessions;
    Gauge disk_bytes, unsynced_bytes, tail_bytes, segments, sessions, disk_bytes_max;
    LatencyHistogram sync_delay;
  };

  // Opens the directory, raises the epoch and makes it durable. Blocks. Error,
  // with the file's name and the remedy, where the directory is not usable.
  static absl::StatusOr<std::unique_ptr<Spool>> Open(
      Loop& loop, FileSystem& files, Random& random, const Options& options,
      absl::AnyInvocable<void(absl::Status)> on_fatal);
  ~Spool() override;

  void Append(v1::SessionRecord record) override;

  // Runs `done` in a later turn once everything appended so far is durable.
  // One at a time.
  void Flush(absl::AnyInvocable<void()> done);

  uint64_t epoch() const { return state_.epoch_file.epoch; }
  uint64_t session_id() const { return state_.epoch_file.session_id; }
  // For a Hello: oldest first, the current one last.
  std::vector<v1::OfferRequest::Session> Sessions() const;

  // Nothing for an epoch that is not kept.
  absl::optional<uint64_t> EndOffset(uint64_t epoch) const;

  // The deduper has everything of the session below end_offset. Unknown epochs
  // are ignored, a lower offset than before too.
  void Acknowledge(int deduper, uint64_t epoch, uint64_t end_offset);
  // What the deduper says it has when it greets: as Acknowledge, but a lower
  // offset than before counts. It lost what it had acknowledged, and what is
  // kept is kept for it again.
  void ResetAcknowledged(int deduper, uint64_t epoch, uint64_t end_offset);
  // On disk and not acknowledged by this deduper, to within a few frames.
  uint64_t UnacknowledgedBytes(int deduper) const;
  bool FullyAcknowledged(int deduper) const;
  // Everything of the current session below it is durable at this deduper.
  uint64_t AcknowledgedOffset(int deduper) const;
  // Whether anything of the current session from this offset on was given up.
  bool HasLossFrom(uint64_t offset) const;

  // A deduper has seen epoch `above`, with other content where it is also ours:
  // every session gets a new epoch above it and is offered again. Who knows it
  // by its id goes on where it stood, who does not gets all of it. The current
  // one loses its id where a deduper means other records by it. No-op if all
  // are above `above` already.
  enum class CurrentId { kKept, kNew };
  void RaiseEpoch(uint64_t above, CurrentId current_id);

  void AddObserver(SpoolObserver* observer) { observers_.push_back(observer); }
  void RemoveObserver(SpoolObserver* observer);

  const Metrics& metrics() const { return metrics_; }
  void CollectMetrics(MetricSink& sink, const MetricLabels& labels) const;

 private:
  friend class SpoolReader;

  struct TailRecord {
    uint64_t offset;
    uint64_t end_offset;
    std::string body;
  };

  struct OpenFile {
    std::unique_ptr<AppendFile> file;
    uint64_t unsynced_bytes = 0;
    // Of what was appended to it.
    uint64_t end_offset = 0;
  };

  Spool(Loop& loop, FileSystem& files, Random& random, const Options& options, SpoolState state,
        absl::AnyInvocable<void(absl::Status)> on_fatal);

  uint64_t SessionIdOf(uint64_t epoch) const;
  SpoolSession& current() { return state_.sessions[epoch()]; }
  // False, after on_fatal, when the world failed.
  bool Survives(const absl::Status& status);
  bool OpenSegment();
  bool Write(absl::string_view bytes);
  void CloseSegment();
  void AddToTail(uint64_t offset, uint64_t end_offset, std::string body);
  void Notify(void (SpoolObserver::*what)());

  void SyncSoon();
  void StartSync();
  void WriteMark(const SyncMark& mark, absl::AnyInvocable<void()> done);
  void OnSynced(OpenFile* file, uint64_t bytes);

  // Blocks. Keeps to sessions_max.
  absl::Status MergeSessions();
  std::vector<uint64_t> SmallestSessions(size_t count) const;
  absl::Status TakeRecords(uint64_t from_epoch, std::string* records);
  absl::Status WriteMerged(std::string* records);
  absl::Status ForgetSessions(const std::vector<uint64_t>& epochs);

  void Upkeep();
  void StampAcknowledged(SpoolSession* session);
  void RemoveExpired();
  void KeepCap();
  // One step towards the cap; false when nothing is left to give.
  bool MakeRoom();
  bool RemoveOldestAcknowledged();
  bool ReplaceOldestByLoss();
  bool ReplaceByLoss(uint64_t epoch, uint64_t first_offset);
  void RemoveSegment(uint64_t epoch, uint64_t first_offset);
  bool IsActive(uint64_t epoch, uint64_t first_offset);
  ReceiveInterval IntervalOf(uint64_t epoch, uint64_t first_offset);

  Loop& loop_;
  FileSystem& files_;
  Random& random_;
  const Options options_;
  absl::AnyInvocable<void(absl::Status)> on_fatal_;

  SpoolState state_;
  uint64_t disk_bytes_ = 0;
  bool disk_is_low_ = false;
  uint64_t generation_ = 0;
  bool failed_ = false;

  // The segment that is written to; null between a roll and the next record.
  std::shared_ptr<OpenFile> file_;
  uint64_t file_first_offset_ = 0;
  SpoolMarks marks_;
  // Rolled, to be synced before the current one.
  std::deque<std::shared_ptr<OpenFile>> rolled_files_;
  uint64_t unsynced_bytes_ = 0;
  bool sync_under_way_ = false;
  bool sync_planned_ = false;
  absl::AnyInvocable<void()> on_flushed_;

  // The newest records of the current session.
  std::deque<TailRecord> tail_;
  uint64_t tail_bytes_ = 0;

  std::vector<SpoolObserver*> observers_;
  bool notify_planned_ = false;
  Metrics metrics_;
  Owner owner_;
};

}  // namespace braid

#endif  // BRAID_INGEST_SPOOL_H_
