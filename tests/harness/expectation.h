// From the emulator's truth file to what a log must and may hold.
//
// Threads: pure.

#ifndef BRAID_TESTS_HARNESS_EXPECTATION_H_
#define BRAID_TESTS_HARNESS_EXPECTATION_H_

#include <functional>

#include "tests/emulator/truth.h"
#include "tests/harness/verify.h"

namespace braid::harness {

// Was everything that X sent on this connection received for certain?
using IsTrusted =
    std::function<bool(const emulator::Truth& truth, const emulator::TruthConnection& connection)>;

// The newest connection of each tag, if it was up until X itself stopped. (An
// older one can look open to X: a pulled cable tells nobody.)
bool StayedUp(const emulator::Truth& truth, const emulator::TruthConnection& connection);

// Every connection: for runs in which at least one was up at every time and
// all carried the same.
bool AnyConnection(const emulator::Truth& truth, const emulator::TruthConnection& connection);

// No connection: only what else is known (spools) is required.
bool NoConnection(const emulator::Truth& truth, const emulator::TruthConnection& connection);

// Sent: what any connection was sent, wholly or in part. Required: what the
// trusted ones were sent wholly.
[[nodiscard]] Expectation Expect(const emulator::Truth& truth, const IsTrusted& is_trusted);

// Required: every post that X created from the first that a live connection was
// sent, for runs in which recovery brings what none was. Not from the first that
// a fetch was sent: posts come a little out of order, so beside the first of a
// span that begins before the stream there are some that stand outside of it.
// Sent: every post, as the margin of a fetch brings what nobody needed.
[[nodiscard]] Expectation ExpectCreated(const emulator::Truth& truth);

}  // namespace braid::harness

#endif  // BRAID_TESTS_HARNESS_EXPECTATION_H_
