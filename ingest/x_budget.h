// How many attempts to connect may still begin: a sliding window, so that no
// window of that length, wherever X begins its own, holds more than the share.
//
// An attempt counts from the moment it is begun; it leaves the window one
// window's length after X was last seen to deal with it (its answer, or the
// end of a socket that stood), since X counts it when it arrives. One that never
// reached X is given back.
//
// Pure. Threads: one. Bounds: `attempts` entries.

#ifndef BRAID_INGEST_X_BUDGET_H_
#define BRAID_INGEST_X_BUDGET_H_

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "ingest/x_dialect.h"

namespace braid {

// One host's two clocks at one moment.
struct HostTime {
  // Goes on over restarts of a process, not over those of the machine.
  absl::Time monotonic;
  absl::Time wall;
};

// How long ago `then` was at most certainly: never more than it was, unless
// the machine restarted and its wall clock was set forward.
absl::Duration AgeOf(const HostTime& then, const HostTime& now);

class AttemptWindow {
 public:
  struct Attempt {
    uint64_t ticket = 0;
    // When it was begun; once X has answered, when it did.
    absl::Time time;
    bool under_way = true;
  };

  // REQUIRES: at least one attempt.
  explicit AttemptWindow(const ConnectBudget& share) : share_(share) {}

  // How long until the next attempt may begin, as far as is known now; zero: at
  // once.
  absl::Duration Wait(absl::Time now);
  // REQUIRES: Wait(now) is zero. The ticket names the attempt from now on.
  uint64_t Begin(absl::Time now);
  // X has dealt with it.
  void OnReached(uint64_t ticket, absl::Time now);
  void OnUnreached(uint64_t ticket);

  // At a start: what an earlier process begun. Also beyond the share, which may
  // have been larger then.
  void Restore(absl::Time time);

  int used(absl::Time now);
  const ConnectBudget& share() const { return share_; }
  const std::vector<Attempt>& attempts() const { return attempts_; }

 private:
  void Forget(absl::Time now);
  std::vector<Attempt>::iterator Find(uint64_t ticket);

  const ConnectBudget share_;
  std::vector<Attempt> attempts_;
  uint64_t next_ticket_ = 1;
};

}  // namespace braid

#endif  // BRAID_INGEST_X_BUDGET_H_
