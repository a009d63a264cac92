// Looks after the demo's processes as a supervisor would: one that has ended is
// named, with how it ended, and started again. Killed or let go (SIGKILL, exit
// code 0) is what people do to a demo; any other end is a fault, which the demo
// ends on.
//
// Threads: the one that started the processes. Bounds: kRestartsMax.

#ifndef BRAID_DEPLOY_SUPERVISOR_H_
#define BRAID_DEPLOY_SUPERVISOR_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "deploy/screen.h"
#include "tests/harness/daemon.h"

namespace braid::demo {

class Supervisor final {
 public:
  explicit Supervisor(Screen& screen) : screen_(screen) {}

  // The daemon runs, and outlives this.
  void Watch(harness::Daemon& daemon) { daemons_.push_back(&daemon); }

  // Failure: one can not be started again, or they end too often.
  [[nodiscard]] absl::Status Look();

  int restarts() const { return restarts_; }
  absl::Time restart_time() const { return restart_time_; }
  // "connector-a: killed by signal 11"; empty: none.
  const std::vector<std::string>& faults() const { return faults_; }

 private:
  [[nodiscard]] absl::Status StartAgain(harness::Daemon& daemon);

  Screen& screen_;
  std::vector<harness::Daemon*> daemons_;
  std::vector<std::string> faults_;
  int restarts_ = 0;
  // Of the newest.
  absl::Time restart_time_ = absl::InfinitePast();
};

}  // namespace braid::demo

#endif  // BRAID_DEPLOY_SUPERVISOR_H_
