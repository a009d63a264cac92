// The world's loop as one process sees it that can stand still: as by SIGSTOP,
// a virtual machine that is moved, or a disk that blocks. Time passes meanwhile;
// what comes due runs afterwards, in order, before anything newer.
//
// Threads: one. Ownership: the world outlives it; it outlives the process.

#ifndef BRAID_TESTS_SIM_FREEZABLE_LOOP_H_
#define BRAID_TESTS_SIM_FREEZABLE_LOOP_H_

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "base/loop.h"

namespace braid {

class FreezableLoop final : public Loop {
 public:
  explicit FreezableLoop(Loop& world) : world_(world) {}

  absl::Time Now() const override { return world_.Now(); }
  absl::Time WallNow() const override { return world_.WallNow(); }
  TimerId After(absl::Duration delay, Turn turn) override {
    const TimerId id = ++last_id_;
    const TimerId in_world = world_.After(delay, [this, id] { OnDue(id); });
    turns_.emplace(id, Planned{in_world, std::move(turn)});
    return id;
  }
  void Cancel(TimerId id) override {
    auto found = turns_.find(id);
    if (found == turns_.end()) return;
    world_.Cancel(found->second.in_world);
    turns_.erase(found);
  }
  void Post(Turn turn) override { After(absl::ZeroDuration(), std::move(turn)); }

  // REQUIRES: not frozen.
  void Freeze(absl::Duration duration) {
    frozen_since_ = WallNow();
    thaw_ = world_.After(duration, [this] { Thaw(); });
  }
  bool frozen() const { return frozen_since_ != absl::InfiniteFuture(); }
  // InfiniteFuture where it is not.
  absl::Time frozen_since() const { return frozen_since_; }
  // At once; nothing where it is not frozen.
  void Thaw() {
    if (!frozen()) return;
    frozen_since_ = absl::InfiniteFuture();
    world_.Cancel(thaw_);
    for (TimerId id : std::exchange(due_, {})) {
      auto found = turns_.find(id);
      if (found == turns_.end()) continue;
      found->second.in_world = world_.After(absl::ZeroDuration(), [this, id] { OnDue(id); });
    }
  }

 private:
  struct Planned {
    TimerId in_world;
    Turn turn;
  };

  void OnDue(TimerId id) {
    if (frozen()) return due_.push_back(id);
    auto node = turns_.extract(id);
    if (!node.empty()) node.mapped().turn();
  }

  Loop& world_;
  TimerId last_id_ = 0;
  std::map<TimerId, Planned> turns_;
  absl::Time frozen_since_ = absl::InfiniteFuture();
  TimerId thaw_ = 0;
  // What came due meanwhile.
  std::vector<TimerId> due_;
};

}  // namespace braid

#endif  // BRAID_TESTS_SIM_FREEZABLE_LOOP_H_
