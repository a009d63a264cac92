// When a connection's trouble deserves a person: it ends again and again, or
// waits as long as its back-off ever does. Each is told once when it begins and
// once when the connection has held for a while, however often it ended between.
//
//   alert              | begins                                | ends
//   reconnects_repeat  | ends_max ends within span             | accepted, and no end for hold
//   backoff_ceiling    | a delay is the longest of its class   | the same
//
// Pure. Threads: one. Bounds: ends_max times.

#ifndef BRAID_INGEST_RECONNECT_WATCH_H_
#define BRAID_INGEST_RECONNECT_WATCH_H_

#include <array>
#include <deque>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace braid {

enum class ReconnectAlert { kRepeats, kCeiling };
inline constexpr int kReconnectAlertCount = 2;
// Stable words, as events and metrics show them.
absl::string_view ReconnectAlertWord(ReconnectAlert alert);

class ReconnectWatch {
 public:
  struct Options {
    // X closes a healthy connection several times a week; even a morning of its
    // maintenance brings fewer than this.
    int ends_max = 5;
    absl::Duration span = absl::Minutes(10);
    // As long as no end may be for the first alert to be over by itself.
    absl::Duration hold = absl::Minutes(10);
  };

  struct Change {
    ReconnectAlert alert;
    bool began;
    // Ends in the episode so far.
    uint64_t ends;
  };

  explicit ReconnectWatch(const Options& options) : options_(options) {}

  // A stream or an attempt ended by itself.
  std::vector<Change> OnEnd(absl::Time now, bool at_ceiling);
  void OnAccepted(absl::Time now) { accept_time_ = now; }
  // To be called when HoldLeft has passed.
  std::vector<Change> OnTime(absl::Time now);
  // Infinite: nothing is to be waited for.
  absl::Duration HoldLeft(absl::Time now) const;

 private:
  struct Episode {
    bool lasts = false;
    uint64_t ends = 0;
  };
  void Begin(ReconnectAlert alert, std::vector<Change>* changes);

  const Options options_;
  // The newest ends, at most ends_max.
  std::deque<absl::Time> ends_;
  std::array<Episode, kReconnectAlertCount> episodes_;
  // InfiniteFuture: no connection stands.
  absl::Time accept_time_ = absl::InfiniteFuture();
};

}  // namespace braid

#endif  // BRAID_INGEST_RECONNECT_WATCH_H_
