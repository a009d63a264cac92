#include "deploy/supervisor.h"

#include <signal.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace braid::demo {
namespace {

// Somebody who tries kills a few times; more is a script, or a loop.
constexpr int kRestartsMax = 100;

bool IsFault(const harness::ProcessExit& exit) {
  return exit.signaled ? exit.code != SIGKILL : exit.code != 0;
}

}  // namespace

absl::Status Supervisor::Look() {
  for (harness::Daemon* daemon : daemons_) {
    if (daemon->IsRunning()) continue;
    absl::Status again = StartAgain(*daemon);
    if (!again.ok()) return again;
  }
  return absl::OkStatus();
}

absl::Status Supervisor::StartAgain(harness::Daemon& daemon) {
  absl::StatusOr<harness::ProcessExit> exit = daemon.process().Wait(absl::ZeroDuration());
  if (!exit.ok()) return exit.status();
  const std::string end = absl::StrCat(daemon.name(), ": ", exit->ToString());
  if (IsFault(*exit)) {
    faults_.push_back(end);
    screen_.Say(absl::StrCat(end, "\n", daemon.process().OutputTail()));
  }
  if (restarts_ == kRestartsMax) return absl::InternalError(end + "; too often, not again");
  absl::Status started = daemon.Start();
  if (!started.ok()) {
    return absl::Status(started.code(),
                        absl::StrCat(end, "; not started again: ", started.message()));
  }
  ++restarts_;
  restart_time_ = absl::Now();
  screen_.Say(end + "; started again");
  return absl::OkStatus();
}

}  // namespace braid::demo
