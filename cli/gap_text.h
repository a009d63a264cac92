// What the commands about gaps and cover print for people: pure functions of
// what the server said.

#ifndef BRAID_CLI_GAP_TEXT_H_
#define BRAID_CLI_GAP_TEXT_H_

#include <string>

#include "absl/time/time.h"
#include "braid/v1/gap_service.pb.h"

namespace braid {

// One line per gap. `width`: columns there are, 0: any.
std::string RenderGaps(const google::protobuf::RepeatedPtrField<v1::Gap>& gaps, absl::Time now,
                       int width);

// Everything about one.
std::string RenderGap(const v1::Gap& gap, absl::Time now);

// A line of a watch: what a gap is now.
std::string RenderGapLine(const v1::Gap& gap);

// A row of characters per connection and one per partition of the merged
// stream, and what the characters mean.
std::string RenderCoverage(const v1::QueryCoverageResponse& coverage);

}  // namespace braid

#endif  // BRAID_CLI_GAP_TEXT_H_
