#include "base/daemon_main.h"

#include <unistd.h>

#include <cstdio>

#include "base/log.h"
#include "base/version.h"

namespace braid {
namespace {

constexpr int kExitFailed = 1;
// EX_SOFTWARE.
constexpr int kExitFatal = 70;

}  // namespace

void ExitFatal(absl::string_view event, const absl::Status& status) {
  Log(LogLevel::kError, event, "stopping at once", {{"error", status}});
  // No destructors: nothing may be written any more.
  _exit(kExitFatal);
}

int FailStart(const std::string& name, const absl::Status& status) {
  std::fprintf(stderr, "%s: %s\n", name.c_str(), std::string(status.message()).c_str());
  return kExitFailed;
}

DaemonFlags ReadDaemonFlags(const DaemonDescription& description, int argc, char** argv,
                            absl::optional<int>* exit_code) {
  DaemonFlags flags = ParseDaemonFlags(description, argc, argv, exit_code);
  if (exit_code->has_value() || !flags.version) return flags;
  std::printf("%s %s %s\n", description.name.c_str(), std::string(Version()).c_str(),
              std::string(Commit()).c_str());
  *exit_code = 0;
  return flags;
}

bool AcceptConfig(const DaemonFlags& flags, const ConfigProblems& problems) {
  bool is_wrong = HasErrors(problems);
  if (!problems.empty() && (is_wrong || flags.check_config)) {
    std::fprintf(stderr, "%s\n", JoinProblems(problems).c_str());
  }
  return !is_wrong;
}

int TellCheck(const std::string& name, const std::string& file,
              const absl::StatusOr<std::string>& summary) {
  if (!summary.ok()) {
    FailStart(name, summary.status());
    return kExitUsage;
  }
  std::printf("%s: ok, %s\n", file.c_str(), summary->c_str());
  return 0;
}

void BeginLog(const DaemonFlags& flags, const config::v1::LogConfig& config,
              const std::string& component, const ConfigProblems& problems) {
  LimitMallocArenas();
  InitLog(DaemonLogOptions(flags, config, component));
  LogWarnings(problems);
}

absl::Status TellReady(const DaemonFlags& flags, const std::string& doing, int http_port) {
  if (!flags.ready_file.empty()) {
    absl::Status written = WriteReadyFile(flags.ready_file, 0, http_port);
    if (!written.ok()) return written;
  }
  Log(LogLevel::kInfo, "running", doing, {{"http_port", http_port}});
  return absl::OkStatus();
}

void TellDraining(const std::string& why) { Log(LogLevel::kInfo, "draining", why); }

void TellStopped() { Log(LogLevel::kInfo, "stopped", "everything that was received is on disk"); }

}  // namespace braid
