#include "dedupe/live_copies.h"

#include "dedupe/frame_parts.h"

namespace braid {

void LiveCopies::Add(const CommittedRecord& record, absl::Time now) {
  const store::v1::LogRecord& entry = *record.record;
  if (!entry.has_events() && !entry.has_sightings()) return;
  const v1::Frame& frame = entry.has_events() ? entry.events().frame() : entry.sightings().frame();
  int count = FrameEventCount(frame);
  bool counts = frame.origin() == v1::EVENT_ORIGIN_LIVE && count > 0 &&
                FrameReceiveTime(frame, count - 1) >= now - kAgeMax;
  if (!counts) return;
  copies_ += static_cast<uint64_t>(count);
  if (entry.has_events()) events_ += record.sequence_count;
}

}  // namespace braid
