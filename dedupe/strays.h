// Keys outside the window: older than it when they were received, in the
// future, or no snowflakes. They are remembered on disk from their arrival
// until Expire, however many there are; a filter in memory answers for nearly
// every other key without asking the disk.
//
// Threads: the merger thread. Not thread-safe.
// Bounds: memory is the filter (1 MiB) plus the keys of one group. The disk's
// bound is the guard's: input is refused before it is full. One Expire takes at
// most kExpireMax.

#ifndef BRAID_DEDUPE_STRAYS_H_
#define BRAID_DEDUPE_STRAYS_H_

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dedupe/store.h"

namespace braid {

class Strays {
 public:
  // Some 2 MB of changes in one commit; more wait for the next tick.
  static constexpr size_t kExpireMax = 10'000;

  // REQUIRES: store outlives this.
  explicit Strays(const Store& store);

  absl::Status Load();

  // Errors are the store's and fatal.
  absl::StatusOr<bool> Contains(absl::string_view window_key) const;

  // REQUIRES: not contained; arrivals never descend.
  void Insert(int64_t arrival_micros, absl::string_view window_key, uint64_t sequence,
              WriteSet* changes);

  // Forgets the oldest of those that arrived before.
  absl::Status Expire(int64_t before_micros, WriteSet* changes);

  // Everything inserted so far is in the store.
  void Committed();

  uint64_t count() const { return count_; }
  // Look-ups that had to ask the store.
  uint64_t store_lookups() const { return store_lookups_; }

 private:
  // By arrival, then key, as in the store.
  using Place = std::pair<int64_t, std::string>;

  size_t FilterBit(absl::string_view window_key) const;
  absl::StatusOr<std::vector<Place>> OldestBefore(int64_t before_micros) const;

  const Store& store_;
  uint64_t count_ = 0;
  // One bit per hash: unset means surely no stray. Set bits stay until the
  // table is empty or the next start.
  std::vector<bool> filter_;
  // Not yet committed.
  std::set<Place> overlay_;
  absl::flat_hash_map<std::string, int64_t> overlay_keys_;
  // Those before it are forgotten, also where the store has not heard of it.
  Place expired_until_;
  mutable uint64_t store_lookups_ = 0;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_STRAYS_H_
