// Waiting for a condition of another process, for which no event exists: asked
// again every 20 ms until it holds or time is up. Where there is an event (a
// file, the end of a process), wait for that instead.

#ifndef BRAID_TESTS_HARNESS_WAIT_H_
#define BRAID_TESTS_HARNESS_WAIT_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace braid::harness {

// DeadlineExceeded, naming `what`, when it does not hold within `timeout`.
[[nodiscard]] absl::Status WaitUntil(absl::string_view what, absl::Duration timeout,
                                     const std::function<bool()>& condition);

// Lets a span pass in which load or a fault goes on: part of a scenario, never
// a substitute for a condition.
void LetPass(absl::Duration span);

}  // namespace braid::harness

#endif  // BRAID_TESTS_HARNESS_WAIT_H_
