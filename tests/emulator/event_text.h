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
  // With the rules that are part of the generated body.
  std::string V2Built(const Event& post);
  // Gnip's native enriched format.
  std::string Native(const Event& post, const MatchedRules& rules);
  // Gnip's older format.
  std::string ActivityStreams(const Event& post, const MatchedRules& rules);
  // Likes, compliance, labels, activities.
  std::string V2Other(const Event& event);
  std::string NativeOther(const Event& event);

  // The rules that are part of the generated body, for streams without any.
  std::vector<Rule> BuiltRules(const Event& post);
  // The code of the post's language.
  std::string Language(const Event& post);

  BodyPool* const bodies_;
};

// How many names a kind of event has; Event::name is below it.
int NameCount(EventKind kind);
// Which name of kPostCompliance says that a post was deleted, or edited.
inline constexpr uint8_t kDeleteName = 0;
inline constexpr uint8_t kEditName = 4;

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_EVENT_TEXT_H_
