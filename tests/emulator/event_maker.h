// Decides what X creates next: posts, their duplicates, variants, edits and
// deletions, late ones, and the likes, compliance events, labels and activities
// around them. The events go to the history, the topics' logs and the truth.
//
// Threads: the emulator's loop. Bounds: the last 1,024 posts for whatever
// refers to a post.

#ifndef BRAID_TESTS_EMULATOR_EVENT_MAKER_H_
#define BRAID_TESTS_EMULATOR_EVENT_MAKER_H_

#include <array>
#include <cstdint>
#include <deque>
#include <vector>

#include "base/random.h"
#include "tests/emulator/event.h"
#include "tests/emulator/event_history.h"
#include "tests/emulator/moment.h"
#include "tests/emulator/timeline.h"
#include "tests/emulator/topic.h"
#include "tests/emulator/truth_writer.h"

namespace braid::emulator {

// Shares are of posts, from 0 to 1 (likes may be more).
struct EventMix {
  double duplicates = 0.001;  // repeat a recent post exactly
  double variants = 0;        // repeat one with other bytes
  double edits = 0;           // a new id that replaces a recent post
  double deletes = 0;         // a recent post is gone from now on
  double late = 0;            // appears `late_by` after the time in its id
  absl::Duration late_by = absl::Seconds(2000);
  // Per post. Made only while wanted: once somebody opened such a stream, or
  // with everything = true.
  double likes = 1;
  double compliance = 0.2;
  double labels = 0.05;
  double activities = 0.05;
  bool everything = false;
};

struct EventSinks {
  EventHistory* history = nullptr;
  TopicBook* topics = nullptr;
  TruthWriter* truth = nullptr;
};

class EventMaker {
 public:
  EventMaker(const EventMix& mix, uint64_t seed, const IdOptions& ids, size_t body_count,
             const EventSinks& sinks);

  // `count` posts with what belongs to them, at that time.
  void Make(uint64_t count, absl::Time now);
  // As if it had run from `from` until `until` at `rate`; nobody receives it.
  void FillPast(absl::Time from, absl::Time until, double rate);

  // Events of this kind are made from now on.
  void Want(EventKind kind) { wanted_[static_cast<size_t>(kind)] = true; }
  EventMix& mix() { return mix_; }

 private:
  void MakePost(absl::Time now);
  void MakeAround(const Event& post, absl::Time now);
  void MakeOther(EventKind kind, double share, const Event& post, absl::Time now);
  void Emit(Event event, absl::Time now);
  void FlushTruth(absl::Time now);
  bool Chance(double share) { return share > 0 && random_.Unit() < share; }

  EventMix mix_;
  const size_t body_count_;
  const EventSinks sinks_;
  PostIds ids_;
  SeededRandom random_;
  std::array<bool, 8> wanted_{};
  std::deque<uint64_t> recent_;  // numbers in the history
  size_t next_body_ = 0;
  bool is_past_ = false;
  uint64_t first_unwritten_ = 0;
  std::vector<uint64_t> unwritten_;
  std::vector<uint8_t> unwritten_kinds_;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_EVENT_MAKER_H_
