// The demo with the user's own configuration: DIR/deduper.yaml and every
// DIR/connector*.yaml, run against X for the length asked for or until Ctrl-C. A
// data directory that does not exist yet is made; one that does is used as it
// is. The daemons' logs stay.
//
// Threads: the calling one; children die with it.

#ifndef BRAID_DEPLOY_DEMO_CONFIG_H_
#define BRAID_DEPLOY_DEMO_CONFIG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "deploy/demo_run.h"

namespace braid::demo {

struct ConfigSummary {
  struct Connection {
    std::string name;
    uint64_t received = 0;
    // What X last said where it does not stream; empty: it does.
    std::string answer;
  };
  // Of this run.
  uint64_t merged = 0;
  uint64_t duplicates = 0;
  std::vector<Connection> connections;
  // As of DemoSummary.
  int restarts = 0;
  std::vector<std::string> process_faults;
  // Where the daemons' logs are.
  std::string log_dir;

  // Every connection received something and stands.
  bool ok() const;
  std::string ToJson() const;
};

// InvalidArgument: DIR or what it holds is not to be run. Another error: the daemons
// could not be run; it names their logs.
// REQUIRES: SIGINT and SIGTERM are blocked in this thread.
[[nodiscard]] absl::StatusOr<ConfigSummary> RunConfig(const std::string& dir,
                                                      const DemoOptions& options);

}  // namespace braid::demo

#endif  // BRAID_DEPLOY_DEMO_CONFIG_H_
