// MergeNeighbours of recovery/planner.h.

#include <algorithm>
#include <tuple>
#include <utility>

#include "recovery/planner.h"

namespace braid {
namespace {

// What may be done for one may be done for the other.
bool IsAlike(const PlanRequest& a, const PlanRequest& b) {
  return std::tie(a.by_hand, a.method, a.margin, a.kind, a.spent) ==
         std::tie(b.by_hand, b.method, b.margin, b.kind, b.spent);
}

bool DoTouch(const RecoveryPolicy& policy, const PlanRequest& earlier, const PlanRequest& later) {
  return later.from - later.margin.value_or(policy.pad_before) <=
         earlier.until + earlier.margin.value_or(policy.pad_after);
}

void TakeIn(const PlanRequest& later, PlanRequest* merged) {
  merged->growing = merged->growing || later.growing;
  merged->until = std::max(merged->until, later.until);
  merged->usual_rate = std::max(merged->usual_rate, later.usual_rate);
  merged->spool_until = std::max(merged->spool_until, later.spool_until);
  merged->post_ids.insert(merged->post_ids.end(), later.post_ids.begin(), later.post_ids.end());
}

}  // namespace

std::vector<PlanRequest> MergeNeighbours(const RecoveryPolicy& policy,
                                         std::vector<PlanRequest> requests) {
  const auto first = [](const PlanRequest& a, const PlanRequest& b) {
    return a.from != b.from ? a.from < b.from : a.until > b.until;
  };
  std::stable_sort(requests.begin(), requests.end(), first);
  std::vector<PlanRequest> merged;
  for (PlanRequest& request : requests) {
    auto neighbour = std::find_if(merged.begin(), merged.end(), [&](const PlanRequest& other) {
      return IsAlike(other, request) && DoTouch(policy, other, request);
    });
    if (neighbour == merged.end()) {
      merged.push_back(std::move(request));
    } else {
      TakeIn(request, &*neighbour);
    }
  }
  return merged;
}

}  // namespace braid
