// X time: the `Date` header of the 200 answer plus monotonic time since. Never
// the wall clock, which steps and drifts, once an answer has been seen.
// Pure; on the loop. Source of the rules: docs/ARCHITECTURE.md, cover.

#ifndef BRAID_INGEST_X_CLOCK_H_
#define BRAID_INGEST_X_CLOCK_H_

#include "absl/time/time.h"
#include "absl/types/optional.h"

namespace braid {

class XClock {
 public:
  // Until the first answer X time is guessed from the host's wall clock.
  XClock(absl::Time wall_now, absl::Time now);

  // The head of a 200 answer arrived. Without a usable Date the clock stays.
  // The header has whole seconds: X time is at least that, and a clock that
  // agrees with it is finer than it and stays too.
  void OnHead(absl::optional<absl::Time> date, absl::Time now);

  // Only an event created after X time is disagreement: X time then moves
  // forward to it. Lateness is never disagreement. Returns true if it moved.
  // One event from the far future is a bad id, not a clock: three in a row are
  // needed to move X time by more than 10 min.
  bool OnEvent(absl::Time create_time, absl::Time now);

  absl::Time At(absl::Time now) const { return now + offset_; }

  // An answer with a Date has been seen.
  bool anchored() const { return anchored_; }

 private:
  bool MoveTo(absl::Time x_time, absl::Time now);

  absl::Duration offset_;
  bool anchored_ = false;
  // Events in a row from the far future, and the least far of them.
  int far_events_ = 0;
  absl::Time far_time_ = absl::InfiniteFuture();
};

}  // namespace braid

#endif  // BRAID_INGEST_X_CLOCK_H_
