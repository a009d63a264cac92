// The Loop of the simulator and of tests: virtual time, nothing happens until
// the test says so. Turns run in the order of (time, number), so a run is the
// same for the same calls.
//
// Threads: one, also for Post.
// Bounds: none; the simulator's worlds are finite.

#ifndef BRAID_TESTS_SIM_SIM_LOOP_H_
#define BRAID_TESTS_SIM_SIM_LOOP_H_

#include <cstdint>
#include <map>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "base/loop.h"

namespace braid {

class SimLoop final : public Loop {
 public:
  // 2024-01-01T00:00:00Z: any fixed date that X could send.
  explicit SimLoop(absl::Time wall_start = absl::FromUnixSeconds(1704067200));

  absl::Time Now() const override { return now_; }
  absl::Time WallNow() const override { return wall_start_ + (now_ - start_) + wall_offset_; }
  TimerId After(absl::Duration delay, Turn turn) override;
  void Cancel(TimerId id) override;
  void Post(Turn turn) override;

  // Runs the next turn, moving time to it. False when there is none.
  bool Step();
  // Runs every turn due until then; time is `time` afterwards.
  void RunUntil(absl::Time time);
  void RunFor(absl::Duration duration) { RunUntil(now_ + duration); }

  // Time passes without a turn, as on machines that sleep: what is due
  // meanwhile runs afterwards, in order.
  void Skip(absl::Duration duration) { now_ += duration; }

  // The host's clock jumps; Now does not.
  void SetWallOffset(absl::Duration offset) { wall_offset_ = offset; }

  size_t pending_count() const { return turns_.size(); }
  // InfiniteFuture when there is none.
  absl::Time NextTurnTime() const;

 private:
  using Key = std::pair<absl::Time, TimerId>;

  // Far from zero, so that nobody mistakes Now for a date.
  const absl::Time start_ = absl::UnixEpoch() + absl::Hours(1);
  const absl::Time wall_start_;
  absl::Time now_ = start_;
  absl::Duration wall_offset_;
  TimerId last_id_ = 0;
  std::map<Key, Turn> turns_;
  absl::flat_hash_map<TimerId, absl::Time> times_;
};

}  // namespace braid

#endif  // BRAID_TESTS_SIM_SIM_LOOP_H_
