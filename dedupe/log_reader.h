// Reads the log by sequence: from the hot tail where it reaches, else from the
// store. A position that retention has passed, or that does not exist yet, is
// an error with a reason (CURSOR_TOO_OLD, CURSOR_IN_FUTURE): a skip is never
// silent.
//
// Threads: any. Reads of the store block: only on threads that may.
// Bounds: one answer holds about the bytes asked for, plus one record.

#ifndef BRAID_DEDUPE_LOG_READER_H_
#define BRAID_DEDUPE_LOG_READER_H_

#include <atomic>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dedupe/core.h"
#include "dedupe/hot_tail.h"
#include "dedupe/log_entry.h"
#include "dedupe/store.h"

namespace braid {

class LogReader {
 public:
  // REQUIRES: both outlive this.
  LogReader(const Store& store, const HotTail& hot_tail, uint64_t earliest_sequence)
      : store_(store), hot_tail_(hot_tail), earliest_sequence_(earliest_sequence) {}

  // Oldest sequence served: set by the merger thread as the floor moves.
  void SetEarliestSequence(uint64_t sequence) { earliest_sequence_.store(sequence); }
  uint64_t earliest_sequence() const { return earliest_sequence_.load(); }
  uint64_t next_sequence() const { return hot_tail_.next_sequence(); }

  // Whether reading can start at `from`. `delivered_time`, where known, is how
  // far the reader had come: the start of the interval it lost.
  absl::Status CheckPosition(uint64_t from, absl::Time delivered_time) const;

  // The records, in order, that hold sequences from `from` on, until their
  // size reaches bytes_max; empty at the end of the log.
  absl::StatusOr<std::vector<CommittedRecord>> Read(uint64_t from, uint64_t bytes_max) const;

  // The record that holds this sequence.
  absl::StatusOr<CommittedRecord> RecordOf(uint64_t sequence) const;

  // First sequence admitted at or after `time`; next_sequence() if none is.
  absl::StatusOr<uint64_t> FirstAdmittedAt(absl::Time time) const;

  // A record by its place, of any kind (sightings, cover, …).
  absl::StatusOr<CommittedRecord> RecordAt(LogKey position) const;

 private:
  absl::StatusOr<std::vector<CommittedRecord>> ReadStore(uint64_t from, uint64_t bytes_max) const;
  absl::StatusOr<CommittedRecord> SeekStore(uint64_t sequence) const;

  const Store& store_;
  const HotTail& hot_tail_;
  std::atomic<uint64_t> earliest_sequence_;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_LOG_READER_H_
