// The demo's program; deploy/demo builds and starts it.

#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "deploy/demo_config.h"
#include "deploy/demo_run.h"
#include "tests/harness/files.h"

namespace {

// Taken by the screen's clock, so that Ctrl-C stops everything in order. The
// children are in process groups of their own and do not see it.
void BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

constexpr int kExitUsage = 2;

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "braid: %s\n", std::string(status.message()).c_str());
  return absl::IsInvalidArgument(status) ? kExitUsage : 1;
}

// What the flags' own checks let through.
absl::Status CheckFlags(const std::string& length, bool has_rate, const std::string& config_dir,
                        braid::demo::DemoOptions* options) {
  bool is_duration = length.empty() || absl::ParseDuration(length, &options->length);
  if (!is_duration || options->length <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--for ", length, " is no length of time; write for example 60s"));
  }
  if (!std::isfinite(options->rate) || options->rate <= 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--rate ", options->rate, " is no rate; write posts per second, for example 2000"));
  }
  if (has_rate && !config_dir.empty()) {
    return absl::InvalidArgumentError(
        "--rate is that of the emulated X, --config is against X itself; drop one");
  }
  return absl::OkStatus();
}

// Exit code 0 only where all is well, and said where it was asked for.
int Report(const std::string& json, bool is_ok, const std::string& summary_file) {
  std::printf("%s\n", json.c_str());
  if (!summary_file.empty()) {
    absl::Status written = braid::harness::WriteFile(summary_file, json + "\n");
    if (!written.ok()) return Fail(written);
  }
  return is_ok ? 0 : 1;
}

int RunWithEmulator(const braid::demo::DemoOptions& options, const std::string& summary_file) {
  absl::StatusOr<braid::demo::DemoSummary> summary = braid::demo::RunDemo(options);
  if (!summary.ok()) return Fail(summary.status());
  return Report(summary->ToJson(), summary->ok(), summary_file);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Braid at work: two connections, one log");
  braid::demo::DemoOptions options;
  std::string length;
  std::string summary_file;
  std::string config_dir;
  app.add_option("--for", length,
                 "how long it runs, e.g. 60s, and up to 3 min more for gaps to be recovered; "
                 "default: until Ctrl-C");
  app.add_option("--summary", summary_file, "where the result is written as JSON");
  app.add_option("--rate", options.rate, "posts per second of the emulated X");
  app.add_option("--config", config_dir,
                 "a directory with connector*.yaml and deduper.yaml: run these, against X");
  app.footer(
      "Examples:\n"
      "  deploy/demo                                   until Ctrl-C\n"
      "  deploy/demo --for 60s --summary result.json   ends by itself\n"
      "  deploy/demo --config my-config --for 10m      your connectors against X\n"
      "A process that is killed is started again; one that fails ends the demo.\n"
      "Exit codes: 0 nothing lost or doubled (--config: every connection receives), 1 else, "
      "2 usage or configuration.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  absl::Status flags = CheckFlags(length, app.count("--rate") > 0, config_dir, &options);
  if (!flags.ok()) return Fail(flags);
  options.is_terminal = isatty(STDOUT_FILENO) != 0;
  BlockSignals();
  if (!config_dir.empty()) {
    absl::StatusOr<braid::demo::ConfigSummary> run = braid::demo::RunConfig(config_dir, options);
    if (!run.ok()) return Fail(run.status());
    for (const auto& connection : run->connections) {
      if (connection.answer.empty()) continue;
      std::fprintf(stderr, "braid: %s does not receive: %s\n", connection.name.c_str(),
                   connection.answer.c_str());
    }
    return Report(run->ToJson(), run->ok(), summary_file);
  }
  return RunWithEmulator(options, summary_file);
}
