#include "base/daemon_flags.h"

#include <google/protobuf/util/message_differencer.h>
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>

#include "absl/strings/str_cat.h"

namespace braid {
namespace {

// Enough for loop, reader and a busy gRPC thread not to wait for each other.
constexpr int kArenasMax = 4;
// 2 is "usage" for all of Braid's programs.
constexpr int kExitUsage = 2;

}  // namespace

DaemonFlags ParseDaemonFlags(const DaemonDescription& description, int argc, char** argv,
                             absl::optional<int>* exit_code) {
  DaemonFlags flags;
  CLI::App app(description.summary, description.name);
  app.add_option("--config", flags.config_file, "YAML file")->envname("BRAID_CONFIG");
  app.add_flag("--check-config", flags.check_config, "Check the file and exit");
  if (!description.init.empty()) app.add_flag("--init", flags.init, description.init);
  app.add_option("--log-level", flags.log_level, "debug, info, warn, error")
      ->envname("BRAID_LOG_LEVEL")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
  app.add_option("--log-format", flags.log_format, "auto, text, json, logfmt")
      ->envname("BRAID_LOG_FORMAT")
      ->check(CLI::IsMember({"auto", "text", "json", "logfmt"}));
  app.add_option("--ready-file", flags.ready_file, "Written once running: the ports as JSON")
      ->envname("BRAID_READY_FILE");
  app.add_flag("--version", flags.version, "Print the version and exit");
  std::string init = description.init.empty()
                         ? ""
                         : absl::StrCat("  ", description.name, " --init --config FILE    once\n");
  app.footer(absl::StrCat(
      "Examples:\n", init, "  ", description.name, " --check-config --config FILE\n  ",
      description.name, " --config FILE\n\nSignals: SIGTERM drains and ends within 5 s; SIGHUP "
      "checks the file and logs what differs.\nExit codes: 0 ok, 1 a directory or port can not be "
      "used, 2 configuration or usage, 70 a write failed:\nrestart it. Beyond this machine tls: is "
      "needed; deploy/make-certs makes certificates for a trial."));
  try {
    app.parse(argc, argv);
    if (flags.config_file.empty() && !flags.version) throw CLI::RequiredError("--config");
  } catch (const CLI::ParseError& error) {
    *exit_code = app.exit(error) == 0 ? 0 : kExitUsage;
  }
  return flags;
}

LogOptions DaemonLogOptions(const DaemonFlags& flags, const config::v1::LogConfig& config,
                            const std::string& component) {
  using Format = LogOptions::Format;
  const std::map<std::string, LogLevel> levels = {{"debug", LogLevel::kDebug},
                                                  {"info", LogLevel::kInfo},
                                                  {"warn", LogLevel::kWarn},
                                                  {"error", LogLevel::kError}};
  const std::map<std::string, Format> formats = {{"auto", Format::kAuto},
                                                 {"text", Format::kText},
                                                 {"json", Format::kJson},
                                                 {"logfmt", Format::kLogfmt}};
  LogOptions options;
  options.component = component;
  auto level = levels.find(flags.log_level.empty() ? config.level() : flags.log_level);
  if (level != levels.end()) options.level = level->second;
  auto format = formats.find(flags.log_format.empty() ? config.format() : flags.log_format);
  if (format != formats.end()) options.format = format->second;
  return options;
}

void LogWarnings(const ConfigProblems& problems) {
  for (const ConfigProblem& problem : problems) {
    if (problem.severity != ConfigProblem::Severity::kWarning) continue;
    Log(LogLevel::kWarn, "config_warning", problem.text, {{"where", problem.where}});
  }
}

void LogReload(const ConfigProblems& problems, const google::protobuf::Message& running,
               const google::protobuf::Message& fresh) {
  if (HasErrors(problems)) {
    return Log(LogLevel::kError, "config_reload_failed",
               "the configuration is wrong: everything stays as it runs",
               {{"problems", JoinProblems(problems)}});
  }
  LogWarnings(problems);
  std::string changes;
  google::protobuf::util::MessageDifferencer differencer;
  differencer.ReportDifferencesToString(&changes);
  if (differencer.Compare(running, fresh)) {
    return Log(LogLevel::kInfo, "config_unchanged",
               "nothing to do: tokens and certificates are read again by themselves");
  }
  Log(LogLevel::kWarn, "config_needs_restart",
      "the configuration is right but differs from what runs: nothing of it is applied until a "
      "restart",
      {{"changes", changes}});
}

absl::Status WriteReadyFile(const std::string& path, int grpc_port, int http_port) {
  std::string text =
      absl::StrCat("{\"grpc_port\":", grpc_port, ",\"http_port\":", http_port, "}\n");
  std::string aside = path + ".tmp";
  FILE* file = std::fopen(aside.c_str(), "w");
  bool written = file != nullptr && std::fputs(text.c_str(), file) >= 0;
  written = file != nullptr && std::fclose(file) == 0 && written;
  if (written && std::rename(aside.c_str(), path.c_str()) == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("can not write ", path, ": ", std::strerror(errno)));
}

void LimitMallocArenas() { mallopt(M_ARENA_MAX, kArenasMax); }

}  // namespace braid
