// The longest pause that chance explains in a stream of a known rate. Pure; any
// thread.

#ifndef BRAID_BASE_ONCE_A_DAY_H_
#define BRAID_BASE_ONCE_A_DAY_H_

#include "absl/time/time.h"

namespace braid {

// ln(86400 · rate) / rate: the longest pause that this rate explains once a
// day, at least `least`. For rates of less than e events a day, where the
// formula turns round (and for an unknown rate), its maximum: 8.8 h.
absl::Duration OnceADaySilence(double rate, absl::Duration least);

}  // namespace braid

#endif  // BRAID_BASE_ONCE_A_DAY_H_
