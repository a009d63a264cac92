#include "dedupe/volume_watch.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dedupe/frame_parts.h"
#include "dedupe/keys.h"
#include "dedupe/usage_keys.h"

namespace braid {
namespace {

using store::v1::VolumeSeries;
using store::v1::VolumeSlots;

constexpr int64_t kSlotMicros = kVolumeSlotSeconds * 1'000'000;
// 80 s: twice what a slot waits.
constexpr size_t kSlotsMax = 16;
// A slot waits this long for a connection that is behind the others.
constexpr int64_t kWaitMicros = 30'000'000;
// One that was not heard for longer is not waited for: it is quiet or hangs.
constexpr int64_t kQuietMicros = 10'000'000;
// What a listening connection received until then is here: the time from its
// receipt over the report to the tick.
constexpr int64_t kReportMicros = 2'000'000;
// A tag silent for longer makes room for another.
constexpr int64_t kSilentSlots = 86'400 / kVolumeSlotSeconds;
constexpr size_t kTagBytesMax = 256;

std::string StreamKey() { return UsageKey(kUsageSeries, "s"); }
std::string TagKey(const std::string& tag) {
  return UsageKey(kUsageSeries, absl::StrCat("t", tag));
}

absl::Status Unreadable() { return absl::DataLossError("volume can not be read"); }

}  // namespace

VolumeWatch::VolumeWatch(const Store& store, const Options& options)
    : options_(options),
      store_(store),
      stream_(std::make_unique<VolumeModel>(options.model, VolumeSeries())) {}

absl::Status VolumeWatch::Load() {
  absl::Status bad;
  absl::Status scanned = store_.Scan(
      Table::kUsage, UsageKey(kUsageSeries), UsageKey(kUsageSeries + 1),
      [&](absl::string_view key, absl::string_view value) {
        VolumeSeries series;
        if (key.size() < 2 || !series.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
          bad = Unreadable();
          return false;
        }
        if (key[1] == 's') {
          stream_ = std::make_unique<VolumeModel>(options_.model, std::move(series));
        } else {
          // Only the stream has a cap.
          VolumeModel::Options model = options_.model;
          model.contract_cap = 0;
          tags_.try_emplace(std::string(key.substr(2)), model, std::move(series));
        }
        return true;
      });
  if (!scanned.ok() || !bad.ok()) return scanned.ok() ? bad : scanned;
  absl::StatusOr<std::string> bytes = store_.Get(Table::kUsage, UsageKey(kUsageSlots));
  if (absl::IsNotFound(bytes.status())) return absl::OkStatus();
  if (!bytes.ok()) return bytes.status();
  VolumeSlots open;
  if (!open.ParseFromString(*bytes)) return Unreadable();
  first_slot_ = open.first_slot();
  for (const VolumeSlots::Tag& tag : open.tags()) last_slots_[tag.name()] = tag.last_slot();
  for (const VolumeSlots::Slot& from : open.slots()) {
    Slot slot{from.events(), from.listened(), {}};
    for (int i = 0; i < from.tags_size() && i < from.tag_events_size(); ++i) {
      if (static_cast<int>(from.tags(i)) >= open.tags_size()) return Unreadable();
      slot.tag_events[open.tags(static_cast<int>(from.tags(i))).name()] = from.tag_events(i);
    }
    slots_.push_back(std::move(slot));
  }
  for (const VolumeSlots::Source& source : open.sources()) {
    sources_[source.source_id()] = {source.session_epoch(), source.heard_until_micros(),
                                    source.listening_since_micros()};
  }
  return absl::OkStatus();
}

void VolumeWatch::OnOpened(const std::string& source_id, uint64_t epoch) {
  if (options_.off) return;
  Source& source = sources_[source_id];
  if (source.epoch == epoch) return;
  source.epoch = epoch;
  source.listening_since_micros = 0;
  slots_changed_ = true;
}

VolumeWatch::Slot* VolumeWatch::SlotAt(int64_t micros) {
  int64_t place = micros / kSlotMicros - first_slot_;
  if (first_slot_ == 0 || place < 0 || place >= static_cast<int64_t>(kSlotsMax)) return nullptr;
  if (place >= static_cast<int64_t>(slots_.size())) {
    slots_.resize(place + 1);
    slots_changed_ = true;
  }
  return &slots_[place];
}

// Everything this source received before `micros` stands here.
void VolumeWatch::Hear(Source* source, int64_t micros) {
  if (micros <= source->heard_until_micros) return;
  int64_t before = std::exchange(source->heard_until_micros, micros);
  slots_changed_ = true;
  if (source->listening_since_micros == 0) return;
  // Slots that ended since, and began after it listened. At most kSlotsMax: there is
  // none beyond, and the times are whatever the source says.
  const int64_t listened = (source->listening_since_micros + kSlotMicros - 1) / kSlotMicros;
  const int64_t first = std::max({before / kSlotMicros, listened, first_slot_});
  for (int64_t slot = first; slot < micros / kSlotMicros; ++slot) {
    Slot* open = SlotAt(slot * kSlotMicros);
    if (open == nullptr) break;
    open->listened = true;
  }
}

bool VolumeWatch::HasSeries(const std::string& tag, int64_t slot) {
  auto last = last_slots_.find(tag);
  if (last != last_slots_.end()) {
    last->second = std::max(last->second, slot);
    return true;
  }
  if (tag.size() > kTagBytesMax) return false;
  if (last_slots_.size() >= kTagsMax) {
    auto oldest = std::min_element(
        last_slots_.begin(), last_slots_.end(),
        [](const auto& a, const auto& b) { return a.second < b.second; });
    if (oldest->second > slot - kSilentSlots) return false;
    for (Slot& open : slots_) open.tag_events.erase(oldest->first);
    tags_.erase(oldest->first);
    forgotten_.push_back(oldest->first);
    last_slots_.erase(oldest);
  }
  last_slots_[tag] = slot;
  VolumeModel::Options model = options_.model;
  model.contract_cap = 0;
  tags_.try_emplace(tag, model, VolumeSeries());
  series_changed_ = true;
  return true;
}

void VolumeWatch::OnFrame(const std::string& source_id, const v1::Frame& frame,
                          absl::string_view is_new) {
  if (options_.off || frame.origin() != v1::EVENT_ORIGIN_LIVE) return;
  int count = FrameEventCount(frame);
  if (count == 0) return;
  Source& source = sources_[source_id];
  if (source.listening_since_micros == 0) source.listening_since_micros = FrameReceiveMicros(frame, 0);
  slots_changed_ = true;
  FrameTags tags(frame);
  for (int i = 0; i < count; ++i) {
    int64_t receive_micros = FrameReceiveMicros(frame, i);
    Slot* slot = HasBit(is_new, i) ? SlotAt(receive_micros) : nullptr;
    if (slot != nullptr) ++slot->events;
    tags.Next([&](int index) {
      if (slot == nullptr) return;
      const std::string& tag = frame.rule_tags(index);
      if (HasSeries(tag, receive_micros / kSlotMicros)) ++slot->tag_events[tag];
    });
  }
  Hear(&source, FrameReceiveMicros(frame, count - 1));
}

void VolumeWatch::OnState(const std::string& source_id, bool receives, absl::Time time) {
  if (options_.off) return;
  Source& source = sources_[source_id];
  int64_t micros = absl::ToUnixMicros(time);
  Hear(&source, micros);
  source.listening_since_micros = receives ? std::max<int64_t>(1, micros) : 0;
  slots_changed_ = true;
}

bool VolumeWatch::AllHeard(int64_t end_micros, int64_t now_micros) const {
  for (const auto& [source_id, source] : sources_) {
    bool active = source.listening_since_micros > 0 &&
                  source.heard_until_micros > now_micros - kQuietMicros;
    if (active && source.heard_until_micros < end_micros) return false;
  }
  return true;
}

// Keeps the open slots near now, whatever time did.
void VolumeWatch::AlignSlots(int64_t now_slot) {
  int64_t oldest = now_slot - static_cast<int64_t>(kSlotsMax) + 2;
  if (first_slot_ > now_slot || first_slot_ < oldest - static_cast<int64_t>(kSlotsMax)) {
    slots_.clear();
    first_slot_ = now_slot;
    slots_changed_ = true;
  }
  for (; first_slot_ < oldest; ++first_slot_) {
    slots_changed_ = true;
    if (!slots_.empty()) slots_.pop_front();
  }
}

std::vector<VolumeWatch::Change> VolumeWatch::OnTick(
    const google::protobuf::RepeatedPtrField<std::string>& listening, absl::Time now) {
  std::vector<Change> changes;
  if (options_.off) return changes;
  int64_t now_micros = absl::ToUnixMicros(now);
  int64_t now_slot = now_micros / kSlotMicros;
  AlignSlots(now_slot);
  for (const std::string& source_id : listening) {
    auto source = sources_.find(source_id);
    if (source == sources_.end()) continue;
    int64_t until = now_micros - kReportMicros;
    Hear(&source->second, until);
    // From now on its silence counts.
    if (source->second.listening_since_micros == 0) source->second.listening_since_micros = until;
  }
  while (first_slot_ < now_slot) {
    int64_t end_micros = (first_slot_ + 1) * kSlotMicros;
    if (now_micros < end_micros + kReportMicros) break;
    Slot* slot = SlotAt(first_slot_ * kSlotMicros);
    bool ready = slot->listened && AllHeard(end_micros, now_micros);
    if (!ready && now_micros < end_micros + kWaitMicros) break;
    if (slot->listened) JudgeSlot(*slot, end_micros / 1'000'000, &changes);
    slots_.pop_front();
    ++first_slot_;
    slots_changed_ = true;
  }
  return changes;
}

void VolumeWatch::JudgeSlot(const Slot& slot, int64_t end_seconds, std::vector<Change>* changes) {
  series_changed_ = true;
  absl::optional<VolumeChange> change = stream_->OnSlot(end_seconds, slot.events);
  bool unusual = !stream_->is_usual();
  if (change) {
    changes->push_back({"", *change});
    for (auto& [tag, model] : tags_) model.ForgetScores();
  }
  if (absl::optional<VolumeChange> cap = stream_->CapChange()) changes->push_back({"", *cap});
  if (unusual) return;
  for (auto& [tag, model] : tags_) {
    auto events = slot.tag_events.find(tag);
    uint64_t count = events == slot.tag_events.end() ? 0 : events->second;
    if (auto tag_change = model.OnSlot(end_seconds, count)) changes->push_back({tag, *tag_change});
  }
}

void VolumeWatch::Seal(WriteSet* changes) {
  // Before what was counted anew under the same name.
  for (const std::string& tag : std::exchange(forgotten_, {})) {
    changes->Delete(Table::kUsage, TagKey(tag));
  }
  if (std::exchange(series_changed_, false)) {
    changes->Put(Table::kUsage, StreamKey(), stream_->state().SerializeAsString());
    for (const auto& [tag, model] : tags_) {
      changes->Put(Table::kUsage, TagKey(tag), model.state().SerializeAsString());
    }
  }
  if (!std::exchange(slots_changed_, false)) return;
  VolumeSlots open;
  open.set_first_slot(first_slot_);
  std::map<std::string, uint32_t> places;
  for (const auto& [tag, last_slot] : last_slots_) {
    places[tag] = static_cast<uint32_t>(open.tags_size());
    VolumeSlots::Tag* out = open.add_tags();
    out->set_name(tag);
    out->set_last_slot(last_slot);
  }
  for (const Slot& slot : slots_) {
    VolumeSlots::Slot* out = open.add_slots();
    out->set_events(slot.events);
    out->set_listened(slot.listened);
    for (const auto& [tag, events] : slot.tag_events) {
      out->add_tags(places[tag]);
      out->add_tag_events(events);
    }
  }
  for (const auto& [source_id, source] : sources_) {
    VolumeSlots::Source* out = open.add_sources();
    out->set_source_id(source_id);
    out->set_session_epoch(source.epoch);
    out->set_heard_until_micros(source.heard_until_micros);
    out->set_listening_since_micros(source.listening_since_micros);
  }
  changes->Put(Table::kUsage, UsageKey(kUsageSlots), open.SerializeAsString());
}

}  // namespace braid
