// braid-deduper: flags, configuration, signals; the rest is Deduper.

#include <unistd.h>

#include <cstdio>

#include "absl/time/clock.h"
#include "base/config_check.h"
#include "base/daemon_flags.h"
#include "base/log.h"
#include "base/real_loop.h"
#include "base/signals.h"
#include "base/version.h"
#include "dedupe/deduper.h"
#include "dedupe/deduper_config.h"

namespace {

constexpr int kExitUsage = 2;
// EX_SOFTWARE: the state on disk is indeterminate, start again.
constexpr int kExitFatal = 70;

[[noreturn]] void ExitFatal(const absl::Status& status) {
  braid::Log(braid::LogLevel::kError, "store_failed", "stopping at once", {{"error", status}});
  // No destructors: nothing may be written any more.
  _exit(kExitFatal);
}

int Fail(const absl::Status& status, int code) {
  std::fprintf(stderr, "braid-deduper: %s\n", std::string(status.message()).c_str());
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  absl::optional<int> exit_code;
  braid::DaemonFlags flags = braid::ParseDaemonFlags(
      {"braid-deduper", "Merges redundant connections to one X stream into one durable log.",
       "Make the data directories and exit"},
      argc, argv, &exit_code);
  if (exit_code.has_value()) return *exit_code;
  if (flags.version) {
    std::printf("braid-deduper %s %s\n", std::string(braid::Version()).c_str(),
                std::string(braid::Commit()).c_str());
    return 0;
  }
  braid::config::v1::DeduperConfig config;
  braid::ConfigProblems problems = braid::LoadDeduper(flags.config_file, &config);
  bool is_wrong = braid::HasErrors(problems);
  if (!problems.empty() && (is_wrong || flags.check_config)) {
    std::fprintf(stderr, "%s\n", braid::JoinProblems(problems).c_str());
  }
  if (is_wrong) return kExitUsage;
  if (flags.check_config) {
    std::printf("%s: ok, %s\n", flags.config_file.c_str(), braid::Summarize(config).c_str());
    return 0;
  }
  braid::LimitMallocArenas();
  braid::InitLog(braid::DaemonLogOptions(flags, config.log(), "deduper"));
  braid::LogWarnings(problems);
  if (flags.init) {
    absl::Status made = braid::Deduper::Init(config, absl::Now());
    return made.ok() ? 0 : Fail(made, 1);
  }
  // Signals first: threads that start later leave them alone.
  braid::RealLoop loop("main");
  braid::Signals signals(loop, [&loop](int) { loop.Stop(); }, [&] {
    braid::config::v1::DeduperConfig fresh;
    braid::ConfigProblems found = braid::LoadDeduper(flags.config_file, &fresh);
    braid::LogReload(found, config, fresh);
  });
  auto deduper = braid::Deduper::Start(config, ExitFatal);
  if (!deduper.ok()) return Fail(deduper.status(), 1);
  if (!flags.ready_file.empty()) {
    absl::Status written = braid::WriteReadyFile(flags.ready_file, (*deduper)->grpc_port(),
                                                 (*deduper)->http_port());
    if (!written.ok()) return Fail(written, 1);
  }
  braid::Log(braid::LogLevel::kInfo, "serving", "ready for connectors and readers",
             {{"grpc_port", (*deduper)->grpc_port()}, {"http_port", (*deduper)->http_port()}});
  loop.RunInThisThread();
  braid::Log(braid::LogLevel::kInfo, "draining", "asked to stop");
  (*deduper)->Drain();
  return 0;
}
