// From a log record to the events a reader sees. Decompresses a record once,
// however many batches it takes to hand its events out.
//
// Threads: an UnpackedRecord may be read by any; RecordEvents one at a time.
// Bounds: holds one record and its payload, at most
// kDecompressedBytesMax.

#ifndef BRAID_DEDUPE_EVENT_VIEW_H_
#define BRAID_DEDUPE_EVENT_VIEW_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "braid/v1/types.pb.h"
#include "dedupe/core.h"

namespace braid {

v1::Sighting FrameSighting(const store::v1::LogRecord& record, const v1::Frame& frame, int index);

// What an event takes in a batch, payload and tags included.
uint64_t EventMemoryBytes(const v1::Event& event);

// One record, ready to give any of its new events.
class UnpackedRecord {
 public:
  // DataLoss where the frame contradicts itself or its payload can not be
  // unpacked. Without payload nothing is unpacked. REQUIRES: record holds
  // events.
  static absl::StatusOr<UnpackedRecord> Open(CommittedRecord record, bool with_payload);

  uint64_t first_sequence() const { return record_.first_sequence; }
  uint64_t end_sequence() const { return record_.first_sequence + record_.sequence_count; }
  uint64_t event_count() const { return places_.size(); }
  bool with_payload() const { return with_payload_; }
  // With the payload where it was unpacked, and the view asks for it.
  // REQUIRES: at < event_count().
  void FillEvent(uint64_t at, v1::EventView view, v1::Event* event) const;

  // Lets go of the compressed payload, for whoever keeps records.
  void DropPacked();
  uint64_t memory_bytes() const;

 private:
  // Where a new event stands: in the frame, the payload and the table of tags.
  struct Place {
    int index;
    int tag_offset;
    uint64_t payload_offset;
  };

  UnpackedRecord() = default;
  const store::v1::Events& events() const { return record_.record->events(); }
  void FindPlaces(int event_count);
  void FillKey(int index, v1::Event* event) const;
  void FillTags(int tag_offset, v1::Event* event) const;

  CommittedRecord record_;
  bool with_payload_ = true;
  std::string payload_;
  std::vector<Place> places_;
};

// The new events of one record, one after the other.
class RecordEvents {
 public:
  // As UnpackedRecord::Open; EVENT_VIEW_HEADER is without payload.
  static absl::StatusOr<RecordEvents> Open(CommittedRecord record, v1::EventView view);

  bool done() const { return at_ >= record_.event_count(); }
  // Sequence of the next event. REQUIRES: !done().
  uint64_t sequence() const { return record_.first_sequence() + at_; }
  // Sequence after the record's last event.
  uint64_t end_sequence() const { return record_.end_sequence(); }
  // Steps over the events before `sequence`.
  void SkipTo(uint64_t sequence);
  // Fills the event and steps on. REQUIRES: !done().
  void Next(v1::Event* event) { record_.FillEvent(at_++, view_, event); }

 private:
  RecordEvents(UnpackedRecord record, v1::EventView view)
      : record_(std::move(record)), view_(view) {}

  UnpackedRecord record_;
  v1::EventView view_;
  uint64_t at_ = 0;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_EVENT_VIEW_H_
