// Parts of a frame: which events are marked, when each was received, the
// duplicates without their payload, the new ones repacked. Pure; any thread.

#ifndef BRAID_DEDUPE_FRAME_PARTS_H_
#define BRAID_DEDUPE_FRAME_PARTS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "braid/v1/ingest_service.pb.h"

namespace braid {

// One bit per event, least significant first.
inline std::string EmptyBitmap(int events) { return std::string((events + 7) / 8, '\0'); }
inline void SetBit(std::string* bitmap, int event) {
  (*bitmap)[event / 8] = static_cast<char>((*bitmap)[event / 8] | (1 << (event % 8)));
}
// A bitmap that ends early has no further bits set.
inline bool HasBit(absl::string_view bitmap, int event) {
  return static_cast<size_t>(event / 8) < bitmap.size() &&
         (bitmap[event / 8] >> (event % 8) & 1) != 0;
}

// The frame's own time for an event without one.
absl::Time FrameReceiveTime(const v1::Frame& frame, int event);
int64_t FrameReceiveMicros(const v1::Frame& frame, int event);

bool FrameHoldsPost(const v1::Frame& frame, int event);

// Reads the rule tags of a frame's events, in the order of the events. Arrays
// that end early have no further tags. The frame outlives it.
class FrameTags {
 public:
  explicit FrameTags(const v1::Frame& frame) : frame_(frame) {}

  // Neither this event nor any after it has tags.
  bool done() const { return at_ >= frame_.tag_indexes_size(); }

  // Calls visit(index in rule_tags) for each tag of the next event.
  template <typename Visit>
  void Next(Visit visit) {
    if (done()) return;
    for (uint32_t left = frame_.tag_indexes(at_++); left > 0 && !done(); --left) {
      uint32_t index = frame_.tag_indexes(at_++);
      if (index < static_cast<uint32_t>(frame_.rule_tags_size())) visit(static_cast<int>(index));
    }
  }

 private:
  const v1::Frame& frame_;
  int at_ = 0;
};

// Keys, receive times and origin of the events whose bit is not set.
v1::Frame WithoutMarked(const v1::Frame& frame, absl::string_view bitmap);

// The events whose bit is set, with their lines, compressed anew.
// InvalidArgument when the payload can not be read.
absl::StatusOr<v1::Frame> KeepMarked(const v1::Frame& frame, absl::string_view bitmap);

// The same bits for the frame that KeepMarked(frame, marked) gives.
std::string KeepMarkedBits(absl::string_view bits, absl::string_view marked, int events);

}  // namespace braid

#endif  // BRAID_DEDUPE_FRAME_PARTS_H_
