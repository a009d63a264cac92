// When X creates posts and under which ids.
//
// RateSchedule says how many posts are due: a steady rate with bursts, which
// can be changed at any time. PostIds hands out snowflakes. Both are pure: the
// clock comes in. Threads: one.

#ifndef BRAID_TESTS_EMULATOR_TIMELINE_H_
#define BRAID_TESTS_EMULATOR_TIMELINE_H_

#include <array>
#include <cstdint>
#include <optional>

#include "absl/time/time.h"
#include "base/random.h"

namespace braid::emulator {

// `rate` posts a second during the last `length` of every `every`.
struct Burst {
  double rate = 0;
  absl::Duration length;
  absl::Duration every;
};

class RateSchedule {
 public:
  RateSchedule(double rate, std::optional<Burst> burst) : rate_(rate), burst_(burst) {}

  // `now` counts from the start and never goes back.
  void SetRate(double rate, absl::Duration now);
  void SetBurst(std::optional<Burst> burst, absl::Duration now);

  // How many posts are due, at most `count_max`; the rest stays due.
  uint64_t Take(absl::Duration now, uint64_t count_max);

  double RateAt(absl::Duration now) const;
  // Posts that are due and were not taken: X is slower than its rate.
  double owed() const { return owed_; }
  // Until the next post is due. Infinite when the rate is 0 and stays so.
  absl::Duration UntilNext(absl::Duration now) const;

 private:
  absl::Duration NextEdge(absl::Duration now) const;
  void Advance(absl::Duration now);

  double rate_;
  std::optional<Burst> burst_;
  absl::Duration last_ = absl::ZeroDuration();
  double owed_ = 0;
};

struct IdOptions {
  uint64_t seed = 1;
  // Ids are k-sorted: a post appears up to this long after the time in its id.
  // At most 1 s, which is what X's id generator promises.
  absl::Duration lateness_max = absl::Milliseconds(800);
};

class PostIds {
 public:
  explicit PostIds(const IdOptions& options)
      : random_(options.seed ^ kSeedSalt), lateness_max_(options.lateness_max) {}

  // The id of a post that appears at `now`. All ids are different, also when
  // the clock goes back: the generator then stays at its newest time.
  uint64_t Next(absl::Time now);
  // The id of a post that appears at `now`, `late_by` after the time in its id.
  uint64_t NextLate(absl::Time now, absl::Duration late_by);

 private:
  static constexpr uint64_t kSeedSalt = 0x1d5;
  // Milliseconds whose counters are remembered: above lateness_max.
  static constexpr size_t kSlots = 2048;
  struct Slot {
    int64_t millis = -1;
    uint32_t count = 0;
  };

  int64_t DrawLatenessMillis();

  SeededRandom random_;
  const absl::Duration lateness_max_;
  int64_t newest_millis_ = 0;
  uint32_t late_count_ = 0;
  std::array<Slot, kSlots> slots_;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_TIMELINE_H_
