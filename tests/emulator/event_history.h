// The events that X remembers, in the order in which they appeared: what
// backfill, recovery, replay, search, counts and lookup read.
//
// Event number n is emission n of the truth file. Threads: one. Bounds:
// `count_max` events of 32 bytes; the oldest are forgotten first.

#ifndef BRAID_TESTS_EMULATOR_EVENT_HISTORY_H_
#define BRAID_TESTS_EMULATOR_EVENT_HISTORY_H_

#include <cstdint>
#include <deque>

#include "absl/time/time.h"
#include "tests/emulator/event.h"

namespace braid::emulator {

class EventHistory {
 public:
  explicit EventHistory(size_t count_max) : count_max_(count_max) {}

  // Returns its number. A time before the last one counts as that.
  uint64_t Append(const Event& event);

  // Numbers from first() (inclusive) to end() (exclusive) are remembered.
  uint64_t first() const { return first_; }
  uint64_t end() const { return first_ + events_.size(); }
  // REQUIRES: first() <= number < end().
  const Event& At(uint64_t number) const { return events_[number - first_]; }
  Event& MutableAt(uint64_t number) { return events_[number - first_]; }

  // The first number that appeared at `time` or later; end() if none did.
  uint64_t LowerBound(absl::Time time) const;
  // The first emission of the post with this id; null: unknown, forgotten, or
  // no post. Deleted posts are found too.
  const Event* FindPost(uint64_t id) const;

 private:
  const size_t count_max_;
  std::deque<Event> events_;
  uint64_t first_ = 0;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_EVENT_HISTORY_H_
