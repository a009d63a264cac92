#include "tests/sim/sim_loop.h"

#include <algorithm>

namespace braid {

SimLoop::SimLoop(absl::Time wall_start) : wall_start_(wall_start) {}

Loop::TimerId SimLoop::After(absl::Duration delay, Turn turn) {
  const TimerId id = ++last_id_;
  const absl::Time when = now_ + std::max(delay, absl::ZeroDuration());
  if (when == absl::InfiniteFuture()) return id;
  turns_.emplace(Key{when, id}, std::move(turn));
  times_.emplace(id, when);
  return id;
}

void SimLoop::Cancel(TimerId id) {
  const auto found = times_.find(id);
  if (found == times_.end()) return;
  const Key key{found->second, id};
  times_.erase(found);
  const auto node = turns_.extract(key);
}

void SimLoop::Post(Turn turn) { After(absl::ZeroDuration(), std::move(turn)); }

bool SimLoop::Step() {
  if (turns_.empty()) return false;
  auto node = turns_.extract(turns_.begin());
  times_.erase(node.key().second);
  now_ = std::max(now_, node.key().first);
  node.mapped()();
  return true;
}

void SimLoop::RunUntil(absl::Time time) {
  while (NextTurnTime() <= time) Step();
  now_ = std::max(now_, time);
}

absl::Time SimLoop::NextTurnTime() const {
  return turns_.empty() ? absl::InfiniteFuture() : turns_.begin()->first.first;
}

}  // namespace braid
