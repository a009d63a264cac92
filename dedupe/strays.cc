#include "dedupe/strays.h"

#include <algorithm>

#include "base/hash.h"
#include "dedupe/keys.h"

namespace braid {
namespace {

// 1 MiB: with 100,000 strays about one key in 80 is asked for in vain.
constexpr size_t kFilterBits = size_t{1} << 23;

}  // namespace

Strays::Strays(const Store& store) : store_(store), filter_(kFilterBits) {}

size_t Strays::FilterBit(absl::string_view window_key) const {
  return Hash64(window_key) % kFilterBits;
}

absl::Status Strays::Load() {
  return store_.Scan(Table::kStrays, "", kStrayIdPrefix,
                     [this](absl::string_view key, absl::string_view) {
                       filter_[FilterBit(DecodeStrayKey(key).window_key)] = true;
                       ++count_;
                       return true;
                     });
}

absl::StatusOr<bool> Strays::Contains(absl::string_view window_key) const {
  if (count_ == 0 || !filter_[FilterBit(window_key)]) return false;
  int64_t arrival_micros;
  if (auto it = overlay_keys_.find(window_key); it != overlay_keys_.end()) {
    arrival_micros = it->second;
  } else {
    ++store_lookups_;
    absl::StatusOr<std::string> value = store_.Get(Table::kStrays, EncodeStrayIdKey(window_key));
    if (absl::IsNotFound(value.status())) return false;
    if (!value.ok()) return value.status();
    arrival_micros = DecodeStrayValue(*value).arrival_micros;
  }
  return Place(arrival_micros, std::string(window_key)) >= expired_until_;
}

void Strays::Insert(int64_t arrival_micros, absl::string_view window_key, uint64_t sequence,
                    WriteSet* changes) {
  std::string key(window_key);
  changes->Put(Table::kStrays, EncodeStrayKey(arrival_micros, key), EncodeSequence(sequence));
  changes->Put(Table::kStrays, EncodeStrayIdKey(key), EncodeStrayValue({sequence, arrival_micros}));
  filter_[FilterBit(key)] = true;
  ++count_;
  overlay_keys_[key] = arrival_micros;
  overlay_.emplace(arrival_micros, std::move(key));
}

absl::StatusOr<std::vector<Strays::Place>> Strays::OldestBefore(int64_t before_micros) const {
  std::vector<Place> found;
  absl::Status status = store_.Scan(
      Table::kStrays, EncodeStrayKey(expired_until_.first, expired_until_.second),
      EncodeStrayKey(before_micros, ""), [&found](absl::string_view key, absl::string_view) {
        StrayKey stray = DecodeStrayKey(key);
        found.emplace_back(stray.arrival_micros, std::string(stray.window_key));
        return found.size() < kExpireMax;
      });
  if (!status.ok()) return status;
  // A jump of time can reach what came in the same group.
  for (auto it = overlay_.lower_bound(expired_until_);
       it != overlay_.end() && it->first < before_micros && found.size() < 2 * kExpireMax; ++it) {
    found.push_back(*it);
  }
  std::sort(found.begin(), found.end());
  if (found.size() > kExpireMax) found.resize(kExpireMax);
  return found;
}

absl::Status Strays::Expire(int64_t before_micros, WriteSet* changes) {
  if (count_ == 0 || before_micros <= expired_until_.first) return absl::OkStatus();
  absl::StatusOr<std::vector<Place>> found = OldestBefore(before_micros);
  if (!found.ok()) return found.status();
  if (found->empty()) return absl::OkStatus();
  for (const Place& place : *found) {
    changes->Delete(Table::kStrays, EncodeStrayIdKey(place.second));
  }
  // The place right behind the last one.
  expired_until_ = std::move(found->back());
  expired_until_.second.push_back('\0');
  changes->DeleteRange(Table::kStrays, EncodeStrayKey(0, ""),
                       EncodeStrayKey(expired_until_.first, expired_until_.second));
  count_ -= found->size();
  if (count_ == 0) filter_.assign(kFilterBits, false);
  return absl::OkStatus();
}

void Strays::Committed() {
  overlay_.clear();
  overlay_keys_.clear();
}

}  // namespace braid
