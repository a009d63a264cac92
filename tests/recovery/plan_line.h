// Times of a test and plans as one line of text. Pure; any thread.

#ifndef BRAID_TESTS_RECOVERY_PLAN_LINE_H_
#define BRAID_TESTS_RECOVERY_PLAN_LINE_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "recovery/planner.h"

namespace braid {

// "12:00:00" of 2026-11-21, or "11-20 12:00:00". UTC.
absl::Time At(absl::string_view text);

// "recovery 12:00:00-12:14:00 at 12:15:30; waits ...; lost ...; not backfill: ...".
std::string PlanLine(const RecoveryPlan& plan, absl::Time now);

}  // namespace braid

#endif  // BRAID_TESTS_RECOVERY_PLAN_LINE_H_
