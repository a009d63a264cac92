// The seam for time and turns. One loop thread owns all state of a process (a
// merger thread per stream in the deduper); everything it does happens in
// turns of its loop. RealLoop runs turns on a thread of its own; the
// simulator's loop runs a week in seconds.
//
// Threads: Post may be called from any thread, everything else on the loop.
// Now is constant within one turn, so that a function sees one time.
// Bounds: none here; whoever posts bounds what it posts (see the callers'
// Options).

#ifndef BRAID_BASE_LOOP_H_
#define BRAID_BASE_LOOP_H_

#include <cstdint>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"

namespace braid {

class Loop {
 public:
  using TimerId = uint64_t;
  using Turn = absl::AnyInvocable<void()>;

  virtual ~Loop() = default;

  // Monotonic time with an arbitrary origin: for intervals only, never shown,
  // never stored, never sent.
  virtual absl::Time Now() const = 0;

  // What the host believes the date is. Only where a message or a log line
  // needs a date and no X time exists.
  virtual absl::Time WallNow() const = 0;

  // Runs `turn` in a later turn, not before `delay` has passed.
  virtual TimerId After(absl::Duration delay, Turn turn) = 0;

  // The turn will not run. Unknown and past ids are ignored.
  virtual void Cancel(TimerId id) = 0;

  // Runs `turn` in a later turn, in the order of the calls. Thread-safe.
  virtual void Post(Turn turn) = 0;
};

}  // namespace braid

#endif  // BRAID_BASE_LOOP_H_
