#include "dedupe/metering.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "dedupe/frame_parts.h"
#include "dedupe/keys.h"
#include "dedupe/usage_keys.h"
#include "proto/snowflake.h"

namespace braid {
namespace {

using store::v1::UsageCounts;

constexpr int64_t kDaySeconds = 86'400;
// 512 KiB: of the millions of copies around a midnight at 6,000/s one in three
// asks the store in vain, of an ordinary stream's none.
constexpr uint64_t kFilterBits = uint64_t{1} << 22;
// A week of hold and today.
constexpr size_t kTagDaysInMemory = 8;
// Value of the entry of a post's very first copy.
constexpr char kFirst[] = "f";

absl::StatusOr<UsageCounts> ParseCounts(absl::string_view bytes) {
  UsageCounts counts;
  if (counts.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return counts;
  return absl::DataLossError("usage can not be read");
}

// Visits the counts under a prefix of day and kind.
absl::Status ScanCounts(const Store& store, const std::string& from, const std::string& until,
                        absl::FunctionRef<void(absl::string_view, UsageCounts)> visit) {
  absl::Status status;
  absl::Status scanned =
      store.Scan(Table::kUsage, from, until, [&](absl::string_view key, absl::string_view value) {
        absl::StatusOr<UsageCounts> counts = ParseCounts(value);
        status = counts.status();
        if (counts.ok()) visit(key, *std::move(counts));
        return status.ok();
      });
  return scanned.ok() ? status : scanned;
}

}  // namespace

int32_t UtcDay(absl::Time time) {
  int64_t seconds = std::max<int64_t>(0, absl::ToUnixSeconds(time));
  return static_cast<int32_t>(std::min<int64_t>(seconds / kDaySeconds, INT32_MAX / 2));
}

absl::Time UtcDayStart(int32_t day) { return absl::FromUnixSeconds(day * kDaySeconds); }

absl::Status Metering::Load() {
  absl::Status status = ScanCounts(store_, UsageKey(kUsageDay), UsageKey(kUsageDay + 1),
                                   [&](absl::string_view key, UsageCounts counts) {
                                     days_[UsageKeyDay(key)].counts = std::move(counts);
                                   });
  if (!status.ok()) return status;
  return store_.Scan(Table::kUsage, UsageKey(kUsageEntry), UsageKey(kUsageEntry + 1),
                     [&](absl::string_view key, absl::string_view) {
                       Entries& entries = entries_[UsageKeyDay(key)];
                       entries.filter.resize(kFilterBits);
                       entries.filter[Hash64(UsageKeyRest(key)) % kFilterBits] = true;
                       ++entries.count;
                       return true;
                     });
}

absl::Status Metering::OnFrame(const v1::Frame& frame, absl::string_view is_new, absl::Time newest,
                               WriteSet* changes) {
  FrameTags event_tags(frame);
  // A frame spans seconds: nearly always one day, so tags are found once.
  int32_t tags_day = -1;
  Tags* tags = nullptr;
  std::vector<Tally*> tallies(frame.rule_tags_size());
  for (int i = 0, count = FrameEventCount(frame); i < count; ++i) {
    Delivery delivery;
    delivery.key = FrameWindowKey(frame, i);
    delivery.day = UtcDay(std::min(FrameReceiveTime(frame, i), newest));
    delivery.home_day = UtcDay(SnowflakeTime(WindowKeyTime(delivery.key)));
    delivery.is_new = HasBit(is_new, i);
    delivery.is_post = FrameHoldsPost(frame, i);
    absl::StatusOr<bool> billed = Bill(delivery, changes);
    if (!billed.ok()) return billed.status();
    Count(delivery, *billed, &days_[delivery.day]);
    if (event_tags.done()) continue;
    if (delivery.day != tags_day) {
      absl::StatusOr<Tags*> found = TagsOf(delivery.day);
      if (!found.ok()) return found.status();
      tags = *found;
      tags_day = delivery.day;
      std::fill(tallies.begin(), tallies.end(), nullptr);
    }
    // Tags beyond what is counted are one: an event counts for it once.
    bool counted_other = false;
    event_tags.Next([&](int index) {
      Tally*& tally = tallies[index];
      if (tally == nullptr) tally = TagTally(tags, frame.rule_tags(index));
      bool other = tally == &(*tags)[kOtherTags];
      if (other && std::exchange(counted_other, true)) return;
      Count(delivery, *billed, tally);
    });
  }
  return absl::OkStatus();
}

void Metering::Count(const Delivery& delivery, bool billed, Tally* tally) {
  UsageCounts& counts = tally->counts;
  tally->dirty = true;
  counts.set_deliveries(counts.deliveries() + 1);
  if (!billed) return;
  if (delivery.is_post) {
    counts.set_posts(counts.posts() + 1);
  } else {
    counts.set_other_events(counts.other_events() + 1);
  }
}

// Whether this copy is the first of its event on its day.
absl::StatusOr<bool> Metering::Bill(const Delivery& delivery, WriteSet* changes) {
  if (delivery.is_new) {
    if (delivery.day != delivery.home_day) AddEntry(delivery, delivery.day, changes);
    return true;
  }
  if (delivery.day == delivery.home_day) {
    absl::StatusOr<bool> elsewhere = FirstCameElsewhere(delivery);
    if (!elsewhere.ok() || !*elsewhere) return elsewhere;
  }
  absl::StatusOr<std::string> entry = Entry(delivery, delivery.day);
  if (entry.ok()) return false;
  if (!absl::IsNotFound(entry.status())) return entry.status();
  AddEntry(delivery, delivery.day, changes);
  return true;
}

// Whether the event's first copy was received on another day than the one it
// was created on. Without such an entry that day was billed by the first copy.
absl::StatusOr<bool> Metering::FirstCameElsewhere(const Delivery& delivery) const {
  for (const auto& [day, entries] : entries_) {
    if (day == delivery.home_day) continue;
    absl::StatusOr<std::string> entry = Entry(delivery, day);
    if (entry.ok() && *entry == kFirst) return true;
    if (!entry.ok() && !absl::IsNotFound(entry.status())) return entry.status();
  }
  return false;
}

absl::StatusOr<std::string> Metering::Entry(const Delivery& delivery, int32_t day) const {
  auto entries = entries_.find(day);
  if (entries == entries_.end() || !entries->second.filter[Hash64(delivery.key) % kFilterBits]) {
    return absl::NotFoundError("no entry");
  }
  std::string key = UsageDayKey(kUsageEntry, day, delivery.key);
  auto fresh = uncommitted_.find(key);
  if (fresh != uncommitted_.end()) return fresh->second;
  return store_.Get(Table::kUsage, key);
}

void Metering::AddEntry(const Delivery& delivery, int32_t day, WriteSet* changes) {
  Entries& entries = entries_[day];
  entries.filter.resize(kFilterBits);
  entries.filter[Hash64(delivery.key) % kFilterBits] = true;
  ++entries.count;
  std::string key = UsageDayKey(kUsageEntry, day, delivery.key);
  std::string value = delivery.is_new ? kFirst : "";
  uncommitted_[key] = value;
  changes->Put(Table::kUsage, std::move(key), std::move(value));
}

absl::StatusOr<Metering::Tags*> Metering::TagsOf(int32_t day) {
  auto it = tags_.find(day);
  if (it != tags_.end()) return &it->second;
  // Not in memory: all of it is committed.
  Tags& tags = tags_[day];
  absl::Status status =
      ScanCounts(store_, UsageDayKey(kUsageTag, day), UsageDayKey(kUsageTag, day + 1),
                 [&](absl::string_view key, UsageCounts counts) {
                   tags[std::string(UsageKeyRest(key))].counts = std::move(counts);
                 });
  if (!status.ok()) return status;
  tags[kOtherTags];
  return &tags;
}

Metering::Tally* Metering::TagTally(Tags* tags, const std::string& tag) {
  auto it = tags->find(tag);
  if (it != tags->end()) return &it->second;
  // The other tags' own entry is not counted.
  bool room = tags->size() <= kTagsMax && tag.size() <= kTagBytesMax;
  return &(*tags)[room ? tag : kOtherTags];
}

void Metering::Expire(int32_t today, absl::Time delivered, WriteSet* changes) {
  int32_t oldest = std::max(0, today - kDaysKept + 1);
  if (!days_.empty() && days_.begin()->first < oldest) {
    days_.erase(days_.begin(), days_.lower_bound(oldest));
    tags_.erase(tags_.begin(), tags_.lower_bound(oldest));
    for (char kind : {kUsageDay, kUsageTag}) {
      changes->DeleteRange(Table::kUsage, UsageDayKey(kind, 0), UsageDayKey(kind, oldest));
    }
  }
  // A post's day of creation and of receipt differ by clocks: a day more.
  int32_t needed = std::max(0, UtcDay(delivered) - 1);
  if (entries_.empty() || entries_.begin()->first >= needed) return;
  entries_.erase(entries_.begin(), entries_.lower_bound(needed));
  changes->DeleteRange(Table::kUsage, UsageDayKey(kUsageEntry, 0),
                       UsageDayKey(kUsageEntry, needed));
  std::string until = UsageDayKey(kUsageEntry, needed);
  uncommitted_.erase(uncommitted_.begin(), uncommitted_.lower_bound(until));
}

void Metering::Seal(WriteSet* changes) {
  for (auto& [day, tally] : days_) {
    if (!std::exchange(tally.dirty, false)) continue;
    changes->Put(Table::kUsage, UsageDayKey(kUsageDay, day), tally.counts.SerializeAsString());
  }
  for (auto& [day, tags] : tags_) {
    for (auto& [tag, tally] : tags) {
      if (!std::exchange(tally.dirty, false)) continue;
      changes->Put(Table::kUsage, UsageDayKey(kUsageTag, day, tag),
                   tally.counts.SerializeAsString());
    }
  }
}

void Metering::Committed() {
  uncommitted_.clear();
  while (tags_.size() > kTagDaysInMemory) tags_.erase(tags_.begin());
}

uint64_t Metering::Posts(int32_t first_day, int32_t until_day) const {
  uint64_t posts = 0;
  for (auto it = days_.lower_bound(first_day); it != days_.end() && it->first < until_day; ++it) {
    posts += it->second.counts.posts();
  }
  return posts;
}

uint64_t Metering::entry_count() const {
  uint64_t count = 0;
  for (const auto& [day, entries] : entries_) count += entries.count;
  return count;
}

absl::StatusOr<UsageCounts> ReadUsage(const Store& store, int32_t day) {
  absl::StatusOr<std::string> bytes = store.Get(Table::kUsage, UsageDayKey(kUsageDay, day));
  if (absl::IsNotFound(bytes.status())) return UsageCounts();
  if (!bytes.ok()) return bytes.status();
  return ParseCounts(*bytes);
}

absl::StatusOr<std::map<std::string, UsageCounts>> ReadTagUsage(const Store& store, int32_t day) {
  std::map<std::string, UsageCounts> tags;
  absl::Status status =
      ScanCounts(store, UsageDayKey(kUsageTag, day), UsageDayKey(kUsageTag, day + 1),
                 [&](absl::string_view key, UsageCounts counts) {
                   tags[std::string(UsageKeyRest(key))] = std::move(counts);
                 });
  if (!status.ok()) return status;
  return tags;
}

}  // namespace braid
