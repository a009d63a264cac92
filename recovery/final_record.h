// X's last word about a job, as Gnip says it: whether it sent everything, how
// many, and what it could not send. v2 has none. Source: docs/X-API 1.13, 1.14.
//
// Pure; any thread. Bounds: kFailedMinutesMax minutes; a record that names more
// is not believed at all.

#ifndef BRAID_RECOVERY_FINAL_RECORD_H_
#define BRAID_RECOVERY_FINAL_RECORD_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "base/interval_set.h"

namespace braid {

// Five days have 7,200.
inline constexpr size_t kFailedMinutesMax = 7200;

struct FinalRecord {
  enum class Kind { kCompleted, kWithErrors, kFailed };
  Kind kind = Kind::kCompleted;
  // Records that X sent before it.
  absl::optional<uint64_t> activity_count;
  // Unix microseconds: minutes that failed, or what was not processed. Of
  // kWithErrors and kFailed never empty: X names what is missing, or it is no
  // record that is understood.
  std::vector<Interval> missing;
};

// nullopt for any other line, also for one that can not be understood in full.
absl::optional<FinalRecord> ParseFinalRecord(absl::string_view line);

}  // namespace braid

#endif  // BRAID_RECOVERY_FINAL_RECORD_H_
