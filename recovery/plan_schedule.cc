#include "recovery/plan_schedule.h"

#include <algorithm>
#include <utility>

namespace braid {

PlanSchedule::PlanSchedule(const RouteLimits& limits, int running, absl::Time busy_until,
                           std::vector<absl::Time> starts)
    : limits_(limits), starts_(std::move(starts)) {
  if (limits_.jobs > 0) free_.assign(limits_.jobs, absl::InfinitePast());
  const size_t busy = std::min<size_t>(std::max(0, running), free_.size());
  std::fill_n(free_.begin(), busy, busy_until);
  std::sort(starts_.begin(), starts_.end());
}

absl::Time PlanSchedule::RequestTime(absl::Time earliest, uint64_t place) const {
  if (limits_.requests == 0) return earliest;
  const uint64_t limit = static_cast<uint64_t>(limits_.requests);
  // A window that is used up delays the ones that follow by a whole one.
  const absl::Duration windows = limits_.request_window * static_cast<int64_t>(place / limit);
  const uint64_t before = starts_.size() + place % limit;
  if (before < limit) return earliest + windows;
  return std::max(earliest, starts_[before - limit] + limits_.request_window) + windows;
}

PlanSchedule::Turn PlanSchedule::Next(absl::Time earliest, uint64_t requests,
                                      absl::Duration duration) const {
  Turn turn;
  turn.earliest_start = RequestTime(earliest, 0);
  turn.estimated_start = turn.earliest_start;
  if (!free_.empty()) {
    turn.estimated_start =
        std::max(turn.estimated_start, *std::min_element(free_.begin(), free_.end()));
  }
  const absl::Time last = RequestTime(turn.estimated_start, requests - 1);
  turn.estimated_end = std::max(turn.estimated_start + duration, last);
  return turn;
}

void PlanSchedule::Take(absl::Time earliest, uint64_t requests, const Turn& turn) {
  if (!free_.empty()) {
    *std::min_element(free_.begin(), free_.end()) = turn.estimated_end;
  }
  if (limits_.requests == 0) return;
  const uint64_t limit = static_cast<uint64_t>(limits_.requests);
  std::vector<absl::Time> taken;
  // Of more than one window only the last counts for what follows.
  for (uint64_t i = requests > limit ? requests - limit : 0; i < requests; ++i) {
    taken.push_back(RequestTime(earliest, i));
  }
  starts_.insert(starts_.end(), taken.begin(), taken.end());
  std::sort(starts_.begin(), starts_.end());
  if (starts_.size() > limit) starts_.erase(starts_.begin(), starts_.end() - limit);
}

}  // namespace braid
