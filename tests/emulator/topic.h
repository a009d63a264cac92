// What a stream carries and in which format, and the logs of those topics that
// somebody reads.
//
// All connections of a topic share one log, so that an event is rendered once.
// Threads: the emulator's loop. Bounds: one log per topic that has a reader.

#ifndef BRAID_TESTS_EMULATOR_TOPIC_H_
#define BRAID_TESTS_EMULATOR_TOPIC_H_

#include <compare>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "tests/emulator/event.h"
#include "tests/emulator/event_text.h"
#include "tests/emulator/post_generator.h"
#include "tests/emulator/post_log.h"
#include "tests/emulator/rule_set.h"

namespace braid::emulator {

enum class TopicKind {
  kFiltered,    // v2 rules
  kPowertrack,  // Gnip rules
  kReplay,      // the rules of PowerTrack Replay
  kSample,      // 1 %: posts whose id's time is in 10 of 1,000 ms
  kShare,       // `percent` of all posts
  kLanguage,
  kLikes,
  kPostCompliance,
  kUserCompliance,
  kLikeCompliance,
  kCompliance,  // of posts and users, as Gnip sends it
  kLabels,
  kActivity,
};

enum class EventFormat { kV2, kNative, kActivityStreams };

struct Topic {
  TopicKind kind = TopicKind::kFiltered;
  EventFormat format = EventFormat::kV2;
  int percent = 100;
  std::string language;
  // From 1 to count; 0: not partitioned.
  int partition = 0;
  int partition_count = 0;
  // Only what was born there; "": everywhere.
  std::string datacenter;
  // One array per line, as Powerstream's document prints it.
  bool is_array = false;
  auto operator<=>(const Topic&) const = default;
};

struct TopicRules {
  const RuleSet* filtered = nullptr;
  const RuleSet* powertrack = nullptr;
  const RuleSet* replay = nullptr;
};

class TopicText {
 public:
  TopicText(EventText* text, const TopicRules& rules) : text_(text), rules_(rules) {}

  // The record with \r\n; nothing when the topic does not carry the event.
  std::optional<std::string> Render(const Topic& topic, const Event& event, absl::Time now);
  // Is the body's own text, with the rules that are part of it, what goes out?
  bool IsPlain(const Topic& topic, const Event& event) const;

 private:
  const RuleSet* RulesOf(const Topic& topic) const;
  std::string PostText(const Topic& topic, const Event& post, const MatchedRules& rules);

  EventText* const text_;
  const TopicRules rules_;
};

class TopicBook {
 public:
  TopicBook(TopicText* text, BodyPool* bodies) : text_(text), bodies_(bodies) {}

  // The log from now on. Whoever holds it keeps it alive.
  std::shared_ptr<const PostLog> Open(const Topic& topic);
  // To every log that carries it.
  void Append(const Event& event, uint64_t emission, absl::Time now);

 private:
  TopicText* const text_;
  BodyPool* const bodies_;
  std::map<Topic, std::shared_ptr<PostLog>> logs_;
};

// Which kind of events the topic consists of.
EventKind EventKindOf(TopicKind kind);
bool HasKind(TopicKind topic, EventKind event);
// Where a post was born, as Powerstream names it.
const char* DatacenterOf(const Event& event);

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_TOPIC_H_
