// How often an event is delivered: live copies and the events they are of.
//
// Backfill and what was spooled while a line to the deduper was down bring
// copies of events of another time, so only live deliveries of the last minute
// count, on both sides: two healthy connections are two copies per event.
//
// Pure. Threads: the owner's. Bounds: two numbers.

#ifndef BRAID_DEDUPE_LIVE_COPIES_H_
#define BRAID_DEDUPE_LIVE_COPIES_H_

#include <cstdint>

#include "absl/time/time.h"
#include "dedupe/core.h"

namespace braid {

class LiveCopies {
 public:
  // Also the span over which they are shown.
  static constexpr absl::Duration kAgeMax = absl::Minutes(1);

  // `now`: the core's.
  void Add(const CommittedRecord& record, absl::Time now);

  // Since the start.
  uint64_t copies() const { return copies_; }
  uint64_t events() const { return events_; }

 private:
  uint64_t copies_ = 0;
  uint64_t events_ = 0;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_LIVE_COPIES_H_
