#include "tests/emulator/rate_window.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace braid::emulator {

RateVerdict RateWindows::Take(const RateLimit& limit, absl::Time now) {
  if (limit.count == 0) return {};
  Window& window = windows_[limit.name];
  if (now >= window.reset) window = {0, now + limit.window};
  ++window.used;
  int left = std::max(0, limit.count - window.used);
  RateVerdict verdict{window.used <= limit.count, {}};
  if (!limit.has_headers) return verdict;
  // Rounded up: a client that waits for it finds the new window.
  int64_t reset = absl::ToUnixSeconds(window.reset + absl::Milliseconds(999));
  verdict.headers = {absl::StrCat("x-rate-limit-limit: ", limit.count),
                     absl::StrCat("x-rate-limit-remaining: ", left),
                     absl::StrCat("x-rate-limit-reset: ", reset)};
  return verdict;
}

}  // namespace braid::emulator
