// A frame from a source: refused, or safe to unpack, to repack and to serve.

#include <string>

#include "base/check.h"
#include "base/hash.h"
#include "dedupe/event_view.h"
#include "dedupe/frame_parts.h"
#include "proto/frame_codec.h"
#include "tests/fuzz/fuzz_input.h"

namespace braid {
namespace {

int CountBits(absl::string_view bitmap, int events) {
  int count = 0;
  for (int i = 0; i < events; ++i) count += HasBit(bitmap, i) ? 1 : 0;
  return count;
}

void Serve(const v1::Frame& frame, const std::string& bitmap) {
  auto record = std::make_shared<store::v1::LogRecord>();
  *record->mutable_events()->mutable_frame() = frame;
  record->mutable_events()->set_new_bitmap(bitmap);
  CommittedRecord committed;
  committed.first_sequence = 1;
  committed.sequence_count = static_cast<uint32_t>(CountBits(bitmap, EventCount(frame)));
  committed.record = record;
  for (v1::EventView view : {v1::EVENT_VIEW_FULL, v1::EVENT_VIEW_HEADER}) {
    absl::StatusOr<RecordEvents> events = RecordEvents::Open(committed, view);
    if (!events.ok()) continue;
    uint32_t served = 0;
    for (v1::Event event; !events->done(); ++served) events->Next(&event);
    BRAID_CHECK(served == committed.sequence_count);
  }
}

void ReadFrame(v1::Frame frame, absl::string_view choices) {
  if (!ValidateFrame(frame).ok()) return;
  absl::StatusOr<std::string> lines = DecompressPayload(frame);
  if (lines.ok()) BRAID_CHECK(lines->size() == frame.decompressed_bytes());
  std::string bitmap(choices.data(), choices.size());
  const int kept = CountBits(bitmap, EventCount(frame));
  absl::StatusOr<v1::Frame> part = KeepMarked(frame, bitmap);
  BRAID_CHECK(part.ok() == lines.ok());
  if (part.ok() && kept > 0) {
    BRAID_CHECK(ValidateFrame(*part).ok());
    BRAID_CHECK(EventCount(*part) == kept);
  }
  WithoutMarked(frame, bitmap);
  Serve(frame, bitmap);
}

}  // namespace
}  // namespace braid

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  braid::FuzzInput input(data, size);
  const uint8_t choice = input.TakeByte();
  const absl::string_view bitmap = input.TakeBytes(choice >> 2 & 7);
  const absl::string_view bytes = input.TakeRest();
  braid::v1::Frame frame;
  if (!frame.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return 0;
  // A payload whose hash is right is what an attacker would send; one that
  // holds what the input says as text reaches beyond zstd's own checks.
  if (choice & 1) {
    const std::string lines = frame.payload();
    braid::CompressFrame(lines, &frame);
  }
  if (choice & 2) frame.set_payload_xxh3(braid::Hash64(frame.payload()));
  braid::ReadFrame(std::move(frame), bitmap);
  return 0;
}
