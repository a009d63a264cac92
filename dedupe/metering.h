// What X bills: each post once per UTC day of receipt, whichever connections
// were sent it, live, by backfill or by recovery. Per stream and rule tag.
//
// Exact without remembering every pair of post and day: nearly every copy is
// received on the day its post was created. The window knows whether a post is
// new, so only copies received on another day leave an entry (KEYS.md, `b`),
// and a filter in memory answers for all others.
//
// A post counts for the tags of the copy by which it was billed.
//
// Threads: the merger thread; ReadUsage any. Not thread-safe.
// Bounds: 400 days of totals; kTagsMax tags per day, the rest as one; eight
// days of tags and one filter of 512 KiB per day that has entries in memory.
// Entries go once no connection can bring a copy of their day.

#ifndef BRAID_DEDUPE_METERING_H_
#define BRAID_DEDUPE_METERING_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "braid/store/v1/usage.pb.h"
#include "braid/v1/ingest_service.pb.h"
#include "dedupe/store.h"

namespace braid {

inline constexpr char kOtherTags[] = "(other)";

// Days since 1970, UTC.
int32_t UtcDay(absl::Time time);
absl::Time UtcDayStart(int32_t day);

class Metering {
 public:
  // X's rules of a self-serve app; enterprise may have more, of which few match
  // on one day.
  static constexpr size_t kTagsMax = 1000;
  static constexpr size_t kTagBytesMax = 256;
  // A year to look back to, and the month before.
  static constexpr int32_t kDaysKept = 400;

  // REQUIRES: store outlives this.
  explicit Metering(const Store& store) : store_(store) {}
  absl::Status Load();

  // Every event of a frame. `is_new`: one bit per event, the window's verdict.
  // Receive times beyond `newest` count as that. Errors are the store's: fatal.
  absl::Status OnFrame(const v1::Frame& frame, absl::string_view is_new, absl::Time newest,
                       WriteSet* changes);

  // `today`: the core's. No copy received before `delivered` will come any
  // more.
  void Expire(int32_t today, absl::Time delivered, WriteSet* changes);

  // Writes what changed since the last call.
  void Seal(WriteSet* changes);
  void Committed();

  // Posts billed on [first, until).
  uint64_t Posts(int32_t first_day, int32_t until_day) const;
  // Entries of copies received on another day than their post's.
  uint64_t entry_count() const;

 private:
  struct Tally {
    store::v1::UsageCounts counts;
    bool dirty = false;
  };
  struct Entries {
    uint64_t count = 0;
    // One bit per hash: unset means surely no entry.
    std::vector<bool> filter;
  };
  using Tags = std::map<std::string, Tally>;
  struct Delivery {
    std::string key;
    int32_t day = 0;
    int32_t home_day = 0;
    bool is_new = false;
    bool is_post = false;
  };

  absl::StatusOr<bool> Bill(const Delivery& delivery, WriteSet* changes);
  absl::StatusOr<bool> FirstCameElsewhere(const Delivery& delivery) const;
  absl::StatusOr<std::string> Entry(const Delivery& delivery, int32_t day) const;
  void AddEntry(const Delivery& delivery, int32_t day, WriteSet* changes);
  absl::StatusOr<Tags*> TagsOf(int32_t day);
  Tally* TagTally(Tags* tags, const std::string& tag);
  void Count(const Delivery& delivery, bool billed, Tally* tally);

  const Store& store_;
  std::map<int32_t, Tally> days_;
  // Newest days only; loaded when asked for.
  std::map<int32_t, Tags> tags_;
  std::map<int32_t, Entries> entries_;
  // Entries of the group that is not committed.
  std::map<std::string, std::string> uncommitted_;
};

// Totals of the day, and of each of its tags; thread-safe like the store.
absl::StatusOr<store::v1::UsageCounts> ReadUsage(const Store& store, int32_t day);
absl::StatusOr<std::map<std::string, store::v1::UsageCounts>> ReadTagUsage(const Store& store,
                                                                          int32_t day);

}  // namespace braid

#endif  // BRAID_DEDUPE_METERING_H_
