// Who holds which of X's connection slots, and how many connects an account has
// left. Pure: the clock comes in. Threads: one. Bounds: open connections and
// zombies; one budget per stream.

#ifndef BRAID_TESTS_EMULATOR_STREAM_SLOTS_H_
#define BRAID_TESTS_EMULATOR_STREAM_SLOTS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace braid::emulator {

// A slot belongs to (account, stream, partition); this is its text.
using SlotKey = std::string;

class StreamSlots {
 public:
  // `may_be_cut`: counts for Overdue.
  void Take(const SlotKey& key, uint32_t stream, bool may_be_cut);
  // Frees it, or at `until` when the end was unclean.
  void Release(uint32_t stream, absl::Duration until);
  void ReleaseNow(uint32_t stream) { held_.erase(stream); }
  // Zombies whose time is over; they are freed.
  std::vector<uint32_t> TakeExpired(absl::Duration now);

  int Count(const SlotKey& key) const;
  // Streams that are over the limit of their key for longer than `grace`: of
  // each key the newest (else the oldest) ones.
  std::vector<uint32_t> Overdue(int limit, absl::Duration grace, bool ends_newest,
                                absl::Duration now);

 private:
  struct Held {
    SlotKey key;
    bool may_be_cut = false;
    absl::Duration until;  // infinite: alive
  };
  std::map<uint32_t, Held> held_;
  std::map<SlotKey, absl::Duration> over_since_;
};

class ConnectBudget {
 public:
  struct State {
    int limit = 0;
    int used = 0;
    absl::Time reset;
    int remaining() const { return used < limit ? limit - used : 0; }
  };
  // Counts one attempt.
  State Count(const std::string& key, int limit, absl::Duration window, absl::Time now);

 private:
  std::map<std::string, State> states_;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_STREAM_SLOTS_H_
