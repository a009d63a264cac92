// What one reader of TailEvents in creation order gets next: events sorted by
// creation time and key up to the watermark, and as late what turns up below
// the place it has come to. Knows no threads, no gRPC and no time; TailCall
// drives it.
//
// A reader stands at a key and at a sequence, and has been given exactly the
// events that are below both (its own start aside). So there are two steps,
// and each keeps it true:
// - late: goes through the log from its sequence on, delivers what is below
//   its key, and leaves the rest to the other step;
// - in order: goes through the index from its key on, up to the watermark, and
//   delivers what is below its sequence. What is not comes as late.
// The watermark is read before the end of the log, so that all below it is
// below the sequence before it is sorted.
//
// Strays that come while reading are delivered as late, whatever their key:
// one from the future could be forgotten before its time. Those that stood in
// the log when reading began come in order. Notices go with the late events.
//
// Threads: one at a time. Fill may block on the store.
// Bounds: a batch holds at most Options::batch_bytes_max of memory plus one
// event; between batches nothing is kept. Unpacked records are the stream's
// (RecordCache).

#ifndef BRAID_DEDUPE_CREATION_TAIL_H_
#define BRAID_DEDUPE_CREATION_TAIL_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "braid/v1/stream_service.pb.h"
#include "dedupe/creation_index.h"
#include "dedupe/read_token.h"
#include "dedupe/readable_stream.h"
#include "dedupe/reading.h"

namespace braid {

class CreationTail final : public Reading {
 public:
  // Where a reader stands.
  struct Place {
    // Events below it were delivered. Empty: there was no event when reading
    // began, and none came yet.
    std::string key;
    // Late ones below it were delivered.
    uint64_t sequence = 1;
    // Of the record that holds sequence - 1; 0: unknown.
    uint64_t chain = 0;
    // The log's bounds when reading began.
    uint64_t strays_until = 1;
    uint64_t first_sequence = 1;
    absl::Time delivered_time = absl::InfinitePast();
  };
  struct Options {
    Place from;
    // Stop at both; only if `stops`.
    bool stops = false;
    std::string until_key;
    uint64_t until_sequence = 0;
    // Stop after this many events; 0: never. Two of one key are not parted.
    uint64_t event_limit = 0;
    v1::EventView view = v1::EVENT_VIEW_FULL;
    int batch_events_max = 256;
    uint64_t batch_bytes_max = 256 << 10;  // as Tail's
  };

  // REQUIRES: stream outlives this.
  CreationTail(const ReadableStream& stream, Options options);

  // Where an event can not be read (DataLoss) the position stands behind it:
  // who resumes goes on.
  absl::StatusOr<Progress> Fill(v1::TailEventsResponse* batch) override;
  void FillPosition(v1::TailEventsResponse* batch) const override;
  HotTail::Mark seen() const override { return {place_.sequence, seen_watermark_micros_}; }

  const Place& place() const { return place_; }
  ReadToken Token(ReadToken::Kind kind) const;

 private:
  bool IsFull() const;
  bool LimitReached() const;
  bool IsDone() const { return IsFull() || LimitReached(); }

  absl::Status FillLate(uint64_t end, v1::TailEventsResponse* batch);
  absl::Status PassRecord(const CommittedRecord& record, v1::TailEventsResponse* batch);
  absl::Status PassEvents(const CommittedRecord& record, v1::TailEventsResponse* batch);
  absl::Status FillInOrder(int64_t watermark_micros, v1::TailEventsResponse* batch);
  absl::Status AddInOrder(const CreationEntry& entry, v1::TailEventsResponse* batch);
  absl::Status ReadEvent(uint64_t sequence, v1::Event* event);

  const ReadableStream& stream_;
  const Options options_;

  Place place_;
  // Up to where everything in order was delivered.
  int64_t seen_watermark_micros_ = 0;
  uint64_t event_count_ = 0;
  // Of the batch being filled.
  uint64_t batch_bytes_ = 0;
  int batch_events_ = 0;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_CREATION_TAIL_H_
