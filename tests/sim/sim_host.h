// A process of the simulation as its Loop: turns posted by a process die with
// it. Destroying the host is a kill between two turns.
//
// Each host has a wall clock and a monotonic origin of its own; virtual time is
// X's true time.

#ifndef BRAID_TESTS_SIM_SIM_HOST_H_
#define BRAID_TESTS_SIM_SIM_HOST_H_

#include <memory>
#include <utility>

#include "absl/time/time.h"
#include "base/loop.h"

namespace braid {

class SimHost final : public Loop {
 public:
  SimHost(Loop& world, absl::Duration wall_offset, absl::Duration monotonic_offset)
      : world_(world), wall_offset_(wall_offset), monotonic_offset_(monotonic_offset) {}
  ~SimHost() override { *alive_ = false; }

  absl::Time Now() const override { return world_.Now() + monotonic_offset_; }
  absl::Time WallNow() const override { return world_.WallNow() + wall_offset_; }
  TimerId After(absl::Duration delay, Turn turn) override {
    return world_.After(delay, Guard(std::move(turn)));
  }
  void Cancel(TimerId id) override { world_.Cancel(id); }
  void Post(Turn turn) override { world_.Post(Guard(std::move(turn))); }

  void StepWallClock(absl::Duration step) { wall_offset_ += step; }

 private:
  Turn Guard(Turn turn) const {
    return [alive = alive_, turn = std::move(turn)]() mutable {
      if (*alive) turn();
    };
  }

  Loop& world_;
  absl::Duration wall_offset_;
  const absl::Duration monotonic_offset_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace braid

#endif  // BRAID_TESTS_SIM_SIM_HOST_H_
