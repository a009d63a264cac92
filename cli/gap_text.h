// What the commands about gaps and cover print for people: pure functions of
// what the server said.

#ifndef BRAID_CLI_GAP_TEXT_H_
#define BRAID_CLI_GAP_TEXT_H_

#include <map>
#include <string>

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "braid/v1/gap_service.pb.h"
#include "braid/v1/recovery.pb.h"

namespace braid {

// What is done about gaps, as far as it is known.
struct GapRecovery {
  // There is a `recovery:` in the deduper's configuration.
  bool is_configured = true;
  // Gaps start jobs by themselves.
  bool automatic = false;
  // Those of the gaps, by name.
  std::map<std::string, v1::RecoveryJob> jobs;
};

// What happens to an open gap: the job that is on its way, that one will start by
// itself, or why none does and the command that starts one. Empty where nothing can
// bring anything.
std::string NextText(const v1::Gap& gap, const GapRecovery& recovery, absl::Time now);

// One line per gap, and below it what does not fit. `width`: columns there are,
// 0: any. `recovery` unset: not known.
std::string RenderGaps(const google::protobuf::RepeatedPtrField<v1::Gap>& gaps,
                       const absl::optional<GapRecovery>& recovery, absl::Time now, int width);

// Everything about one.
std::string RenderGap(const v1::Gap& gap, const absl::optional<GapRecovery>& recovery,
                      absl::Time now, int width);

// A line of a watch: what a gap is now.
std::string RenderGapLine(const v1::Gap& gap);

// A row of characters per connection and one per partition of the merged
// stream, and what the characters mean. Rows that are longer than `width` (0: any)
// go on in further blocks.
std::string RenderCoverage(const v1::QueryCoverageResponse& coverage, int width);

}  // namespace braid

#endif  // BRAID_CLI_GAP_TEXT_H_
