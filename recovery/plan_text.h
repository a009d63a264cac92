// Times and spans in the reasons of a plan, as people say them. Pure; any
// thread.

#ifndef BRAID_RECOVERY_PLAN_TEXT_H_
#define BRAID_RECOVERY_PLAN_TEXT_H_

#include <string>

#include "absl/time/time.h"

namespace braid {

// "2026-11-21 12:03:20 UTC": reasons are read days later.
std::string ClockText(absl::Time time);

// "12 s", "5 min 30 s", "24 h", "5 d": at most two units, rounded down.
std::string SpanText(absl::Duration span);

}  // namespace braid

#endif  // BRAID_RECOVERY_PLAN_TEXT_H_
