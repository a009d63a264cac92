#include "dedupe/event_view.h"

#include <memory>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "dedupe/frame_parts.h"
#include "dedupe/keys.h"
#include "proto/frame_codec.h"
#include "proto/proto_time.h"
#include "proto/snowflake.h"

namespace braid {
namespace {

absl::Status Contradiction(const CommittedRecord& record, absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat("the frame at sequence ", record.first_sequence, " can not be read: ", what));
}

uint64_t LengthSum(const v1::Frame& frame) {
  uint64_t sum = 0;
  for (uint32_t length : frame.lengths()) sum += length;
  return sum;
}

// A frame of which the parts do not fit each other must never index outside.
absl::Status CheckShape(const CommittedRecord& record, int event_count) {
  const v1::Frame& frame = record.record->events().frame();
  if (frame.lengths_size() != event_count) return Contradiction(record, "lengths");
  if (frame.receive_offsets_micros_size() != event_count) {
    return Contradiction(record, "receive times");
  }
  if (frame.tag_indexes_size() == 0) return absl::OkStatus();
  int offset = 0;
  for (int i = 0; i < event_count; ++i) {
    if (offset >= frame.tag_indexes_size()) return Contradiction(record, "rule tags");
    uint32_t count = frame.tag_indexes(offset++);
    if (count > static_cast<uint32_t>(frame.tag_indexes_size() - offset)) {
      return Contradiction(record, "rule tags");
    }
    for (uint32_t k = 0; k < count; ++k) {
      if (frame.tag_indexes(offset++) >= static_cast<uint32_t>(frame.rule_tags_size())) {
        return Contradiction(record, "rule tags");
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

v1::Sighting FrameSighting(const store::v1::LogRecord& record, const v1::Frame& frame, int index) {
  v1::Sighting sighting;
  sighting.set_connection_id(record.source_id());
  SetTime(FrameReceiveTime(frame, index), sighting.mutable_receive_time());
  sighting.set_origin(frame.origin());
  if (index < frame.line_hashes_size()) sighting.set_line_hash(frame.line_hashes(index));
  return sighting;
}

uint64_t EventMemoryBytes(const v1::Event& event) {
  // Beside payload and tags: more than X's bytes where the view is HEADER or
  // posts are short. A third string is the id of an event that is no post.
  constexpr uint64_t kEventBytes = sizeof(v1::Event) + sizeof(v1::Sighting) + sizeof(v1::EventKey) +
                                   3 * sizeof(google::protobuf::Timestamp) +
                                   3 * sizeof(std::string);
  uint64_t bytes = kEventBytes + event.payload().size();
  for (const std::string& tag : event.rule_tags()) bytes += sizeof(tag) + tag.size();
  return bytes;
}

absl::StatusOr<UnpackedRecord> UnpackedRecord::Open(CommittedRecord record, bool with_payload) {
  UnpackedRecord result;
  const v1::Frame& frame = record.record->events().frame();
  int event_count = FrameEventCount(frame);
  absl::Status shape = CheckShape(record, event_count);
  if (!shape.ok()) return shape;
  result.with_payload_ = with_payload;
  if (with_payload) {
    absl::StatusOr<std::string> payload = DecompressPayload(frame);
    if (!payload.ok()) return Contradiction(record, payload.status().message());
    if (payload->size() != LengthSum(frame)) return Contradiction(record, "payload length");
    result.payload_ = *std::move(payload);
  }
  result.record_ = std::move(record);
  result.FindPlaces(event_count);
  return result;
}

void UnpackedRecord::FindPlaces(int event_count) {
  const v1::Frame& frame = events().frame();
  uint64_t payload_offset = 0;
  int tag_offset = 0;
  places_.reserve(record_.sequence_count);
  for (int index = 0; index < event_count; ++index) {
    if (HasBit(events().new_bitmap(), index)) {
      places_.push_back({index, tag_offset, payload_offset});
    }
    payload_offset += frame.lengths(index);
    if (tag_offset < frame.tag_indexes_size()) {
      tag_offset += 1 + static_cast<int>(frame.tag_indexes(tag_offset));
    }
  }
}

void UnpackedRecord::FillEvent(uint64_t at, v1::EventView view, v1::Event* event) const {
  const Place& place = places_[at];
  const store::v1::LogRecord& record = *record_.record;
  const v1::Frame& frame = events().frame();
  event->set_sequence(record_.first_sequence + at);
  event->set_origin(frame.origin());
  SetTime(absl::FromUnixMicros(record.admission_micros()), event->mutable_commit_time());
  FillKey(place.index, event);
  FillTags(place.tag_offset, event);
  if (with_payload_ && view != v1::EVENT_VIEW_HEADER) {
    event->set_payload(payload_.data() + place.payload_offset, frame.lengths(place.index));
  }
  event->set_late(HasBit(events().late_bitmap(), place.index));
  *event->add_sightings() = FrameSighting(record, frame, place.index);
}

void UnpackedRecord::DropPacked() {
  auto record = std::make_shared<store::v1::LogRecord>(*record_.record);
  // Clearing it would keep its memory.
  std::string().swap(*record->mutable_events()->mutable_frame()->mutable_payload());
  record_.record = std::move(record);
}

uint64_t UnpackedRecord::memory_bytes() const {
  return sizeof(*this) + payload_.capacity() + places_.capacity() * sizeof(Place) +
         record_.record->SpaceUsedLong();
}

absl::StatusOr<RecordEvents> RecordEvents::Open(CommittedRecord record, v1::EventView view) {
  absl::StatusOr<UnpackedRecord> unpacked =
      UnpackedRecord::Open(std::move(record), view != v1::EVENT_VIEW_HEADER);
  if (!unpacked.ok()) return unpacked.status();
  return RecordEvents(*std::move(unpacked), view);
}

void RecordEvents::SkipTo(uint64_t sequence) {
  if (sequence > record_.first_sequence() + at_) at_ = sequence - record_.first_sequence();
}

void UnpackedRecord::FillKey(int index, v1::Event* event) const {
  const v1::Frame& frame = events().frame();
  if (frame.post_ids_size() > 0) {
    uint64_t id = frame.post_ids(index);
    event->set_id(id);
    event->set_kind(v1::EVENT_KIND_POST);
    event->mutable_key()->set_kind(v1::EVENT_KIND_POST);
    event->mutable_key()->add_object_ids(absl::StrCat(id));
    SetTime(SnowflakeTime(id), event->mutable_create_time());
    return;
  }
  const v1::EventKey& key = frame.keys(index);
  *event->mutable_key() = key;
  event->set_kind(key.kind());
  uint64_t id = 0;
  if (key.object_ids_size() > 0 && absl::SimpleAtoi(key.object_ids(0), &id)) event->set_id(id);
  if (key.has_event_time()) {
    *event->mutable_create_time() = key.event_time();
  } else if (id != 0) {
    SetTime(SnowflakeTime(id), event->mutable_create_time());
  }
}

void UnpackedRecord::FillTags(int tag_offset, v1::Event* event) const {
  const v1::Frame& frame = events().frame();
  if (tag_offset >= frame.tag_indexes_size()) return;
  uint32_t count = frame.tag_indexes(tag_offset);
  for (uint32_t k = 1; k <= count; ++k) {
    event->add_rule_tags(frame.rule_tags(static_cast<int>(frame.tag_indexes(tag_offset + k))));
  }
}

}  // namespace braid
