// Who watches one connection's life besides its records.
//
// Threads: the loop. Called from inside a turn of the connection; must not
// destroy it, drain it or open another one there.

#ifndef BRAID_INGEST_CONNECTION_OBSERVER_H_
#define BRAID_INGEST_CONNECTION_OBSERVER_H_

#include "absl/time/time.h"
#include "ingest/x_error.h"

namespace braid {

class ConnectionObserver {
 public:
  virtual ~ConnectionObserver() = default;
  // X answered 200. X time of the attempt's begin and of that answer.
  virtual void OnAccepted(absl::Time from, absl::Time until) = 0;
  // An attempt or stream has ended, its socket is closed; no other is open.
  virtual void OnEnded(const Verdict& verdict) = 0;
};

}  // namespace braid

#endif  // BRAID_INGEST_CONNECTION_OBSERVER_H_
