#include "ingest/x_backoff.h"

#include <algorithm>

namespace braid {
namespace {

// `min` doubled that often, at most `max`.
absl::Duration Doubled(absl::Duration min, absl::Duration max, int times) {
  absl::Duration delay = min;
  for (int i = 0; i < times && delay < max; ++i) delay *= 2;
  return std::min(delay, max);
}

// Saturates long before the int does.
int CountOne(int* failures) {
  int before = *failures;
  *failures = std::min(before + 1, 1000000);
  return before;
}

}  // namespace

void Backoff::OnRequest(absl::Time now) {
  tokens_ = std::max(0.0, TokensAt(now) - 1);
  tokens_time_ = now;
}

double Backoff::TokensAt(absl::Time now) const {
  if (tokens_time_ == absl::InfinitePast()) return tokens_;
  double earned = absl::FDivDuration(now - tokens_time_, options_.request_interval);
  return std::min<double>(tokens_ + earned, options_.requests_burst);
}

absl::Duration Backoff::Next(const Verdict& verdict, absl::Duration flowed, absl::Time now) {
  if (flowed >= options_.settled_after) {
    drops_ = network_failures_ = dns_failures_ = 0;
    http_failures_ = rate_limits_ = slot_failures_ = 0;
  }
  absl::Duration delay = BaseDelay(verdict.retry);
  at_ceiling_ = delay >= CeilingOf(verdict.retry);
  delay = std::max(delay, verdict.delay_min);
  delay = WithJitter(verdict, delay);
  double missing = 1 - TokensAt(now + delay);
  return missing > 0 ? delay + missing * options_.request_interval : delay;
}

absl::Duration Backoff::WithJitter(const Verdict& verdict, absl::Duration delay) {
  // X promises nothing below its delays; only the network's are our own taste.
  bool both_ways = verdict.retry == RetryClass::kNetwork || verdict.retry == RetryClass::kImmediate;
  both_ways = both_ways && verdict.delay_min == absl::ZeroDuration();
  double share = both_ways ? 2 * random_.Unit() - 1 : random_.Unit();
  return delay + delay * (share * options_.jitter);
}

absl::Duration Backoff::CeilingOf(RetryClass retry) const {
  switch (retry) {
    case RetryClass::kOk:
    case RetryClass::kImmediate:
      return options_.dropped_max;
    case RetryClass::kNetwork:
      return options_.network_max;
    case RetryClass::kDns:
      return options_.dns_max;
    case RetryClass::kHttp:
    case RetryClass::kTooManyConnections:
      return options_.http_max;
    case RetryClass::kRateLimited:
      return options_.rate_limited_max;
    case RetryClass::kTerminal:
      return absl::InfiniteDuration();
  }
  return absl::InfiniteDuration();
}

absl::Duration Backoff::BaseDelay(RetryClass retry) {
  switch (retry) {
    case RetryClass::kOk:
    case RetryClass::kImmediate: {
      int before = CountOne(&drops_);
      if (before == 0) return absl::ZeroDuration();
      return Doubled(options_.dropped_min, options_.dropped_max, before - 1);
    }
    case RetryClass::kNetwork:
      return std::min(options_.network_step * (CountOne(&network_failures_) + 1),
                      options_.network_max);
    case RetryClass::kDns:
      return Doubled(options_.dns_min, options_.dns_max, CountOne(&dns_failures_));
    case RetryClass::kHttp:
      return Doubled(options_.http_min, options_.http_max, CountOne(&http_failures_));
    case RetryClass::kRateLimited:
      return Doubled(options_.rate_limited_min, options_.rate_limited_max, CountOne(&rate_limits_));
    case RetryClass::kTooManyConnections:
      return Doubled(options_.http_min, options_.http_max, CountOne(&slot_failures_));
    case RetryClass::kTerminal:
      return options_.terminal_delay;
  }
  return options_.http_max;
}

}  // namespace braid
