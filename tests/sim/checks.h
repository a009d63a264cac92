// What must hold after a run: each check compares a log with the truth that
// the model of X kept, and says what is wrong in words. docs/INVARIANTS.md
// names them.

#ifndef BRAID_TESTS_SIM_CHECKS_H_
#define BRAID_TESTS_SIM_CHECKS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/sim/log_view.h"
#include "tests/sim/sim_x.h"

namespace braid {

// The lives of one connector, by incarnation.
struct ProcessLife {
  enum class End { kAlive, kDrained, kKilled, kPowerCut, kSpoolLost };
  absl::Time start;
  absl::Time end = absl::InfiniteFuture();
  End end_kind = End::kAlive;
};

struct Truth {
  const SimX& x;
  // [connector][incarnation]
  const std::vector<std::vector<ProcessLife>>& lives;
  // Names of the connectors as sources.
  const std::vector<std::string>& names;
  // Every time a connector's spool vanished.
  const std::vector<std::vector<absl::Time>>& spool_losses;
  // When the whole world slept, and for how long: nobody got anything done.
  const std::vector<std::pair<absl::Time, absl::Duration>>& sleeps;
  // When a connector's process stood still, and for how long it was to.
  const std::vector<std::pair<absl::Time, absl::Duration>>& standstills;
};

using Failures = std::vector<std::string>;

// Day and time, for people.
std::string ShowMicros(int64_t micros);

// I1: every whole line handed to a process that lived on is in the log as a
// sighting of its source, or its receive time lies in a loss of that source. Counts the latter in
// `*excused`.
void CheckDelivered(const Truth& truth, const LogView& log, Failures* failures, uint64_t* excused);
// I2, I3: nothing twice, nothing that X did not send, no changed byte.
void CheckGenuine(const Truth& truth, const LogView& log, Failures* failures);
// I8: what a cover vouches for stands before it.
void CheckCovers(const Truth& truth, const LogView& log, Failures* failures, uint64_t* covers,
                 uint64_t* backfill_covers);
// I16: what a spool says to be damaged was: a disk that was never hurt lost
// nothing, whatever its reads said for a while.
void CheckDamage(const Truth& truth, const LogView& log, Failures* failures);
// I12: every dropped line left a loss.
void CheckLosses(const Truth& truth, const LogView& log, Failures* failures);

// I29: the metering of each day counts each post that was received on it once,
// and of no day anything else. A deduper that is behind X's time (its clock was
// stepped, or it slept) takes what is received just after midnight for the day
// before: then only the sum of deliveries is compared.
void CheckMetering(const Store& store, const LogView& log, bool clock_behind,
                   Failures* failures);

}  // namespace braid

#endif  // BRAID_TESTS_SIM_CHECKS_H_
