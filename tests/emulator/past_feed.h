// Events of the past as a stream sends them again: backfill, recovery, replay.
//
// Threads: the emulator's loop. Owner: a StreamFeed. Bounds: 256 KB rendered
// ahead, 8 bytes per event of the span.

#ifndef BRAID_TESTS_EMULATOR_PAST_FEED_H_
#define BRAID_TESTS_EMULATOR_PAST_FEED_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "tests/emulator/event_history.h"
#include "tests/emulator/moment.h"
#include "tests/emulator/post_log.h"
#include "tests/emulator/topic.h"

namespace braid::emulator {

// [from, until)
struct TimeSpan {
  absl::Time from;
  absl::Time until;
};

struct PastOptions {
  // Posts a second. 0: as fast as the client reads.
  double rate = 0;
  // Oldest minute first, by the time of creation, with an empty line for each
  // minute without posts; deleted posts are missing. Else: all that appeared, in
  // the order of its appearance.
  bool is_by_minute = false;
  // Ends without warning after this share of the events.
  double stop_after = 1;
  // Minutes that fail: their posts are missing.
  std::vector<absl::Time> failed_minutes;
};

class PastFeed {
 public:
  // `history` and `text` outlive it.
  PastFeed(const EventHistory* history, TopicText* text, const Topic& topic, const TimeSpan& span,
           const PastOptions& options, Moment now);

  std::optional<LogRun> Take(size_t bytes_max, Moment now);
  // Everything was taken.
  bool is_done() const { return next_ == numbers_.size() && is_drained_; }
  // What was rendered so far, and until which minute.
  uint64_t count() const { return count_; }
  absl::Time reached() const { return reached_; }

 private:
  void ChooseByMinute(const TimeSpan& span);
  void Render(Moment now);
  void RenderNext(Moment now);
  void AddMinutes(absl::Time until, Moment now);
  absl::Time TimeOf(const Event& event) const;

  const EventHistory* const history_;
  TopicText* const text_;
  const Topic topic_;
  const PastOptions options_;
  const absl::Duration started_;
  const absl::Time until_;
  std::vector<uint64_t> numbers_;
  size_t next_ = 0;
  uint64_t count_ = 0;
  absl::Time reached_;
  bool minute_has_posts_ = false;
  bool is_drained_ = false;
  PostLog log_;
  PostFeed feed_;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_PAST_FEED_H_
