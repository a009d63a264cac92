// main of a daemon that lives on one loop: flags, configuration, signals, the
// ready file, exit codes. What differs stands in a DaemonProgram.
//
// Main thread, which becomes the loop's.

#ifndef BRAID_BASE_DAEMON_MAIN_H_
#define BRAID_BASE_DAEMON_MAIN_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "base/config_loader.h"
#include "base/daemon_flags.h"
#include "base/loop.h"
#include "base/real_loop.h"
#include "base/signals.h"

namespace braid {

// `Daemon` has Drain(done) and http_port(); the configuration has log().
template <typename Config, typename Daemon>
struct DaemonProgram {
  DaemonDescription description;
  // In log lines: "connector".
  std::string component;
  // What it does once it runs, for the log.
  std::string doing;
  ConfigProblems (*load)(const std::string& file, Config* out);
  // What would run; an error when what the file names is not usable.
  absl::StatusOr<std::string> (*check)(Loop& loop, const Config& config);
  absl::StatusOr<std::unique_ptr<Daemon>> (*start)(Loop& loop, const Config& config,
                                                   absl::AnyInvocable<void(absl::Status)> on_fatal);
  // Null: nothing. `drain` ends the process; `why` is for the log.
  void (*started)(Daemon& daemon, std::function<void(const std::string& why)> drain);
};

// --- parts of RunDaemon that no type changes ---

inline constexpr int kExitUsage = 2;
// Leaves at once: what is on disk is indeterminate; a new start finds out.
// `event`: its name in the log.
[[noreturn]] void ExitFatal(absl::string_view event, const absl::Status& status);
// Says why, and returns the exit code.
int FailStart(const std::string& name, const absl::Status& status);
// Of a --version, a --help or a wrong flag.
DaemonFlags ReadDaemonFlags(const DaemonDescription& description, int argc, char** argv,
                            absl::optional<int>* exit_code);
// Prints what is worth printing; false when the file can not be used.
bool AcceptConfig(const DaemonFlags& flags, const ConfigProblems& problems);
int TellCheck(const std::string& name, const std::string& file,
              const absl::StatusOr<std::string>& summary);
void BeginLog(const DaemonFlags& flags, const config::v1::LogConfig& config,
              const std::string& component, const ConfigProblems& problems);
absl::Status TellReady(const DaemonFlags& flags, const std::string& doing, int http_port);
void TellDraining(const std::string& why);
void TellStopped();

template <typename Config, typename Daemon>
int RunDaemon(const DaemonProgram<Config, Daemon>& program, int argc, char** argv) {
  absl::optional<int> exit_code;
  DaemonFlags flags = ReadDaemonFlags(program.description, argc, argv, &exit_code);
  if (exit_code.has_value()) return *exit_code;
  const std::string& name = program.description.name;
  Config config;
  ConfigProblems problems = program.load(flags.config_file, &config);
  if (!AcceptConfig(flags, problems)) return kExitUsage;
  if (flags.check_config) {
    RealLoop loop("check");
    return TellCheck(name, flags.config_file, program.check(loop, config));
  }
  BeginLog(flags, config.log(), program.component, problems);

  // Signals first: threads that start later leave them alone.
  RealLoop loop(program.component);
  std::unique_ptr<Daemon> daemon;
  auto drain = [&](const std::string& why) {
    TellDraining(why);
    daemon->Drain([&loop] { loop.Stop(); });
  };
  Signals signals(
      loop, [&](int) { drain("asked to stop"); },
      [&] {
        Config fresh;
        ConfigProblems found = program.load(flags.config_file, &fresh);
        LogReload(found, config, fresh);
      });
  auto started = program.start(
      loop, config, [](const absl::Status& status) { ExitFatal("spool_failed", status); });
  if (!started.ok()) return FailStart(name, started.status());
  daemon = *std::move(started);
  if (program.started != nullptr) program.started(*daemon, drain);
  absl::Status told = TellReady(flags, program.doing, daemon->http_port());
  if (!told.ok()) return FailStart(name, told);
  loop.RunInThisThread();
  daemon.reset();
  TellStopped();
  return 0;
}

}  // namespace braid

#endif  // BRAID_BASE_DAEMON_MAIN_H_
