#include "dedupe/miss_record.h"

#include <algorithm>
#include <iterator>

#include "base/bytes.h"
#include "braid/store/v1/gaps.pb.h"
#include "dedupe/cover_keys.h"

namespace braid {

absl::Status MissRecord::Load() {
  absl::Status bad;
  absl::Status status = store_.Scan(
      Table::kCover, std::string(1, kCoverMisses), std::string(1, kCoverMisses + 1),
      [&](absl::string_view key, absl::string_view value) {
        store::v1::MissMinute row;
        if (!row.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
          bad = absl::DataLossError("a minute of misses can not be read");
          return false;
        }
        // Kind, source, 0x00, minute.
        std::string source(key.substr(1, key.size() - 10));
        int64_t minute = static_cast<int64_t>(ReadBe64(key.substr(key.size() - 8)));
        for (const auto& tag : row.tags()) {
          minutes_[source][minute][static_cast<int>(tag.tag())] = {tag.compared(), tag.missed()};
        }
        return true;
      });
  return status.ok() ? bad : status;
}

void MissRecord::Note(const std::string& source_id, int64_t minute, int tag, Misses misses) {
  std::map<int64_t, ByTag>& of = minutes_[source_id];
  Misses& sum = of[minute][tag];
  sum.compared += misses.compared;
  sum.missed += misses.missed;
  changed_.insert({source_id, minute});
  if (of.size() <= kMinutesKept) return;
  changed_.insert({source_id, of.begin()->first});
  of.erase(of.begin());
}

MissRecord::ByTag MissRecord::Around(const std::string& source_id, int64_t minute) const {
  ByTag sums;
  auto of = minutes_.find(source_id);
  if (of == minutes_.end()) return sums;
  auto add = [&](const ByTag& tags) {
    for (const auto& [tag, misses] : tags) {
      sums[tag].compared += misses.compared;
      sums[tag].missed += misses.missed;
    }
  };
  auto behind = of->second.upper_bound(minute);
  int left = kMinutesBefore;
  for (auto it = behind; it != of->second.begin() && left-- > 0;) add((--it)->second);
  left = kMinutesAfter;
  for (auto it = behind; it != of->second.end() && left-- > 0; ++it) add(it->second);
  return sums;
}

int MissRecord::MinutesAfter(const std::string& source_id, int64_t minute) const {
  auto of = minutes_.find(source_id);
  if (of == minutes_.end()) return 0;
  return static_cast<int>(std::distance(of->second.upper_bound(minute), of->second.end()));
}

bool MissRecord::HoldsTag(int tag) const {
  for (const auto& [source_id, minutes] : minutes_) {
    for (const auto& [minute, tags] : minutes) {
      if (tags.count(tag) > 0) return true;
    }
  }
  return false;
}

void MissRecord::Seal(WriteSet* changes) {
  for (const auto& [source_id, minute] : changed_) {
    std::string key = CoverMissKey(source_id, minute);
    const std::map<int64_t, ByTag>& of = minutes_.at(source_id);
    auto it = of.find(minute);
    if (it == of.end()) {
      changes->Delete(Table::kCover, std::move(key));
      continue;
    }
    store::v1::MissMinute row;
    for (const auto& [tag, misses] : it->second) {
      auto* stored = row.add_tags();
      stored->set_tag(static_cast<uint32_t>(tag));
      stored->set_compared(misses.compared);
      stored->set_missed(misses.missed);
    }
    changes->Put(Table::kCover, std::move(key), row.SerializeAsString());
  }
  changed_.clear();
}

}  // namespace braid
