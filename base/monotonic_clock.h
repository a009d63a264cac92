// The clock of RealLoop's Now and of the times that HttpClient stamps: the two
// are compared, so it must be one.
// Any thread.

#ifndef BRAID_BASE_MONOTONIC_CLOCK_H_
#define BRAID_BASE_MONOTONIC_CLOCK_H_

#include <chrono>

#include "absl/time/time.h"

namespace braid {

// As a time since the epoch, though no date.
inline absl::Time MonotonicNow() {
  return absl::UnixEpoch() + absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

}  // namespace braid

#endif  // BRAID_BASE_MONOTONIC_CLOCK_H_
