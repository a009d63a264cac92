#include "ingest/x_backfill.h"

#include <algorithm>

namespace braid {

int BackfillMinutes(const BackfillRule& rule, absl::optional<absl::Duration> since_last_byte,
                    bool after_full_buffer) {
  if (after_full_buffer || rule.minutes_max == 0) return 0;
  if (!rule.margin || !since_last_byte) return rule.minutes_max;
  absl::Duration missed = std::max(absl::ZeroDuration(), *since_last_byte + *rule.margin);
  // Beyond the maximum the rest is somebody else's to fetch.
  if (missed >= absl::Minutes(rule.minutes_max)) return rule.minutes_max;
  return static_cast<int>(absl::Ceil(missed, absl::Minutes(1)) / absl::Minutes(1));
}

}  // namespace braid
