// What one connection gets, in order: the past it asked for (backfill, recovery,
// replay), then the live log, with what a test does to it on the way.
//
// Threads: the emulator's loop. Owner: its ClientStream. Bounds: PastFeed renders
// 256 KB ahead; a Scrambler holds back what its faults delay.

#ifndef BRAID_TESTS_EMULATOR_STREAM_FEED_H_
#define BRAID_TESTS_EMULATOR_STREAM_FEED_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "tests/emulator/moment.h"
#include "tests/emulator/past_feed.h"
#include "tests/emulator/post_log.h"
#include "tests/emulator/scrambler.h"

namespace braid::emulator {

struct FeedParts {
  // Null: nothing live, the stream ends with its past.
  std::shared_ptr<const PostLog> live;
  std::unique_ptr<PastFeed> past;
  // Past and live come in turns instead of past first.
  bool is_interleaved = false;
};

class StreamFeed {
 public:
  StreamFeed(FeedParts parts, uint64_t seed);

  // The next bytes that may go out. Nothing: no more for now.
  std::optional<LogRun> Take(size_t bytes_max, Moment now, std::vector<uint64_t>* dropped);
  // A job that has handed over everything.
  bool is_finished() const { return parts_.live == nullptr && parts_.past->is_done(); }
  const PastFeed* past() const { return parts_.past.get(); }

  void SetDelay(absl::Duration delay) { feed_.SetDelay(delay); }
  void SetDropFraction(double fraction) { feed_.SetDropFraction(fraction); }
  void DropNext(uint64_t count) { feed_.DropNext(count); }
  void SetFaults(const ScramblerFaults& faults);
  ScramblerFaults faults() const { return scrambler_ ? scrambler_->faults() : ScramblerFaults(); }
  // Gives up everything that is live up to now.
  void SkipToEnd();
  // Takes nothing any more.
  void Release();

  uint64_t backlog_bytes() const;
  uint64_t backlog_posts() const;
  absl::Duration delay() const { return feed_.delay(); }
  double drop_fraction() const { return feed_.drop_fraction(); }

 private:
  std::optional<LogRun> TakeRaw(size_t bytes_max, Moment now, std::vector<uint64_t>* dropped);

  FeedParts parts_;
  const PostLog nothing_;
  PostFeed feed_;
  const uint64_t seed_;
  bool is_released_ = false;
  bool is_past_next_ = true;
  std::unique_ptr<Scrambler> scrambler_;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_STREAM_FEED_H_
