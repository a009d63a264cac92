// What goes wrong in a world at given times: steps of a scenario file, beside
// the faults that a seed draws. Commands are written as those of the emulator's
// control endpoint (tests/emulator/README.md): a path and a query.
//
//   /close?how=clean|message|truncated|reset|full-buffer|slow-reader
//   /down?for=S           closed by a reset, and refused for so long
//   /refuse?how=503|429|slots|connect|dns|401&for=S
//   /black-hole?for=S     nothing comes any more, and nobody gets through
//   /stall?for=S          X hands nothing over, and then all of it
//   /slow?bytes=N&for=S   its reader takes N bytes a second: the rest waits at X
//   /drop?fraction=F[&tag=T]&for=S   X leaves out that share of the posts
//   /kill?for=S           the connector's process is gone for so long
//   /lose-spool?for=S     and its disk with it
//   /partition?for=S      no call between it and the dedupers
//   /step-clock?by=S      of the connector's host
// each of `connection=N`, or of all where that is not given; and
//   /kill-deduper?for=S
//   /step-deduper-clock?by=S
//   /rate?posts=R         a second, from now on
//   /delay?share=F&max=S  from now on such a share of the posts is so late, on
//                         each connection by another time
//   /late?posts=N&by=S    so many posts that X held back for so long
//   /rules?count=N        a worker lists another rule set at X
//   /pause and /resume    an operator's word
//
// Threads: one. Bounds: the steps given.

#ifndef BRAID_TESTS_SIM_SCRIPT_H_
#define BRAID_TESTS_SIM_SCRIPT_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tests/emulator/http_text.h"
#include "tests/sim/connector_process.h"
#include "tests/sim/deduper_process.h"
#include "tests/sim/sim_loop.h"
#include "tests/sim/sim_net.h"
#include "tests/sim/sim_x.h"
#include "tests/sim/world_options.h"

namespace braid {

// A command that exists, with values that can be read.
absl::Status CheckCommand(const std::string& command);

class Script {
 public:
  // Outlive it.
  struct Cast {
    SimLoop& loop;
    SimX& x;
    SimNet& net;
    std::vector<std::unique_ptr<DeduperProcess>>& dedupers;
    std::vector<std::unique_ptr<ConnectorProcess>>& connectors;
    // By a connection's number.
    const std::vector<size_t>& process_of;
  };

  // A step that could not hurt anything is a failure: its scenario shows
  // nothing.
  Script(Cast cast, std::vector<std::string>* failures) : cast_(cast), failures_(*failures) {}

  void Plan(const std::vector<ScriptStep>& steps);
  bool stepped_clocks() const { return stepped_clocks_; }

 private:
  void Run(const std::string& command);
  bool RunOn(const emulator::HttpRequest& step, int connection);
  bool RunOnAll(const emulator::HttpRequest& step);
  bool Close(const std::string& how, int connection);
  bool Kill(int connection, ProcessLife::End how, absl::Duration away);
  bool KillDedupers(absl::Duration away);
  bool TellDedupers(const store::v1::InputRecord& input);

  const Cast cast_;
  std::vector<std::string>& failures_;
  bool stepped_clocks_ = false;
};

}  // namespace braid

#endif  // BRAID_TESTS_SIM_SCRIPT_H_
