#include "ingest/framer.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/hash.h"
#include "proto/frame_codec.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

// The same for every source that was sent this event.
bool IsCutPoint(const Framer::Event& event) {
  if (event.key != nullptr) {
    uint64_t hash = event.key->members_hash();
    for (const std::string& id : event.key->object_ids()) hash ^= Hash64(id);
    return (hash & 0xF) == 0;
  }
  char bytes[8];
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<char>(event.post_id >> (56 - 8 * i));
  return (Hash64({bytes, sizeof(bytes)}) & 0xF) == 0;
}

uint32_t OffsetMicros(absl::Duration offset) {
  int64_t micros = absl::ToInt64Microseconds(offset);
  return static_cast<uint32_t>(
      std::clamp<int64_t>(micros, 0, std::numeric_limits<uint32_t>::max()));
}

}  // namespace

bool Framer::Belongs(const Event& event) const {
  bool fits = lines_.size() + event.line.size() <= options_.frame_bytes_max;
  bool same_kind = (frame_.post_ids_size() > 0) == (event.key == nullptr);
  return fits && same_kind && frame_.origin() == event.origin;
}

void Framer::Add(const Event& event, std::vector<v1::Frame>* closed) {
  if (!empty() && !Belongs(event)) Close(closed);
  if (empty()) {
    base_time_ = event.receive_time;
    SetTime(base_time_, frame_.mutable_base_receive_time());
    frame_.set_origin(event.origin);
    lines_.reserve(options_.frame_bytes_max);
  }
  if (event.key == nullptr) {
    frame_.add_post_ids(event.post_id);
  } else {
    *frame_.add_keys() = *event.key;
  }
  frame_.add_receive_offsets_micros(OffsetMicros(event.receive_time - base_time_));
  frame_.add_lengths(static_cast<uint32_t>(event.line.size()));
  frame_.add_line_hashes(Hash64(event.line));
  AddTags(event);
  lines_.append(event.line.data(), event.line.size());
  if (lines_.size() >= options_.frame_bytes_max ||
      (lines_.size() >= options_.cut_bytes_min && IsCutPoint(event))) {
    Close(closed);
  }
}

void Framer::AddTags(const Event& event) {
  size_t count = event.rule_tags == nullptr ? 0 : event.rule_tags->size();
  frame_.add_tag_indexes(static_cast<uint32_t>(count));
  if (count == 0) return;
  has_tags_ = true;
  for (absl::string_view tag : *event.rule_tags) {
    auto found = tag_indexes_.find(tag);
    if (found == tag_indexes_.end()) {
      uint32_t index = static_cast<uint32_t>(frame_.rule_tags_size());
      found = tag_indexes_.emplace(std::string(tag), index).first;
      frame_.add_rule_tags(found->first);
    }
    frame_.add_tag_indexes(found->second);
  }
}

void Framer::Close(std::vector<v1::Frame>* closed) {
  if (empty()) return;
  // Most streams have no rules: no table and no zeros for them.
  if (!has_tags_) frame_.clear_tag_indexes();
  CompressFrame(lines_, &frame_);
  closed->push_back(std::exchange(frame_, v1::Frame()));
  // A line of 2 MiB is rare: its memory is not kept.
  if (lines_.capacity() > 4 * options_.frame_bytes_max) std::string().swap(lines_);
  lines_.clear();
  tag_indexes_.clear();
  has_tags_ = false;
}

}  // namespace braid
