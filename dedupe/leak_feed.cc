// What goes into the comparison: frames as they are applied, and at a start the
// log's from the oldest second on that is not judged.

#include <algorithm>
#include <limits>

#include "base/bytes.h"
#include "base/hash.h"
#include "dedupe/cover_keys.h"
#include "dedupe/frame_parts.h"
#include "dedupe/keys.h"
#include "dedupe/leak_watch.h"
#include "proto/proto_time.h"
#include "proto/snowflake.h"

namespace braid {
namespace {

// As the core's: what is created later than that after its admission is a stray.
constexpr int64_t kFutureSeconds = 600;
// After a change of the connections: copies of what was brought before it come
// within this.
constexpr int64_t kLateStartSeconds = 120;
// A tag that was not seen for so long gives its place to another.
constexpr int64_t kTagUnseenSeconds = 86'400;

std::string StateKey() { return std::string(1, kCoverComparison); }

}  // namespace

LeakWatch::LeakWatch(const Store& store, const Options& options, const CoverBook& cover,
                     const SourceLives& lives, GapLedger* ledger)
    : options_(options),
      store_(store),
      cover_(cover),
      lives_(lives),
      ledger_(ledger),
      record_(store) {}

absl::Status LeakWatch::Load() {
  absl::StatusOr<std::string> bytes = store_.Get(Table::kCover, StateKey());
  if (absl::IsNotFound(bytes.status())) return absl::OkStatus();
  if (!bytes.ok()) return bytes.status();
  if (!state_.ParseFromString(*bytes)) {
    return absl::DataLossError("state of the comparison can not be read");
  }
  state_bytes_ = *std::move(bytes);
  for (int i = 0; i < state_.tags_size(); ++i) {
    if (!state_.tags(i).name().empty()) tags_[state_.tags(i).name()] = i + 1;
  }
  IndexSources();
  absl::Status status = record_.Load();
  return status.ok() ? Replay() : status;
}

// The same deliveries in the same order, of which those of judged seconds are
// passed over as they were then.
absl::Status LeakWatch::Replay() {
  std::string from =
      std::max(EncodeLogKey({state_.replay_sequence(), 0}),
               EncodeLogKey({state_.configured_sequence(), state_.configured_ordinal()}));
  return store_.Scan(Table::kLog, from, "", [&](absl::string_view key, absl::string_view value) {
    absl::StatusOr<LogValue> decoded = DecodeLogValue(key, value);
    store::v1::LogRecord record;
    // Damage is told by whoever reads it.
    bool is_read = decoded.ok() && record.ParseFromArray(decoded->body.data(),
                                                         static_cast<int>(decoded->body.size()));
    if (!is_read) return true;
    uint64_t sequence = DecodeLogKey(key).sequence;
    if (record.has_events()) {
      OnFrame(record.source_id(), record.events().frame(), ToAbsl(record.events().new_bitmap()),
              sequence, record.admission_micros());
    } else if (record.has_sightings()) {
      OnFrame(record.source_id(), record.sightings().frame(), "", sequence,
              record.admission_micros());
    }
    return true;
  });
}

void LeakWatch::IndexSources() {
  places_.clear();
  for (const State::Partition& partition : state_.partitions()) {
    for (int i = 0; i < partition.sources_size(); ++i) {
      places_[partition.sources(i)] = {partition.number(), i};
    }
  }
}

LeakWatch::State::Partition* LeakWatch::Find(uint32_t partition) {
  for (State::Partition& known : *state_.mutable_partitions()) {
    if (known.number() == partition) return &known;
  }
  return nullptr;
}

const LeakWatch::State::Partition* LeakWatch::Find(uint32_t partition) const {
  return const_cast<LeakWatch*>(this)->Find(partition);
}

void LeakWatch::Configure(const StartFacts& facts) {
  changed_ = true;
  std::vector<uint32_t> numbers = lives_.partitions();
  for (int i = state_.partitions_size() - 1; i >= 0; --i) {
    uint32_t number = state_.partitions(i).number();
    if (std::count(numbers.begin(), numbers.end(), number) > 0) continue;
    FinishRun(state_.mutable_partitions(i));
    open_.erase(number);
    state_.mutable_partitions()->DeleteSubrange(i, 1);
  }
  for (uint32_t number : numbers) {
    std::vector<std::string> names = lives_.ConfiguredOf(number);
    if (names.size() > Comparison::kConnectionsMax) names.resize(Comparison::kConnectionsMax);
    State::Partition* partition = Find(number);
    bool is_same =
        partition != nullptr && std::equal(names.begin(), names.end(), partition->sources().begin(),
                                           partition->sources().end());
    if (is_same) continue;
    int64_t judged = partition == nullptr ? 0 : partition->judged_second();
    if (partition == nullptr) partition = state_.add_partitions();
    // Masks of what was found so far mean nothing with other connections.
    FinishRun(partition);
    partition->Clear();
    partition->set_number(number);
    for (const std::string& name : names) partition->add_sources(name);
    // What somebody brought before is not compared; an empty log has nothing.
    int64_t late = facts.now_micros / 1'000'000 + kLateStartSeconds;
    if (facts.position.sequence == 1) late = 1;
    partition->set_judged_second(std::max({judged, late, open_[number].LastOpen() + 1}));
    open_[number].Clear();
    state_.set_configured_sequence(facts.position.sequence);
    state_.set_configured_ordinal(facts.position.ordinal);
  }
  IndexSources();
}

int LeakWatch::TagOf(const std::string& name, int64_t second) {
  auto it = tags_.find(name);
  if (it == tags_.end()) {
    int place = 0;
    while (place < state_.tags_size() && !state_.tags(place).name().empty()) ++place;
    if (place >= kTagsMax || name.empty()) return 0;
    if (place == state_.tags_size()) state_.add_tags();
    // Moved on by the seconds that are judged.
    state_.mutable_tags(place)->set_name(name);
    state_.mutable_tags(place)->set_seen_second(second);
    changed_ = true;
    it = tags_.emplace(name, place + 1).first;
  }
  return it->second;
}

bool LeakWatch::TagInUse(int tag) const {
  if (record_.HoldsTag(tag)) return true;
  for (const auto& [number, open] : open_) {
    if (open.HoldsTag(tag)) return true;
  }
  auto counts = [&](const auto& of) {
    return std::any_of(of.begin(), of.end(),
                       [&](const auto& count) { return static_cast<int>(count.tag()) == tag; });
  };
  for (const State::Partition& partition : state_.partitions()) {
    if (counts(partition.run().counts()) || counts(partition.run().later())) return true;
    for (const State::Alone& alone : partition.alone()) {
      if (counts(alone.brought())) return true;
    }
    for (const State::Leak& leak : partition.leaks()) {
      if (counts(leak.tags())) return true;
    }
  }
  return false;
}

void LeakWatch::FreeTags(int64_t judged_second) {
  if (state_.tags_size() < kTagsMax) return;
  for (int i = 0; i < state_.tags_size(); ++i) {
    State::Tag* tag = state_.mutable_tags(i);
    bool unseen = tag->seen_second() + kTagUnseenSeconds < judged_second;
    if (tag->name().empty() || !unseen || TagInUse(i + 1)) continue;
    tags_.erase(tag->name());
    tag->clear_name();
  }
}

void LeakWatch::OnCover(const std::string& source_id, const v1::Cover& cover) {
  auto it = places_.find(source_id);
  bool is_live = cover.origin() == v1::EVENT_ORIGIN_LIVE;
  if (it == places_.end() || !is_live || !cover.has_slack()) return;
  State::Partition* partition = Find(it->second.first);
  auto* slacks = partition->mutable_slacks_micros();
  if (slacks->size() < partition->sources_size()) slacks->Resize(partition->sources_size(), 0);
  int64_t slack = absl::ToInt64Microseconds(ToDuration(cover.slack()));
  if (slacks->Get(it->second.second) == slack) return;
  slacks->Set(it->second.second, slack);
  changed_ = true;
}

void LeakWatch::OnFrame(const std::string& source_id, const v1::Frame& frame,
                        absl::string_view is_new, uint64_t sequence, int64_t admission_micros) {
  auto it = places_.find(source_id);
  if (it == places_.end()) return;
  bool is_live = frame.origin() == v1::EVENT_ORIGIN_LIVE;
  int64_t first = Find(it->second.first)->judged_second();
  int64_t last = admission_micros / 1'000'000 + kFutureSeconds;
  Comparison& open = open_[it->second.first];
  FrameTags frame_tags(frame);
  // -1: not looked up yet.
  std::vector<int> places(frame.rule_tags_size(), -1);
  std::vector<int> tags;
  std::vector<int> indexes;
  for (int i = 0, count = FrameEventCount(frame); i < count; ++i) {
    indexes.clear();
    frame_tags.Next([&](int index) { indexes.push_back(index); });
    Comparison::Delivery delivery;
    bool marked = HasBit(is_new, i);
    if (!is_live && !marked) continue;
    delivery.is_post = frame.post_ids_size() > 0;
    if (delivery.is_post) {
      delivery.key = frame.post_ids(i);
      delivery.second = absl::ToUnixSeconds(SnowflakeTime(delivery.key));
    } else {
      std::string key = FrameWindowKey(frame, i);
      delivery.second = absl::ToUnixSeconds(SnowflakeTime(WindowKeyTime(key)));
      delivery.is_post = FrameHoldsPost(frame, i) && key.size() == sizeof(uint64_t);
      delivery.key = delivery.is_post ? ReadBe64(key) : Hash64(key);
    }
    if (delivery.second < first || delivery.second > last) continue;
    delivery.place = is_live ? it->second.second : -1;
    delivery.receive_micros = FrameReceiveMicros(frame, i);
    tags.clear();
    for (size_t at = 0; marked && at < indexes.size(); ++at) {
      int& place = places[indexes[at]];
      if (place < 0) place = TagOf(frame.rule_tags(indexes[at]), delivery.second);
      tags.push_back(place);
    }
    open.Add(delivery, sequence, tags);
  }
}

int64_t LeakWatch::NeededFrom() const {
  // A span that was covered alone is looked at again for so long.
  constexpr int64_t kLookBackSeconds = 7200;
  int64_t second = std::numeric_limits<int64_t>::max() / 1'000'000;
  for (const State::Partition& partition : state_.partitions()) {
    second = std::min(second, partition.judged_second());
    for (const State::Alone& alone : partition.alone()) {
      int64_t oldest = partition.judged_second() - kLookBackSeconds;
      second = std::min(second, std::max(alone.from_second(), oldest));
    }
  }
  return second * 1'000'000;
}

void LeakWatch::Seal(WriteSet* changes) {
  record_.Seal(changes);
  if (!changed_) return;
  changed_ = false;
  std::string bytes = state_.SerializeAsString();
  if (bytes == state_bytes_) return;
  state_bytes_ = bytes;
  changes->Put(Table::kCover, StateKey(), std::move(bytes));
}

}  // namespace braid
