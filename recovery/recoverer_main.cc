// braid-recoverer: flags, configuration, signals; the rest is Recoverer.

#include <unistd.h>

#include <cstdio>

#include "base/daemon_flags.h"
#include "base/log.h"
#include "base/real_loop.h"
#include "base/signals.h"
#include "base/version.h"
#include "ingest/spool.h"
#include "ingest/spool_check.h"
#include "recovery/recoverer.h"
#include "recovery/recoverer_config.h"

namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
// EX_SOFTWARE: what is on disk is indeterminate; a new start finds out.
constexpr int kExitFatal = 70;

void ExitFatal(const absl::Status& status) {
  braid::Log(braid::LogLevel::kError, "spool_failed", "stopping at once", {{"error", status}});
  // No destructors: nothing may be written any more.
  _exit(kExitFatal);
}

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "braid-recoverer: %s\n", std::string(status.message()).c_str());
  return kExitFailed;
}

// The file itself is right; what it names may not be.
int Check(const std::string& file, const braid::config::v1::RecovererConfig& config) {
  braid::RealLoop loop("check");
  braid::PosixFileSystem files(loop);
  absl::Status status =
      braid::CheckSpoolDir(files, config.spool().dir(), braid::Spool::Options().free_bytes_min);
  if (!status.ok()) {
    Fail(status);
    return kExitUsage;
  }
  std::printf("%s: ok, %s\n", file.c_str(), braid::Summarize(braid::PlanRecovery(config)).c_str());
  return 0;
}

int Run(const braid::DaemonFlags& flags, const braid::config::v1::RecovererConfig& config) {
  // Signals first: threads that start later leave them alone.
  braid::RealLoop loop("recoverer");
  std::unique_ptr<braid::Recoverer> recoverer;
  braid::Signals signals(
      loop,
      [&](int) {
        braid::Log(braid::LogLevel::kInfo, "draining", "asked to stop");
        recoverer->Drain([&loop] { loop.Stop(); });
      },
      [&] {
        braid::config::v1::RecovererConfig fresh;
        braid::ConfigProblems found = braid::LoadRecoverer(flags.config_file, &fresh);
        braid::LogReload(found, config, fresh);
      });
  auto started = braid::Recoverer::Start(loop, config, ExitFatal);
  if (!started.ok()) return Fail(started.status());
  recoverer = *std::move(started);
  if (!flags.ready_file.empty()) {
    absl::Status written = braid::WriteReadyFile(flags.ready_file, 0, recoverer->http_port());
    if (!written.ok()) return Fail(written);
  }
  braid::Log(braid::LogLevel::kInfo, "running", "asking dedupers for work",
             {{"http_port", recoverer->http_port()}});
  loop.RunInThisThread();
  recoverer.reset();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  absl::optional<int> exit_code;
  braid::DaemonFlags flags = braid::ParseDaemonFlags(
      {"braid-recoverer", "Asks X for what was missed and offers it to the dedupers.", ""}, argc,
      argv, &exit_code);
  if (exit_code.has_value()) return *exit_code;
  if (flags.version) {
    std::printf("braid-recoverer %s %s\n", std::string(braid::Version()).c_str(),
                std::string(braid::Commit()).c_str());
    return 0;
  }
  braid::config::v1::RecovererConfig config;
  braid::ConfigProblems problems = braid::LoadRecoverer(flags.config_file, &config);
  bool is_wrong = braid::HasErrors(problems);
  if (!problems.empty() && (is_wrong || flags.check_config)) {
    std::fprintf(stderr, "%s\n", braid::JoinProblems(problems).c_str());
  }
  if (is_wrong) return kExitUsage;
  if (flags.check_config) return Check(flags.config_file, config);
  braid::LimitMallocArenas();
  braid::InitLog(braid::DaemonLogOptions(flags, config.log(), "recoverer"));
  braid::LogWarnings(problems);
  return Run(flags, config);
}
