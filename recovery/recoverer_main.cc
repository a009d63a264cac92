// braid-recoverer.

#include <string>
#include <vector>

#include "base/daemon_main.h"
#include "base/posix_file_system.h"
#include "ingest/spool.h"
#include "ingest/spool_check.h"
#include "ingest/spool_owner.h"
#include "proto/recovery_terms.h"
#include "recovery/recoverer.h"
#include "recovery/recoverer_config.h"

namespace braid {
namespace {

using config::v1::RecovererConfig;

// The file itself is right; what it names may not be.
absl::StatusOr<std::string> Check(Loop& loop, const RecovererConfig& config) {
  PosixFileSystem files(loop);
  absl::Status status = CheckSpoolDir(files, config.spool().dir(), Spool::Options().free_bytes_min);
  const std::vector<StreamPlan> plans = PlanStreams(config);
  for (const StreamPlan& plan : plans) {
    if (!status.ok()) break;
    status = CheckSpoolContents(files, plan.spool_dir,
                                SpoolOwnerOf(plan.stream, RecoverySourceOf(config.recoverer())));
  }
  if (!status.ok()) return status;
  return Summarize(plans);
}

}  // namespace
}  // namespace braid

int main(int argc, char** argv) {
  braid::DaemonProgram<braid::config::v1::RecovererConfig, braid::Recoverer> program;
  program.description = {"braid-recoverer",
                         "Asks X for what was missed and offers it to the dedupers.", ""};
  program.component = "recoverer";
  program.doing = "asking dedupers for work";
  program.load = braid::LoadRecoverer;
  program.check = braid::Check;
  program.start = braid::Recoverer::Start;
  program.started = nullptr;
  return braid::RunDaemon(program, argc, argv);
}
