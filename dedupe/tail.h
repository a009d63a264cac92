// What one reader of TailEvents gets next, in arrival order: a position in the
// log and batches cut to the reader's wishes. Knows no threads, no gRPC and no
// time; TailCall drives it.
//
// Threads: one at a time. Fill may block on the store.
// Bounds: a batch holds at most Options::batch_bytes_max of memory plus one
// event (or one frame); between batches one unpacked record is kept, and as
// much again of what was read ahead.

#ifndef BRAID_DEDUPE_TAIL_H_
#define BRAID_DEDUPE_TAIL_H_

#include <cstdint>
#include <deque>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "braid/v1/stream_service.pb.h"
#include "dedupe/event_view.h"
#include "dedupe/log_reader.h"
#include "dedupe/reading.h"

namespace braid {

class Tail final : public Reading {
 public:
  struct Options {
    // First sequence to deliver.
    uint64_t from = 1;
    // Commit time of the last event the reader has, where known.
    absl::Time delivered_time = absl::InfinitePast();
    // Of the record before `from`, as the reader knows it; 0: unknown.
    uint64_t chain = 0;
    // Stop before this sequence; 0: never.
    uint64_t until = 0;
    // Stop after this many events; 0: never. Frames are not cut: with
    // accept_frames the last one may go beyond.
    uint64_t event_limit = 0;
    v1::EventView view = v1::EVENT_VIEW_FULL;
    bool accept_frames = false;
    int batch_events_max = 256;
    // Large enough to be cheap per byte, small enough that a hundred stalled
    // readers, who hold a batch, its serialized form and what was read ahead
    // each, cost less than 100 MB.
    uint64_t batch_bytes_max = 256 << 10;
  };

  // REQUIRES: reader outlives this.
  Tail(const LogReader& reader, std::string log_id, Options options);

  absl::StatusOr<Progress> Fill(v1::TailEventsResponse* batch) override;
  void FillPosition(v1::TailEventsResponse* batch) const override;
  HotTail::Mark seen() const override { return {.next_sequence = next_}; }
  uint64_t chain() const { return chain_; }

  uint64_t next_sequence() const { return next_; }
  // Events delivered so far.
  uint64_t event_count() const { return event_count_; }

 private:
  bool Ended() const;
  absl::Status FillOne(v1::TailEventsResponse* batch);
  absl::Status OpenRecord(v1::TailEventsResponse* batch);
  void CloseRecord(const RecordEvents& record);
  void AddFrame(const CommittedRecord& record, v1::TailEventsResponse* batch);

  const LogReader& reader_;
  const std::string log_id_;
  const Options options_;

  uint64_t next_;
  uint64_t event_count_ = 0;
  absl::Time delivered_time_;
  // Of the record that holds next_ - 1; 0: unknown.
  uint64_t chain_;
  // Read ahead, not yet opened.
  std::deque<CommittedRecord> records_;
  absl::optional<RecordEvents> open_;
  // Of the batch being filled.
  uint64_t batch_bytes_ = 0;
  int batch_events_ = 0;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_TAIL_H_
