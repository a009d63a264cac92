// One reading of the clocks, taken once per turn of the emulator's loop.

#ifndef BRAID_TESTS_EMULATOR_MOMENT_H_
#define BRAID_TESTS_EMULATOR_MOMENT_H_

#include "absl/time/time.h"

namespace braid::emulator {

struct Moment {
  // X's wall clock: this host's plus the configured offset. Ids and dates.
  absl::Time x_time;
  // Monotonic, since the emulator's start. Timers and the rate.
  absl::Duration elapsed;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_MOMENT_H_
