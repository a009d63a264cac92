#include "ingest/connection_state.h"

#include <vector>

#include "base/random.h"
#include "gtest/gtest.h"

namespace braid {
namespace {

using State = v1::ConnectionReport;
using Input = ConnectionInput;

std::vector<Input> Possible(ConnectionState state) {
  std::vector<Input> inputs;
  for (int i = 0; i < kConnectionInputCount; ++i) {
    if (NextConnectionStep(state, static_cast<Input>(i))) inputs.push_back(static_cast<Input>(i));
  }
  return inputs;
}

TEST(ConnectionStateTest, AnOrdinaryLifeGoesThroughItsStates) {
  struct Case {
    Input input;
    ConnectionState next;
  };
  ConnectionState state = State::STATE_IDLE;
  for (const Case& c : std::vector<Case>{
           {Input::kStart, State::STATE_CONNECTING},
           {Input::kConnected, State::STATE_AWAITING_HEADERS},
           {Input::kRefused, State::STATE_REFUSED},
           {Input::kEnded, State::STATE_BACKING_OFF},
           {Input::kDue, State::STATE_CONNECTING},
           {Input::kConnected, State::STATE_AWAITING_HEADERS},
           {Input::kAccepted, State::STATE_RECEIVING},
           {Input::kNoSign, State::STATE_CLOSING},
           {Input::kEnded, State::STATE_BACKING_OFF},
           {Input::kDue, State::STATE_CONNECTING},
           {Input::kAccepted, State::STATE_RECEIVING},
           {Input::kDrain, State::STATE_DRAINING},
           {Input::kEnded, State::STATE_STOPPED},
       }) {
    auto step = NextConnectionStep(state, c.input);
    ASSERT_TRUE(step.has_value());
    EXPECT_EQ(step->next, c.next);
    state = step->next;
  }
}

TEST(ConnectionStateTest, APauseClosesTheSocketAndWaitsForAResume) {
  EXPECT_EQ(NextConnectionStep(State::STATE_RECEIVING, Input::kPause)->next, State::STATE_CLOSING);
  auto paused = NextConnectionStep(State::STATE_BACKING_OFF, Input::kPause);
  EXPECT_EQ(paused->next, State::STATE_PAUSED);
  EXPECT_TRUE(paused->effects.pause_event);
  EXPECT_FALSE(NextConnectionStep(State::STATE_PAUSED, Input::kDue).has_value());
  auto resumed = NextConnectionStep(State::STATE_PAUSED, Input::kResume);
  EXPECT_EQ(resumed->next, State::STATE_BACKING_OFF);
  EXPECT_TRUE(resumed->effects.wait_rest);
}

TEST(ConnectionStateTest, OverdueCloseIsALossAndTheOnlyOne) {
  for (int s = 0; s < State::State_ARRAYSIZE; ++s) {
    for (int i = 0; i < kConnectionInputCount; ++i) {
      auto step = NextConnectionStep(static_cast<ConnectionState>(s), static_cast<Input>(i));
      if (!step) continue;
      EXPECT_EQ(step->effects.lose, static_cast<Input>(i) == Input::kOverdue);
    }
  }
}

TEST(ConnectionStateTest, EveryStateButTheLastCanBeLeftAndDrained) {
  for (int s = 1; s < State::State_ARRAYSIZE; ++s) {
    auto state = static_cast<ConnectionState>(s);
    if (!State::State_IsValid(s)) continue;
    bool leaves = false;
    for (Input input : Possible(state)) leaves |= NextConnectionStep(state, input)->next != state;
    EXPECT_EQ(leaves, state != State::STATE_STOPPED) << State::State_Name(state);
    bool drains = NextConnectionStep(state, Input::kDrain).has_value();
    bool drained = state == State::STATE_DRAINING || state == State::STATE_STOPPED;
    EXPECT_EQ(drains, !drained) << State::State_Name(state);
  }
}

// Any order of possible inputs: sockets never overlap, each one that opens
// ends, and being drained is told once and last.
TEST(ConnectionStateTest, NoOrderOfInputsHoldsTwoSocketsOrEndsOneTwice) {
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    SeededRandom random(seed);
    ConnectionState state = State::STATE_IDLE;
    int open = 0, told = 0;
    for (int i = 0; i < 300; ++i) {
      std::vector<Input> inputs = Possible(state);
      Input input = inputs[random.Below(inputs.size())];
      // Rarely, else every life is short.
      if (input == Input::kDrain && random.Below(50) != 0) continue;
      auto step = NextConnectionStep(state, input);
      if (step->effects.close) EXPECT_EQ(open, 1);
      if (step->effects.end) EXPECT_EQ(open--, 1);
      if (step->effects.open) EXPECT_EQ(open++, 0);
      if (step->effects.wait) EXPECT_EQ(step->next, State::STATE_BACKING_OFF);
      told += step->effects.tell_drained;
      if (told > 0) EXPECT_EQ(step->next, State::STATE_STOPPED);
      state = step->next;
      EXPECT_EQ(open == 1, HoldsSocket(state));
    }
    EXPECT_LE(told, 1);
  }
}

}  // namespace
}  // namespace braid
