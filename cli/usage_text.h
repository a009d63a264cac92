// What `braid usage` prints for people. Pure.

#ifndef BRAID_CLI_USAGE_TEXT_H_
#define BRAID_CLI_USAGE_TEXT_H_

#include <string>

#include "braid/v1/admin_service.pb.h"

namespace braid {

// A line per day, newest first, and the limits.
std::string RenderUsageByDay(const v1::Usage& usage);
// A line per rule tag over all days, most posts first, and the limits.
std::string RenderUsageByTag(const v1::Usage& usage);

}  // namespace braid

#endif  // BRAID_CLI_USAGE_TEXT_H_
