// The deterministic heart of a deduper: a state machine over input records.
// The same inputs give the same log, keys and chain hash on any machine and in
// the simulator. Apply reads nothing but its input, its own state and the
// store's earlier commits: no clock, no random number, no order of a hash map;
// and nothing it computes depends on where groups are cut.
//
// Threads: the merger thread. Not thread-safe.
// Bounds: memory is the window's (Options::window.memory_bytes_max) plus the
// strays' filter plus one state per session.

#ifndef BRAID_DEDUPE_CORE_H_
#define BRAID_DEDUPE_CORE_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "braid/store/v1/log.pb.h"
#include "dedupe/gap_watch.h"
#include "dedupe/keys.h"
#include "dedupe/minute_book.h"
#include "dedupe/recovery_jobs.h"
#include "dedupe/session_table.h"
#include "dedupe/store.h"
#include "dedupe/stream_watch.h"
#include "dedupe/strays.h"
#include "dedupe/window.h"
#include "dedupe/work_table.h"

namespace braid {

// What apply decided about one input.
struct ApplyResult {
  enum class Outcome {
    kApplied,     // everything below expected_offset is in this group or earlier
    kRepeated,    // already had it; harmless
    kHole,        // offset above expected_offset: send again from there
    kStaleEpoch,  // SourceOpened below (or beside) the highest session seen
    kNotOpened,   // record of a session that no SourceOpened named
  };
  Outcome outcome = Outcome::kApplied;
  uint64_t session_epoch = 0;
  uint64_t expected_offset = 0;
  // Of a frame: how many were new, how many were known.
  uint32_t new_events = 0;
  uint32_t duplicate_events = 0;
  // For kStaleEpoch, and for an accepted SourceOpened.
  uint64_t highest_epoch = 0;
  // For an accepted SourceOpened: where each named session goes on.
  std::vector<std::pair<uint64_t, uint64_t>> expected_by_epoch;
  // Of a WorkInput.
  WorkAnswer work;
  // Of a RecoveryInput.
  RecoveryAnswer recovery;
  // Of a command that waives a gap: there was such an open one.
  bool waived = false;
};

// A log record as it was written, for the hot tail.
struct CommittedRecord {
  uint64_t first_sequence = 0;
  uint32_t sequence_count = 0;
  uint32_t ordinal = 0;
  // First half of the chain that ends with this record: what cursors carry.
  uint64_t chain = 0;
  std::shared_ptr<const store::v1::LogRecord> record;
};

// What the inputs of one commit cause.
struct Group {
  WriteSet changes;
  std::vector<CommittedRecord> records;
  // Keys that may be forgotten, once `changes` is committed.
  std::vector<std::pair<Table, std::string>> drops;
  // Time to call Store::WriteOut.
  bool write_out = false;
};

class Core {
 public:
  struct Options {
    // Longest recovery reaches back 24 h, plus 2 h to notice and to run it.
    absl::Duration window_span = absl::Hours(26);
    // X's clocks and ours may differ by this much before a key is a stray.
    absl::Duration future_max = absl::Minutes(10);
    absl::Duration stray_span = absl::Hours(26);
    // How long the floor waits for a source that is away. At 6,000 posts/s a
    // day of keys takes some 10 GB; a long weekend and the days until somebody
    // looks. Beyond it what the source brings may stand twice, marked late.
    absl::Duration hold_max = absl::Hours(7 * 24);
    // At most window_span: behind the floor everything goes.
    absl::Duration log_retention = absl::Hours(26);
    Window::Options window;
    WorkTable::Options work;
    StreamWatch::Options watch;
    GapWatch::Options gaps;
    RecoveryJobs::Options recovery;
  };

  // The core as the store's last commit left it. REQUIRES: store outlives it,
  // and nobody else writes to it.
  static absl::StatusOr<std::unique_ptr<Core>> Load(const Store& store, Options options);

  // Adds what one input causes to the group. An error is the store's: fatal.
  absl::StatusOr<ApplyResult> Apply(store::v1::InputRecord input, Group* group);

  // Ends the group: writes the state that every group carries.
  // REQUIRES: the group is committed next, or this object is thrown away.
  void Seal(Group* group);
  // The group of the last Seal is durable.
  void Committed();

