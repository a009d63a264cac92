// The life of one connection to X as a table: state and input → next state and
// what is to be done. Connection is the shell that does it.
//
//   state            | inputs and what they lead to (others can not happen)
//   IDLE             | start → CONNECTING²; held, drain and pause as BACKING_OFF
//   BACKING_OFF      | due → CONNECTING²; held → BACKING_OFF⁷; drain → STOPPED³; pause → PAUSED⁸
//   CONNECTING       | no_request → BACKING_OFF⁴; connected → AWAITING_HEADERS; and as there
//   AWAITING_HEADERS | accepted → RECEIVING; refused → REFUSED; and as there
//   REFUSED          | ended → BACKING_OFF⁴; no_sign → CLOSING¹; drain → DRAINING¹
//   RECEIVING        | the same; reconnect → CLOSING¹
//   CLOSING          | ended → BACKING_OFF⁴; overdue → BACKING_OFF⁴⁵; drain → DRAINING
//   DRAINING         | ended → STOPPED⁶; overdue → STOPPED⁵⁶
//   PAUSED           | resume → BACKING_OFF⁹; drain → STOPPED³
//   STOPPED          |
//   A pause closes a socket (→ CLOSING¹) and is asked for again after its end;
//   elsewhere it and a resume change nothing.
//   A reconnect anywhere else changes nothing; nor does connected, accepted or
//   refused while closing: they were under way.
//   ¹ close the socket; its end is still to come
//   ² open a socket, or no_request at once
//   ³ an event, then tell that it is drained
//   ⁴ end the attempt (open frame, last cover, event), then wait by Backoff
//   ⁵ before that a loss, for what was read and never handed over
//   ⁶ end the attempt, then tell that it is drained
//   ⁷ wait for the budget or the turn, then ask again (ingest/attempt_gate.h)
//   ⁸ an event
//   ⁹ wait for what is left of the last wait
//
// Why so: only `ended` and `overdue` lead out of a state that holds a socket,
// and only states without one open the next: X counts both. Whatever closes,
// what was read until then is consumed before `ended`. A wait that X asked for
// is not cut short by `reconnect`, and an attempt under way is young enough.
//
// Pure. Threads: any.

#ifndef BRAID_INGEST_CONNECTION_STATE_H_
#define BRAID_INGEST_CONNECTION_STATE_H_

#include <cstdint>

#include "absl/types/optional.h"
#include "braid/v1/ingest_service.pb.h"

namespace braid {

// The states as reports, events and metrics show them.
using ConnectionState = v1::ConnectionReport::State;

enum class ConnectionInput {
  kStart,
  kDue,        // the wait is over
  kHeld,       // instead of one of these two: the attempt may not begin yet
  kNoRequest,  // there is nothing to send: the token can not be read
  kConnected,  // TCP and TLS stand
  kAccepted,   // 200
  kRefused,    // any other answer; its body follows
  kEnded,      // the socket is closed and all of it is consumed
  kNoSign,     // no byte, no answer or no end of a refusal in time
  kReconnect,  // somebody asks for a new socket
  kDrain,
  kOverdue,  // the socket was closed and its end does not come
  kPause,    // a deduper wants nothing for now
  kResume,   // no deduper pauses any more
};
inline constexpr int kConnectionInputCount = static_cast<int>(ConnectionInput::kResume) + 1;

// What a transition asks for, in this order.
struct ConnectionEffects {
  bool close = false;
  bool lose = false;
  bool end = false;
  bool stop_event = false;
  bool pause_event = false;
  bool wait = false;
  bool wait_rest = false;
  bool tell_drained = false;
  bool open = false;
};

struct ConnectionStep {
  ConnectionState next;
  ConnectionEffects effects;
};

// nullopt: can not happen in this state.
absl::optional<ConnectionStep> NextConnectionStep(ConnectionState state, ConnectionInput input);

// A socket is open, or its end is not consumed yet.
bool HoldsSocket(ConnectionState state);

}  // namespace braid

#endif  // BRAID_INGEST_CONNECTION_STATE_H_
