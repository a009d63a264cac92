// Events as the bytes X sends: v2, Gnip native, Activity Streams. The same
// event has the same bytes on every endpoint of a family.
//
// Threads: one. Owner: the Emulator. Bounds: the BodyPool's.

#ifndef BRAID_TESTS_EMULATOR_EVENT_TEXT_H_
#define BRAID_TESTS_EMULATOR_EVENT_TEXT_H_

#include <string>
#include <vector>

#include "tests/emulator/event.h"
#include "tests/emulator/post_generator.h"
#include "tests/emulator/rule_set.h"

namespace braid::emulator {

using MatchedRules = std::vector<const Rule*>;

class EventText {
 public:
  explicit EventText(BodyPool* bodies) : bodies_(bodies) {}

  // {"data":…,"includes":…} without matching_rules, for search and lookup.
  std::string V2Plain(const Event& post);
  // {"data":…,"includes":…,"matching_rules":[…]}
  std::string V2(const Event& post, const MatchedRules& rules);
  // Gnip's native enriched format.
  std::string Native(const Event& post, const MatchedRules& rules);

 private:
  std::string Body(const Event& post);

  BodyPool* const bodies_;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_EVENT_TEXT_H_
