#include "dedupe/strays.h"

#include "base/bytes.h"
#include "dedupe/keys.h"

namespace braid {

absl::Status Strays::Load(const Store& store) {
  return store.Scan(Table::kStrays, "", "", [this](absl::string_view key, absl::string_view) {
    StrayKey stray = DecodeStrayKey(key);
    std::string window_key(stray.window_key.data(), stray.window_key.size());
    keys_.insert(window_key);
    by_arrival_.emplace(stray.arrival_micros, std::move(window_key));
    return true;
  });
}

uint64_t Strays::Insert(int64_t arrival_micros, absl::string_view window_key, uint64_t sequence,
                        WriteSet* changes) {
  uint64_t evicted = 0;
  if (keys_.size() >= strays_max_) {
    auto oldest = by_arrival_.begin();
    changes->Delete(Table::kStrays, EncodeStrayKey(oldest->first, oldest->second));
    keys_.erase(oldest->second);
    by_arrival_.erase(oldest);
    evicted = 1;
  }
  std::string key(window_key.data(), window_key.size());
  changes->Put(Table::kStrays, EncodeStrayKey(arrival_micros, key), EncodeSequence(sequence));
  keys_.insert(key);
  by_arrival_.emplace(arrival_micros, std::move(key));
  return evicted;
}

void Strays::Expire(int64_t before_micros, WriteSet* changes) {
  auto end = by_arrival_.lower_bound({before_micros, ""});
  if (end == by_arrival_.begin()) return;
  for (auto it = by_arrival_.begin(); it != end; ++it) keys_.erase(it->second);
  by_arrival_.erase(by_arrival_.begin(), end);
  changes->DeleteRange(Table::kStrays, EncodeStrayKey(0, ""), EncodeStrayKey(before_micros, ""));
}

}  // namespace braid
