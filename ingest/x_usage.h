// What X says was consumed (GET /2/usage/tweets). X counts per project: other
// apps of it are in its figures, and today's lag behind.
//
// Pure; any thread. Bounds: kUsageAnswerMax bytes of answer, kUsageDaysMax days.

#ifndef BRAID_INGEST_X_USAGE_H_
#define BRAID_INGEST_X_USAGE_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace braid {

// 90 days of some 60 bytes each, per app; a project has a handful.
inline constexpr size_t kUsageAnswerMax = 1 << 20;
// What X serves, and today.
inline constexpr size_t kUsageDaysMax = 91;

// Where it is asked, from any URL of the v2 API at the same host; "" where that
// is none. As many days back as X serves.
std::string UsageUrl(absl::string_view v2_url);

struct XUsage {
  // Day of the month on which X starts to count anew; 0: not said.
  int reset_day = 0;
  uint64_t project_cap = 0;
  uint64_t project_usage = 0;
  // "2026-11-20" → posts.
  std::map<std::string, uint64_t> days;
};

// InvalidArgument when it is no such answer. X writes numbers as strings or as
// numbers.
absl::StatusOr<XUsage> ParseUsage(absl::string_view json);

}  // namespace braid

#endif  // BRAID_INGEST_X_USAGE_H_
