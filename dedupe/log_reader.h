// Reads the log by sequence: from the hot tail where it reaches, else from the
// store. A position that retention has passed, or that does not exist yet, is
// an error with a reason (CURSOR_TOO_OLD, CURSOR_IN_FUTURE), and so is a
// stretch that can not be read (LOG_DAMAGED, with its exact interval): a skip
// is never silent. A damaged record that holds no event stops nobody.
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
#include "base/metrics.h"
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
  // 0: the stream has no cover yet.
  int64_t watermark_micros() const { return hot_tail_.watermark_micros(); }

  // Whether reading can start at `from`. `delivered_time`, where known, is how
  // far the reader had come: the start of the interval it lost.
  absl::Status CheckPosition(uint64_t from, absl::Time delivered_time) const;

  // Whether the record before `from` is the one that the reader knows by this
  // chain (0: unknown). LOG_ROLLED_BACK where another stands there: the log
  // was put back to an older state, unnoticed, and went on.
  absl::Status CheckChain(uint64_t from, uint64_t chain) const;

  // The records, in order and without a hole, that hold sequences from `from`
  // on, until their size reaches bytes_max; empty at the end of the log.
  // OUT_OF_RANGE as CheckPosition where retention passed `from` meanwhile;
  // DataLoss (LOG_DAMAGED) where what comes next can not be read.
  absl::StatusOr<std::vector<CommittedRecord>> Read(uint64_t from, uint64_t bytes_max) const;

  // The record that holds this sequence.
  absl::StatusOr<CommittedRecord> RecordOf(uint64_t sequence) const;

  // First sequence admitted at or after `time`; next_sequence() if none is.
  absl::StatusOr<uint64_t> FirstAdmittedAt(absl::Time time) const;

  // A record by its place, of any kind (sightings, cover, …).
  absl::StatusOr<CommittedRecord> RecordAt(LogKey position) const;

  // Damaged records without events that reads went past.
  const Counter& damaged_passed() const { return damaged_passed_; }

 private:
  // What a read from the store found: records, or none and the sequences
  // [lost_from, lost_until) that can not be read; nothing of both at the end.
  struct Stretch {
    std::vector<CommittedRecord> records;
    uint64_t lost_from = 0;
    uint64_t lost_until = 0;
  };
  Stretch ReadStretch(uint64_t from, uint64_t bytes_max) const;
  absl::Status ScanStretch(uint64_t from, uint64_t limit, uint64_t bytes_max,
                           Stretch* stretch) const;
  uint64_t NextReadable(uint64_t from, uint64_t limit) const;

  const Store& store_;
  const HotTail& hot_tail_;
  std::atomic<uint64_t> earliest_sequence_;
  mutable Counter damaged_passed_;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_LOG_READER_H_
