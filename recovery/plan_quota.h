// How many posts a plan may ask for: of the day, of one job, beside the reserve
// that only people may use.
//
// Pure; any thread. Owns nothing; policy and facts outlive it.

#ifndef BRAID_RECOVERY_PLAN_QUOTA_H_
#define BRAID_RECOVERY_PLAN_QUOTA_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "recovery/planner.h"

namespace braid {

class PlanQuota {
 public:
  PlanQuota(const RecoveryPolicy& policy, const PlanFacts& facts, bool by_hand);

  // The longest step of that rate of which the quota has room for one, with
  // `beyond` asked for beside it; no less than a minute.
  absl::Duration StepMax(double usual_rate, absl::Duration beyond) const;

  struct Problem {
    // Empty: there is room.
    std::string text;
    // When there may be room again.
    absl::Time until;
  };
  // Of a job with so many steps and posts.
  Problem Check(size_t steps, uint64_t posts) const;

 private:
  const RecoveryPolicy& policy_;
  const PlanFacts& facts_;
  const bool by_hand_;
  uint64_t day_left_;
};

}  // namespace braid

#endif  // BRAID_RECOVERY_PLAN_QUOTA_H_
