// What every endpoint of the emulated X may look at and change. Owned by the
// Emulator; all pointers are valid as long as it runs. Threads: its loop.

#ifndef BRAID_TESTS_EMULATOR_X_STATE_H_
#define BRAID_TESTS_EMULATOR_X_STATE_H_

#include "tests/emulator/connection_book.h"
#include "tests/emulator/event_history.h"
#include "tests/emulator/event_text.h"
#include "tests/emulator/moment.h"
#include "tests/emulator/rule_set.h"

namespace braid::emulator {

struct XState {
  const Moment* now = nullptr;
  EventHistory* history = nullptr;
  EventText* text = nullptr;
  RuleSet* rules = nullptr;             // v2 filtered stream
  RuleSet* powertrack_rules = nullptr;  // live PowerTrack, Powerstream
  RuleSet* replay_rules = nullptr;      // PowerTrack Replay
  ConnectionList* connections = nullptr;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_X_STATE_H_
