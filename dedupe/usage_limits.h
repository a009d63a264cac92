// Limits on what is consumed: when to warn, when to act. Once per threshold and
// period; the period is X's: a UTC day, or a month from the day on which X
// resets its count.
//
// Pure; the merger thread. State is a proto. Bounds: the configured limits.

#ifndef BRAID_DEDUPE_USAGE_LIMITS_H_
#define BRAID_DEDUPE_USAGE_LIMITS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/optional.h"
#include "braid/store/v1/usage.pb.h"

namespace braid {

struct UsageLimit {
  enum class Period { kDay, kMonth };
  enum class Action { kNone, kPause, kRemoveRules };
  Period period = Period::kDay;
  uint64_t posts = 0;
  // Ascending.
  std::vector<uint32_t> warn_at_percent = {80, 95};
  Action action = Action::kNone;
  // Tags of the rules that go.
  std::vector<std::string> rules;
};

// day | month, none | pause | remove_rules: as configured and shown.
std::string PeriodWord(UsageLimit::Period period);
std::string ActionWord(UsageLimit::Action action);

// [first, until) in days since 1970.
struct UsagePeriod {
  int32_t first_day = 0;
  int32_t until_day = 0;
};
// REQUIRES: reset_day in 1 … 28.
UsagePeriod PeriodOf(UsageLimit::Period period, int32_t today, int reset_day);

struct UsageEvent {
  // Of the configured limits.
  size_t limit = 0;
  uint64_t posts = 0;
  // The threshold; 100 for the limit itself.
  uint32_t percent = 0;
  bool reached = false;
  UsagePeriod period;
};

// What is noted of a limit; made where nothing is.
store::v1::LimitState::Limit* LimitStateOf(const UsageLimit& limit, store::v1::LimitState* state);

// What is told and done now; notes it in `state`. `posts` counts a period's.
std::vector<UsageEvent> CheckLimits(const std::vector<UsageLimit>& limits, int reset_day,
                                    int32_t today, absl::FunctionRef<uint64_t(UsagePeriod)> posts,
                                    store::v1::LimitState* state);

// An operator resumed: what is reached asks for no pause in this period.
void WaiveReached(store::v1::LimitState* state);

// The pause that reached limits ask for.
struct LimitPause {
  // Of the configured limits: the one whose period ends last.
  size_t limit = 0;
  int32_t until_day = 0;
};
// As CheckLimits noted it; unset where no configured limit asks for one.
absl::optional<LimitPause> AskedPause(const std::vector<UsageLimit>& limits, int reset_day,
                                      store::v1::LimitState* state);

}  // namespace braid

#endif  // BRAID_DEDUPE_USAGE_LIMITS_H_
