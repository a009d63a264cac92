// From a log record to the events a reader sees. Decompresses a record once,
// however many batches it takes to hand its events out.
//
// Threads: one at a time.
// Bounds: holds one record and its payload, at most
// kDecompressedBytesMax.

#ifndef BRAID_DEDUPE_EVENT_VIEW_H_
#define BRAID_DEDUPE_EVENT_VIEW_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "braid/v1/types.pb.h"
#include "dedupe/core.h"

namespace braid {

v1::Sighting FrameSighting(const store::v1::LogRecord& record, const v1::Frame& frame, int index);

// The new events of one record, one after the other.
class RecordEvents {
 public:
  // DataLoss where the frame contradicts itself or its payload can not be
  // unpacked. Without payload (EVENT_VIEW_HEADER) nothing is unpacked.
  // REQUIRES: record holds events.
  static absl::StatusOr<RecordEvents> Open(CommittedRecord record, v1::EventView view);

  bool done() const { return index_ >= event_count_; }
  // Sequence of the next event. REQUIRES: !done().
  uint64_t sequence() const { return sequence_; }
  // Sequence after the record's last event.
  uint64_t end_sequence() const { return record_.first_sequence + record_.sequence_count; }
  // Steps over the events before `sequence`.
  void SkipTo(uint64_t sequence);
  // Fills the event and steps on. REQUIRES: !done().
  void Next(v1::Event* event);

 private:
  RecordEvents() = default;
  const store::v1::Events& events() const { return record_.record->events(); }
  void Step();
  void SettleOnNew();
  void FillKey(v1::Event* event) const;
  void FillTags(v1::Event* event) const;

  CommittedRecord record_;
  bool with_payload_ = true;
  std::string payload_;
  int event_count_ = 0;
  // Where the current event stands: in the frame, the log, the payload and the
  // table of tags.
  int index_ = 0;
  uint64_t sequence_ = 0;
  uint64_t payload_offset_ = 0;
  int tag_offset_ = 0;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_EVENT_VIEW_H_
