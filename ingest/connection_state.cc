#include "ingest/connection_state.h"

namespace braid {
namespace {

using State = v1::ConnectionReport;
using Input = ConnectionInput;
using Answer = absl::optional<ConnectionStep>;

Answer Go(ConnectionState next) { return ConnectionStep{next, {}}; }

Answer Open() {
  ConnectionStep step{State::STATE_CONNECTING, {}};
  step.effects.open = true;
  return step;
}

Answer Close(ConnectionState next) {
  ConnectionStep step{next, {}};
  step.effects.close = true;
  return step;
}

Answer EndAndWait(bool lose) {
  ConnectionStep step{State::STATE_BACKING_OFF, {}};
  step.effects.lose = lose;
  step.effects.end = true;
  step.effects.wait = true;
  return step;
}

Answer EndAndStop(bool lose) {
  ConnectionStep step{State::STATE_STOPPED, {}};
  step.effects.lose = lose;
  step.effects.end = true;
  step.effects.tell_drained = true;
  return step;
}

// Nothing to end.
Answer Stop() {
  ConnectionStep step{State::STATE_STOPPED, {}};
  step.effects.stop_event = true;
  step.effects.tell_drained = true;
  return step;
}

Answer Wait() {
  ConnectionStep step{State::STATE_BACKING_OFF, {}};
  step.effects.wait = true;
  return step;
}

Answer Pause() {
  ConnectionStep step{State::STATE_PAUSED, {}};
  step.effects.pause_event = true;
  return step;
}

Answer FromPaused(Input input) {
  if (input == Input::kDrain) return Stop();
  if (input == Input::kReconnect || input == Input::kPause) return Go(State::STATE_PAUSED);
  if (input != Input::kResume) return absl::nullopt;
  ConnectionStep step{State::STATE_BACKING_OFF, {}};
  step.effects.wait_rest = true;
  return step;
}

Answer FromRest(ConnectionState state, Input input, Input begins) {
  if (input == begins) return Open();
  if (input == Input::kHeld) return Wait();
  if (input == Input::kPause) return Pause();
  if (input == Input::kResume) return Go(state);
  if (input == Input::kDrain) return Stop();
  return input == Input::kReconnect ? Go(state) : absl::nullopt;
}

Answer FromAttempt(ConnectionState state, Input input) {
  bool before_headers = state == State::STATE_CONNECTING || state == State::STATE_AWAITING_HEADERS;
  switch (input) {
    case Input::kNoRequest:
      return state == State::STATE_CONNECTING ? EndAndWait(/*lose=*/false) : absl::nullopt;
    case Input::kConnected:
      return state == State::STATE_CONNECTING ? Go(State::STATE_AWAITING_HEADERS) : absl::nullopt;
    case Input::kAccepted:
      return before_headers ? Go(State::STATE_RECEIVING) : absl::nullopt;
    case Input::kRefused:
      return before_headers ? Go(State::STATE_REFUSED) : absl::nullopt;
    case Input::kEnded:
      return EndAndWait(/*lose=*/false);
    case Input::kNoSign:
      return Close(State::STATE_CLOSING);
    case Input::kReconnect:
      return state == State::STATE_RECEIVING ? Close(State::STATE_CLOSING) : Go(state);
    case Input::kDrain:
      return Close(State::STATE_DRAINING);
    case Input::kPause:
      return Close(State::STATE_CLOSING);
    case Input::kResume:
      return Go(state);
    default:
      return absl::nullopt;
  }
}

Answer FromClosing(ConnectionState state, Input input) {
  bool draining = state == State::STATE_DRAINING;
  switch (input) {
    case Input::kConnected:
    case Input::kAccepted:
    case Input::kRefused:
    case Input::kReconnect:
    case Input::kPause:
    case Input::kResume:
      return Go(state);
    case Input::kEnded:
      return draining ? EndAndStop(/*lose=*/false) : EndAndWait(/*lose=*/false);
    case Input::kOverdue:
      return draining ? EndAndStop(/*lose=*/true) : EndAndWait(/*lose=*/true);
    case Input::kDrain:
      return draining ? absl::nullopt : Go(State::STATE_DRAINING);
    default:
      return absl::nullopt;
  }
}

}  // namespace

absl::optional<ConnectionStep> NextConnectionStep(ConnectionState state, ConnectionInput input) {
  switch (state) {
    case State::STATE_IDLE:
      return FromRest(state, input, Input::kStart);
    case State::STATE_BACKING_OFF:
      return FromRest(state, input, Input::kDue);
    case State::STATE_CONNECTING:
    case State::STATE_AWAITING_HEADERS:
    case State::STATE_REFUSED:
    case State::STATE_RECEIVING:
      return FromAttempt(state, input);
    case State::STATE_CLOSING:
    case State::STATE_DRAINING:
      return FromClosing(state, input);
    case State::STATE_STOPPED:
      return input == Input::kReconnect || input == Input::kPause || input == Input::kResume
                 ? Go(state)
                 : absl::nullopt;
    case State::STATE_PAUSED:
      return FromPaused(input);
    default:
      return absl::nullopt;
  }
}

bool HoldsSocket(ConnectionState state) {
  switch (state) {
    case State::STATE_CONNECTING:
    case State::STATE_AWAITING_HEADERS:
    case State::STATE_REFUSED:
    case State::STATE_RECEIVING:
    case State::STATE_CLOSING:
    case State::STATE_DRAINING:
      return true;
    default:
      return false;
  }
}

}  // namespace braid