  const store::v1::CoreState& state() const { return state_; }
  absl::Time now() const { return absl::FromUnixMicros(state_.now_micros()); }
  absl::Time floor() const { return absl::FromUnixMicros(state_.floor_micros()); }
  // By how much the floor waits for sources that are away and for fetches.
  absl::Duration held_back() const;
  // Known sources that are away for longer than the floor waits.
  std::vector<std::string> SourcesBeyondHold() const;
  uint64_t last_sequence() const { return state_.next_sequence() - 1; }
  const SessionTable& sessions() const { return sessions_; }
  const Window& window() const { return window_; }
  const WorkTable& work() const { return work_; }
  const StreamWatch& watch() const { return watch_; }
  const GapWatch& gaps() const { return gaps_; }
  const RecoveryJobs& recovery() const { return recovery_; }
  RecoveryJobs::Facts RecoveryFacts() const { return {Trusted(), floor()}; }

 private:
  // What became of a frame's events.
  struct Marks {
    std::string new_bitmap;
    std::string late_bitmap;
    uint32_t new_count = 0;
    uint32_t late_count = 0;
    // Neither new nor known: forgotten.
    uint32_t refused_count = 0;
    uint32_t events = 0;
    // Buckets in which it holds a duplicate, ascending.
    std::vector<uint32_t> duplicate_buckets;
  };

  Core(const Store& store, Options options);
  absl::Status LoadState();

  ApplyResult ApplyOpened(store::v1::InputRecord input, Group* group);
  absl::Status ApplyTick(const store::v1::InputRecord& input, Group* group);
  void AppendNotices(int64_t admission_micros, std::vector<v1::StreamNotice> notices,
                     Group* group);
  absl::StatusOr<ApplyResult> ApplyRecord(store::v1::InputRecord input, Group* group);
  absl::Status ApplyFrame(store::v1::InputRecord input, store::v1::SessionState* session,
                          ApplyResult* result, Group* group);
  absl::Status ApplyOther(store::v1::InputRecord input, store::v1::SessionState* session,
                          Group* group);
  ApplyResult ApplyCommand(const store::v1::InputRecord& input, Group* group);
  ApplyResult ApplyWork(const store::v1::InputRecord& input, Group* group);
  ApplyResult ApplyRecovery(const store::v1::InputRecord& input, Group* group);
  void AskForRemovals(int64_t admission_micros, Group* group);
  void NoteRuleSet(const store::v1::InputRecord& input, const v1::RuleSet& found, Group* group);

  absl::StatusOr<Marks> MarkNew(const v1::Frame& frame, bool is_recovery, Group* group);
  absl::StatusOr<bool> IsNew(absl::string_view key) const;
  // True when it is a stray.
  bool Remember(absl::string_view key, int64_t receive_micros, uint64_t sequence, Group* group);
  void AppendFrame(store::v1::LogRecord head, v1::Frame frame, const Marks& marks, Group* group);
  void NoteReceived(const v1::Frame& frame, store::v1::SessionState* session);
  void NoteReceivedUntil(int64_t micros, store::v1::SessionState* session);

  // Appends to the log; `sequences` 0 for a record that takes none.
  LogKey AppendRecord(store::v1::LogRecord record, uint32_t sequences, Group* group);
  void AppendSightings(const Marks& marks, LogKey log_key, Group* group);
  void AppendMissing(const store::v1::LogRecord& head,
                     const std::vector<SessionTable::Missing>& missing, Group* group);

  void NoteSources(const store::v1::Tick& tick);
  void MoveNow(const store::v1::Tick& tick);
  void MoveFloor(int64_t elapsed_micros, bool let_go);
  int64_t HoldMicros() const;
  int64_t DeliveredUntil(const std::string& source_id) const;
  absl::Status Expire(Group* group);
  uint64_t FloorKeyTime() const;
  // The core's time as far as it is trusted.
  absl::Time Trusted() const;

  const Options options_;
  const Store& store_;

  store::v1::CoreState state_;
  SessionTable sessions_;
  Strays strays_;
  Window window_;
  WorkTable work_;
  StreamWatch watch_;
  GapWatch gaps_;
  RecoveryJobs recovery_;
  MinuteBook minutes_;
  // Where the log stood at past times, oldest first; one a minute.
  std::deque<std::pair<int64_t, LogKey>> time_index_;
  // When the store was last told to write out; 0: not since the start.
  int64_t written_out_micros_ = 0;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_CORE_H_
