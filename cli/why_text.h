// Whether the time of a post that is not in the log was covered, for people.
// Pure.

#ifndef BRAID_CLI_WHY_TEXT_H_
#define BRAID_CLI_WHY_TEXT_H_

#include <string>

#include "braid/v1/gap_service.pb.h"

namespace braid {

// `cover`: one bucket, the second in which the post was created. `gaps`: those
// that overlap it.
std::string RenderCoverOfSecond(const v1::QueryCoverageResponse& cover,
                                const v1::ListGapsResponse& gaps);

}  // namespace braid

#endif  // BRAID_CLI_WHY_TEXT_H_
