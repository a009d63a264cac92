#include "dedupe/frame_parts.h"

#include "base/bytes.h"
#include "dedupe/keys.h"
#include "proto/frame_codec.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

void CopyKeyAndTime(const v1::Frame& from, int event, v1::Frame* out) {
  if (from.post_ids_size() > 0) {
    out->add_post_ids(from.post_ids(event));
  } else {
    *out->add_keys() = from.keys(event);
  }
  if (event < from.receive_offsets_micros_size()) {
    out->add_receive_offsets_micros(from.receive_offsets_micros(event));
  }
}

// Moves `at` past one event's tags, copying them when asked.
void PassTags(const v1::Frame& from, bool copy, int* at, v1::Frame* out) {
  if (*at >= from.tag_indexes_size()) return;
  int end = *at + 1 + static_cast<int>(from.tag_indexes(*at));
  for (; *at < end && *at < from.tag_indexes_size(); ++*at) {
    if (copy) out->add_tag_indexes(from.tag_indexes(*at));
  }
}

}  // namespace

absl::Time FrameReceiveTime(const v1::Frame& frame, int event) {
  absl::Time base = ToTime(frame.base_receive_time());
  if (event >= frame.receive_offsets_micros_size()) return base;
  return base + absl::Microseconds(frame.receive_offsets_micros(event));
}

int64_t FrameReceiveMicros(const v1::Frame& frame, int event) {
  return absl::ToUnixMicros(FrameReceiveTime(frame, event));
}

bool FrameHoldsPost(const v1::Frame& frame, int event) {
  return frame.post_ids_size() > 0 || frame.keys(event).kind() == v1::EVENT_KIND_POST;
}

v1::Frame WithoutMarked(const v1::Frame& frame, absl::string_view bitmap) {
  v1::Frame out;
  out.set_origin(frame.origin());
  *out.mutable_base_receive_time() = frame.base_receive_time();
  for (int event = 0; event < FrameEventCount(frame); ++event) {
    if (HasBit(bitmap, event)) continue;
    CopyKeyAndTime(frame, event, &out);
    // Tells a variant from a copy.
    if (event < frame.line_hashes_size()) out.add_line_hashes(frame.line_hashes(event));
  }
  return out;
}

absl::StatusOr<v1::Frame> KeepMarked(const v1::Frame& frame, absl::string_view bitmap) {
  if (absl::Status status = ValidateFrame(frame); !status.ok()) return status;
  absl::StatusOr<std::string> lines = DecompressPayload(frame);
  if (!lines.ok()) return lines.status();
  v1::Frame out;
  out.set_origin(frame.origin());
  *out.mutable_base_receive_time() = frame.base_receive_time();
  *out.mutable_rule_tags() = frame.rule_tags();
  std::string kept;
  uint64_t begin = 0;
  int tag_at = 0;
  for (int event = 0; event < EventCount(frame); ++event) {
    bool keep = HasBit(bitmap, event);
    if (keep) {
      CopyKeyAndTime(frame, event, &out);
      out.add_lengths(frame.lengths(event));
      out.add_line_hashes(frame.line_hashes(event));
      kept.append(*lines, begin, frame.lengths(event));
    }
    PassTags(frame, keep, &tag_at, &out);
    begin += frame.lengths(event);
  }
  CompressFrame(ToAbsl(kept), &out);
  return out;
}

std::string KeepMarkedBits(absl::string_view bits, absl::string_view marked, int events) {
  std::string out;
  int kept = 0;
  for (int event = 0; event < events; ++event) {
    if (!HasBit(marked, event)) continue;
    if (kept % 8 == 0) out.push_back('\0');
    if (HasBit(bits, event)) SetBit(&out, kept);
    ++kept;
  }
  return out;
}

}  // namespace braid
