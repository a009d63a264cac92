#include "dedupe/event_view.h"

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

absl::StatusOr<RecordEvents> RecordEvents::Open(CommittedRecord record, v1::EventView view) {
  RecordEvents result;
  const v1::Frame& frame = record.record->events().frame();
  result.event_count_ = FrameEventCount(frame);
  absl::Status shape = CheckShape(record, result.event_count_);
  if (!shape.ok()) return shape;
  result.with_payload_ = view != v1::EVENT_VIEW_HEADER;
  if (result.with_payload_) {
    absl::StatusOr<std::string> payload = DecompressPayload(frame);
    if (!payload.ok()) return Contradiction(record, payload.status().message());
    if (payload->size() != LengthSum(frame)) return Contradiction(record, "payload length");
    result.payload_ = *std::move(payload);
  }
  result.sequence_ = record.first_sequence;
  result.record_ = std::move(record);
  result.SettleOnNew();
  return result;
}

void RecordEvents::SkipTo(uint64_t sequence) {
  while (!done() && sequence_ < sequence) {
    Step();
    ++sequence_;
    SettleOnNew();
  }
}

void RecordEvents::Next(v1::Event* event) {
  const store::v1::LogRecord& record = *record_.record;
  const v1::Frame& frame = events().frame();
  event->set_sequence(sequence_);
  event->set_origin(frame.origin());
  SetTime(absl::FromUnixMicros(record.admission_micros()), event->mutable_commit_time());
  FillKey(event);
  FillTags(event);
  if (with_payload_) event->set_payload(payload_.data() + payload_offset_, frame.lengths(index_));
  event->set_late(HasBit(events().late_bitmap(), index_));
  *event->add_sightings() = FrameSighting(record, frame, index_);
  Step();
  ++sequence_;
  SettleOnNew();
}

// To the next event of the frame, new or not.
void RecordEvents::Step() {
  const v1::Frame& frame = events().frame();
  payload_offset_ += frame.lengths(index_);
  if (tag_offset_ < frame.tag_indexes_size()) {
    tag_offset_ += 1 + static_cast<int>(frame.tag_indexes(tag_offset_));
  }
  ++index_;
}

void RecordEvents::SettleOnNew() {
  while (!done() && !HasBit(events().new_bitmap(), index_)) Step();
}

void RecordEvents::FillKey(v1::Event* event) const {
  const v1::Frame& frame = events().frame();
  if (frame.post_ids_size() > 0) {
    uint64_t id = frame.post_ids(index_);
    event->set_id(id);
    event->set_kind(v1::EVENT_KIND_POST);
    event->mutable_key()->set_kind(v1::EVENT_KIND_POST);
    event->mutable_key()->add_object_ids(absl::StrCat(id));
    SetTime(SnowflakeTime(id), event->mutable_create_time());
    return;
  }
  const v1::EventKey& key = frame.keys(index_);
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

void RecordEvents::FillTags(v1::Event* event) const {
  const v1::Frame& frame = events().frame();
  if (tag_offset_ >= frame.tag_indexes_size()) return;
  uint32_t count = frame.tag_indexes(tag_offset_);
  for (uint32_t k = 1; k <= count; ++k) {
    event->add_rule_tags(frame.rule_tags(static_cast<int>(frame.tag_indexes(tag_offset_ + k))));
  }
}

}  // namespace braid
