// What a connection asks before each attempt to connect. The answer depends on
// others: X counts attempts per account, and connections of one partition take
// turns.
//
// Threads: the loop. Owned by whoever owns the connection, and outlives it.

#ifndef BRAID_INGEST_ATTEMPT_GATE_H_
#define BRAID_INGEST_ATTEMPT_GATE_H_

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace braid {

class AttemptGate {
 public:
  struct Answer {
    // Zero: the attempt begins now.
    absl::Duration wait;
    // For people and metrics, where there is one: "budget" or "peer".
    absl::string_view reason;
  };

  virtual ~AttemptGate() = default;
  // After a wait one asks again: the answer may be to wait again.
  virtual Answer Ask(absl::Time now) = 0;
  // What became of the attempt that began last; one of the two, once, unless
  // the process ends first.
  virtual void OnReached(absl::Time now) = 0;
  virtual void OnUnreached() = 0;
};

}  // namespace braid

#endif  // BRAID_INGEST_ATTEMPT_GATE_H_
