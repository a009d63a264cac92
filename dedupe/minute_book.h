// What a certificate says of each minute of creation time beside cover and
// gaps: how many distinct events, the sum of their keys' hashes, and whether the
// stream was at its contract's cap. Late events add to their minute; no event is
// read again.
//
// An event that the core takes for new counts, so a stray that comes again
// after it was forgotten counts twice, as it stands in the log twice. Events
// whose time is nonsense count nowhere: older than the rows that are kept, or
// further in the future than the log lasts, so that no reader can hold them
// against a certificate of that time.
//
// Threads: the merger thread; ReadMinutes and ReadCapped any. Not thread-safe.
// Ownership: the store outlives it. Bounds: in memory what one group touches
// and kCachedMax minutes; on disk kDaysKept days of a row a minute.

#ifndef BRAID_DEDUPE_MINUTE_BOOK_H_
#define BRAID_DEDUPE_MINUTE_BOOK_H_

#include <cstdint>
#include <map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/interval_set.h"
#include "base/keys_digest.h"
#include "braid/v1/ingest_service.pb.h"
#include "braid/v1/stream_service.pb.h"
#include "dedupe/store.h"

namespace braid {

struct MinuteTally {
  uint64_t events = 0;
  KeysDigest keys;
};

class MinuteBook {
 public:
  // As cover and gaps.
  static constexpr int64_t kDaysKept = 400;
  // Live events of a few connections, and a backfill's five minutes.
  static constexpr size_t kCachedMax = 64;

  // `log_span`: how long the log keeps an event.
  MinuteBook(const Store& store, absl::Duration log_span) : store_(store), log_span_(log_span) {}
  absl::Status Load();

  // Of the frame's events those that are new. Errors are the store's: fatal.
  absl::Status OnFrame(const v1::Frame& frame, absl::string_view is_new, absl::Time now);
  // A tick's, of volume: where the cap was reached and left.
  void OnNotices(const std::vector<v1::StreamNotice>& notices, absl::Time now, WriteSet* changes);

  // From disk: what is older than kDaysKept.
  static void Expire(int64_t now_micros, WriteSet* changes);
  // Writes what changed since the last call.
  void Seal(WriteSet* changes);
  // Everything that was sealed is in the store.
  void Committed();

 private:
  struct Cached {
    MinuteTally tally;
    bool dirty = false;
  };

  absl::StatusOr<Cached*> Find(int64_t minute);

  const Store& store_;
  const absl::Duration log_span_;
  // A copy of rows: what is written does not depend on what is in it.
  std::map<int64_t, Cached> cache_;
  // Since when the stream has been at its cap; 0: it is not.
  int64_t capped_from_micros_ = 0;
};

// By minute since the epoch: those that overlap `range` and have events.
absl::StatusOr<std::map<int64_t, MinuteTally>> ReadMinutes(const Store& store, Interval range);
// When the stream was at its cap, up to `now_micros`.
absl::StatusOr<IntervalSet> ReadCapped(const Store& store, int64_t now_micros);

}  // namespace braid

#endif  // BRAID_DEDUPE_MINUTE_BOOK_H_
