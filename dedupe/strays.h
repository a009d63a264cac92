// Keys outside the window: ancient, in the future, or no snowflakes. They are
// remembered for a while from their arrival, and only so many.
//
// Threads: the merger thread. Not thread-safe.
// Bounds: Options::strays_max; beyond it the oldest is forgotten early, which
// evicted() counts: its next copy is delivered again, marked late.

#ifndef BRAID_DEDUPE_STRAYS_H_
#define BRAID_DEDUPE_STRAYS_H_

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "dedupe/store.h"

namespace braid {

class Strays {
 public:
  explicit Strays(uint64_t strays_max) : strays_max_(strays_max) {}

  absl::Status Load(const Store& store);

  bool Contains(absl::string_view window_key) const {
    return !keys_.empty() && keys_.contains(window_key);
  }

  // Returns how many were forgotten early (0 or 1).
  // REQUIRES: not contained.
  uint64_t Insert(int64_t arrival_micros, absl::string_view window_key, uint64_t sequence,
                  WriteSet* changes);

  // Forgets those that arrived before.
  void Expire(int64_t before_micros, WriteSet* changes);

  uint64_t count() const { return keys_.size(); }

 private:
  const uint64_t strays_max_;
  // By arrival, then key, as in the store.
  std::set<std::pair<int64_t, std::string>> by_arrival_;
  absl::flat_hash_set<std::string> keys_;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_STRAYS_H_
