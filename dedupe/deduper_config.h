// What the configuration of a deduper means: base's checks, then what the routes
// of recovery need of the planner's table.
//
// Pure, but that loading reads files. Main thread.

#ifndef BRAID_DEDUPE_DEDUPER_CONFIG_H_
#define BRAID_DEDUPE_DEDUPER_CONFIG_H_

#include <string>

#include "base/config_check.h"
#include "braid/config/v1/config.pb.h"

namespace braid {

// As LoadDeduperConfig.
ConfigProblems LoadDeduper(const std::string& file, config::v1::DeduperConfig* out);

}  // namespace braid

#endif  // BRAID_DEDUPE_DEDUPER_CONFIG_H_
