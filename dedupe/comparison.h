// Who brought what of the seconds that are not judged yet: for each event a
// connection is a bit. A second of creation time is closed once every connection
// had time to bring it.
//
// Only live deliveries are given to it: a backfill or a recovery legitimately
// lacks what was deleted since, and what a connection brought by it says nothing
// of what it was sent live. It is not stored: the log holds every delivery, and
// whoever loads it gives those again (dedupe/leak_watch.h).
//
// Threads: the merger thread. Not thread-safe. Bounds: 16 bytes per event of the
// open seconds, with the table's reserve at most 37; the owner closes seconds
// early when they are too many.

#ifndef BRAID_DEDUPE_COMPARISON_H_
#define BRAID_DEDUPE_COMPARISON_H_

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace braid {

class Comparison {
 public:
  // A bit each.
  static constexpr int kConnectionsMax = 8;
  // Of an event; it does not count for further ones.
  static constexpr int kTagsOfEventMax = 3;
  // Up to a millisecond, then twice as much each: beyond four minutes is one.
  static constexpr int kSkewBuckets = 20;
  // Per second; the smallest keys.
  static constexpr size_t kSamplesMax = 20;

  using Skews = std::array<uint64_t, kSkewBuckets>;

  struct Delivery {
    int64_t second = 0;
    // The post's id, or a hash of another event's key.
    uint64_t key = 0;
    bool is_post = true;
    // Of the connection, where the delivery is a live one; else -1: the event's
    // tags are known by it.
    int place = -1;
    int64_t receive_micros = 0;
  };

  // What is known of one second.
  struct Figures {
    // Per tag, events by who brought them, as a mask. Tag 0: all.
    std::map<int, std::map<uint32_t, uint64_t>> events;
    // Posts that not all of the connections asked for brought, ascending.
    std::vector<uint64_t> odd;
    // Of the first two copies of an event, by their places, the lower first.
    std::map<std::pair<int, int>, Skews> skews;
  };

  // `sequence`: of the log record that holds it. `tags`: from 1 on; empty
  // where the delivery does not tell.
  template <typename Tags>
  void Add(const Delivery& delivery, uint64_t sequence, const Tags& tags) {
    Entry* entry = AddKey(delivery, sequence);
    if (entry->tags[0] != 0) return;
    int at = 0;
    for (int tag : tags) {
      if (at < kTagsOfEventMax && tag > 0) entry->tags[at++] = static_cast<uint8_t>(tag);
    }
  }

  // The first open second at or after `second`, INT64_MAX where there is none.
  int64_t NextOpen(int64_t second) const;
  // Closes it. `panel`: the connections that should have brought all of it. What
  // came first more than `late_micros` after it was created, and not to all of
  // the panel, is left out.
  Figures Close(int64_t second, uint32_t panel,
                int64_t late_micros = std::numeric_limits<int64_t>::max());
  void Clear();
  // 0 where none is open.
  int64_t LastOpen() const { return open_.empty() ? 0 : open_.rbegin()->first; }

  // Of the log, the first sequence that matters to an open second; UINT64_MAX
  // where there is none.
  uint64_t FirstSequence() const;
  size_t key_count() const { return key_count_; }
  bool HoldsTag(int tag) const;

 private:
  struct Entry {
    // Of the first copy, 0.1 ms after the second's start.
    uint32_t first_receipt : 31;
    uint32_t is_post : 1;
    uint8_t mask;
    uint8_t tags[kTagsOfEventMax];
  };
  struct OpenSecond {
    absl::flat_hash_map<uint64_t, Entry> entries;
    std::map<std::pair<int, int>, Skews> skews;
    uint64_t first_sequence = 0;
  };

  Entry* AddKey(const Delivery& delivery, uint64_t sequence);
  OpenSecond* Open(int64_t second, uint64_t sequence);

  std::map<int64_t, OpenSecond> open_;
  // The one that was last added to.
  OpenSecond* last_ = nullptr;
  int64_t last_second_ = 0;
  size_t key_count_ = 0;
  // Of the open seconds: asked for at each tick, and half an hour may be open.
  std::multiset<uint64_t> first_sequences_;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_COMPARISON_H_
