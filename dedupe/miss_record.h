// What each connection missed of what others brought: by minute and rule tag,
// of the last minutes in which it was compared, however long ago those are. So
// a connection that is alone is judged by what it was like before and by what
// it is like afterwards.
//
// Threads: the merger thread. Not thread-safe.
// Ownership: the store outlives it. Bounds: kMinutesKept minutes per source, of
// as many tags as it is given.

#ifndef BRAID_DEDUPE_MISS_RECORD_H_
#define BRAID_DEDUPE_MISS_RECORD_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "dedupe/store.h"

namespace braid {

class MissRecord {
 public:
  // The hour before a span, and ten minutes behind it.
  static constexpr int kMinutesBefore = 60;
  static constexpr int kMinutesAfter = 10;
  static constexpr size_t kMinutesKept = kMinutesBefore + kMinutesAfter + 2;

  struct Misses {
    uint64_t compared = 0;
    uint64_t missed = 0;
  };
  // By tag; 0 is all tags.
  using ByTag = std::map<int, Misses>;

  explicit MissRecord(const Store& store) : store_(store) {}
  absl::Status Load();

  // Minutes of a source ascend.
  void Note(const std::string& source_id, int64_t minute, int tag, Misses misses);
  // Of a span that ends in `minute`.
  ByTag Around(const std::string& source_id, int64_t minute) const;
  int MinutesAfter(const std::string& source_id, int64_t minute) const;
  bool HoldsTag(int tag) const;

  void Seal(WriteSet* changes);

 private:
  const Store& store_;
  std::map<std::string, std::map<int64_t, ByTag>> minutes_;
  std::set<std::pair<std::string, int64_t>> changed_;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_MISS_RECORD_H_
