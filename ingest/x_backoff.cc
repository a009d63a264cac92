#include "ingest/x_backoff.h"

#include <algorithm>

namespace braid {

absl::Duration Backoff::Next(const Verdict& verdict, absl::Duration flowed) {
  if (flowed >= options_.settled_after) {
    drops_ = network_failures_ = http_failures_ = rate_limits_ = slot_failures_ = 0;
  }
  absl::Duration delay = std::max(BaseDelay(verdict.retry), verdict.delay_min);
  // X promises nothing below its delays; only the network's are our own taste.
  bool both_ways = verdict.retry == RetryClass::kNetwork || verdict.retry == RetryClass::kImmediate;
  both_ways = both_ways && verdict.delay_min == absl::ZeroDuration();
  double share = both_ways ? 2 * random_.Unit() - 1 : random_.Unit();
  return delay + delay * (share * options_.jitter);
}

absl::Duration Backoff::BaseDelay(RetryClass retry) {
  switch (retry) {
    case RetryClass::kOk:
    case RetryClass::kImmediate:
      // The first at once; then like a network that does not hold.
      return drops_++ == 0 ? absl::ZeroDuration() : NetworkDelay();
    case RetryClass::kNetwork:
      return NetworkDelay();
    case RetryClass::kHttp:
      return Doubled(options_.http_min, options_.http_max, http_failures_++);
    case RetryClass::kRateLimited:
      return Doubled(options_.rate_limited_min, options_.rate_limited_max, rate_limits_++);
    case RetryClass::kTooManyConnections:
      return Doubled(options_.http_min, options_.http_max, slot_failures_++);
    case RetryClass::kTerminal:
      return options_.http_max;
  }
  return options_.http_max;
}

absl::Duration Backoff::NetworkDelay() {
  // Saturates long before the int does.
  network_failures_ = std::min(network_failures_ + 1, 1000000);
  return std::min(options_.network_step * network_failures_, options_.network_max);
}

absl::Duration Backoff::Doubled(absl::Duration min, absl::Duration max, int times) {
  absl::Duration delay = min;
  for (int i = 0; i < times && delay < max; ++i) delay *= 2;
  return std::min(delay, max);
}

}  // namespace braid
