#include "tests/harness/frames.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "proto/frame_codec.h"
#include "proto/proto_time.h"

namespace braid::harness {
namespace {

bool Bit(absl::string_view bitmap, int index) {
  size_t byte = static_cast<size_t>(index) / 8;
  return byte < bitmap.size() && (static_cast<uint8_t>(bitmap[byte]) >> (index % 8) & 1) != 0;
}

uint64_t IdOf(const v1::Frame& frame, int index) {
  if (index < frame.post_ids_size()) return frame.post_ids(index);
  uint64_t id = 0;
  if (index < frame.keys_size() && frame.keys(index).kind() == v1::EVENT_KIND_POST &&
      frame.keys(index).object_ids_size() == 1 &&
      absl::SimpleAtoi(frame.keys(index).object_ids(0), &id)) {
    return id;
  }
  return 0;
}

absl::Status Broken(const v1::LogFrame& frame, absl::string_view what) {
  return absl::DataLossError(absl::StrCat("frame at sequence ", frame.first_sequence(), " from ",
                                          frame.connection_id(), ": ", what));
}

}  // namespace

absl::Status DecodeFrame(const v1::LogFrame& log_frame,
                         const std::function<void(const SeenEvent&)>& visit) {
  const v1::Frame& frame = log_frame.frame();
  absl::Status valid = ValidateFrame(frame);
  if (!valid.ok()) return Broken(log_frame, valid.message());
  absl::StatusOr<std::string> payload = DecompressPayload(frame);
  if (!payload.ok()) return Broken(log_frame, payload.status().message());
  absl::Time base = ToTime(frame.base_receive_time());
  uint64_t sequence = log_frame.first_sequence();
  size_t offset = 0;
  uint32_t skip = log_frame.skip_events();
  for (int i = 0; i < frame.lengths_size(); offset += frame.lengths(i), ++i) {
    if (!Bit(log_frame.new_bitmap(), i)) continue;
    ++sequence;
    if (skip > 0) {
      --skip;
      continue;
    }
    absl::string_view line(payload->data() + offset, frame.lengths(i));
    if (Hash64(line) != frame.line_hashes(i)) return Broken(log_frame, "hash of a line");
    visit({sequence - 1, IdOf(frame, i), base + absl::Microseconds(frame.receive_offsets_micros(i)),
           line});
  }
  return absl::OkStatus();
}

}  // namespace braid::harness
