// Is this key new? The exact answer for every key at or above the floor:
// memory for the newest creation times, the store for the rest. What is in
// memory changes only how fast the answer comes.
//
// Memory is one set of keys per slice of creation time. A slice counts as
// known when it has been held whole since its first key: after a start that is
// every slice above the store's last key, so that opening reads one key. When
// memory is full the oldest slice is let go; its keys are then looked up in
// the store, those of the group not yet committed in a small overlay.
//
// Threads: the merger thread. Not thread-safe.
// Bounds: Options::memory_bytes_max plus the keys of one group.

#ifndef BRAID_DEDUPE_WINDOW_H_
#define BRAID_DEDUPE_WINDOW_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dedupe/store.h"

namespace braid {

class Window {
 public:
  struct Options {
    // A fourth of the process's 512 MiB; some 8 million post ids.
    uint64_t memory_bytes_max = 128 << 20;
  };

  // REQUIRES: store outlives this and holds every key inserted before.
  Window(const Store& store, Options options) : options_(options), store_(store) {}

  // Finds out where memory may be trusted. Once, before anything else.
  absl::Status Load();

  // Was this key (8 bytes of a post, or longer) inserted? Errors are the
  // store's and fatal. REQUIRES: the key is not below the floor.
  absl::StatusOr<bool> Contains(absl::string_view key) const;

  // REQUIRES: Contains(key) is false; the caller puts it into the store with
  // the same group.
  void Insert(absl::string_view key);

  // Everything inserted so far is in the store. Only here memory is let go of:
  // before, the store could not answer for it.
  void Committed();

  // Keys below this time are not asked for any more.
  void ForgetBefore(uint64_t key_time);

  uint64_t memory_bytes() const { return memory_bytes_; }
  uint64_t memory_keys() const { return memory_keys_; }
  // Lookups that had to ask the store.
  uint64_t store_lookups() const { return store_lookups_; }

 private:
  struct Slice {
    absl::flat_hash_set<uint64_t> posts;
    absl::flat_hash_set<std::string> others;
    uint64_t bytes = 0;
  };

  bool IsKnown(uint64_t slice) const { return slice >= known_from_slice_; }
  void LetGoOfOldest();

  const Options options_;
  const Store& store_;

  // Every slice from here on is held whole (absent means empty).
  uint64_t known_from_slice_ = 0;
  std::map<uint64_t, Slice> slices_;
  // Keys of unknown slices, not yet committed.
  absl::flat_hash_set<std::string> overlay_;
  uint64_t memory_bytes_ = 0;
  uint64_t memory_keys_ = 0;
  mutable uint64_t store_lookups_ = 0;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_WINDOW_H_
