#include "base/log_limiter.h"

#include <utility>

namespace braid {

absl::optional<uint64_t> LogLimiter::Admit(absl::string_view event, absl::Time now) {
  const bool full = allowances_.size() >= options_.names_max && !allowances_.contains(event);
  Allowance& allowance = allowances_[full ? absl::string_view() : event];
  if (now - allowance.window_start >= absl::Seconds(1)) {
    allowance.window_start = now;
    allowance.lines = 0;
  }
  if (allowance.lines >= options_.lines_per_second) {
    ++allowance.suppressed;
    return absl::nullopt;
  }
  ++allowance.lines;
  return std::exchange(allowance.suppressed, 0);
}

}  // namespace braid
