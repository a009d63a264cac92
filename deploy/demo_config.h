// The demo with the user's own configuration: DIR/deduper.yaml and every
// DIR/connector*.yaml, run against X until Ctrl-C. A data directory that does
// not exist yet is made; one that does is used as it is.
//
// Threads: the calling one; children die with it.

#ifndef BRAID_DEPLOY_DEMO_CONFIG_H_
#define BRAID_DEPLOY_DEMO_CONFIG_H_

#include <string>

#include "absl/status/status.h"
#include "deploy/demo_run.h"

namespace braid::demo {

// REQUIRES: SIGINT and SIGTERM are blocked in this thread.
[[nodiscard]] absl::Status RunConfig(const std::string& dir, const DemoOptions& options);

}  // namespace braid::demo

#endif  // BRAID_DEPLOY_DEMO_CONFIG_H_
