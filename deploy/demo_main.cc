// The demo's program; deploy/demo builds and starts it.

#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

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

int RunWithEmulator(const braid::demo::DemoOptions& options, const std::string& summary_file) {
  absl::StatusOr<braid::demo::DemoSummary> summary = braid::demo::RunDemo(options);
  if (!summary.ok()) {
    std::fprintf(stderr, "braid: %s\n", summary.status().ToString().c_str());
    return 1;
  }
  std::printf("%s\n", summary->ToJson().c_str());
  if (!summary_file.empty()) {
    absl::Status written = braid::harness::WriteFile(summary_file, summary->ToJson() + "\n");
    if (!written.ok()) {
      std::fprintf(stderr, "braid: %s\n", written.ToString().c_str());
      return 1;
    }
  }
  return summary->ok() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Braid at work: two connections, one log");
  braid::demo::DemoOptions options;
  std::string length;
  std::string summary_file;
  std::string config_dir;
  app.add_option("--for", length, "how long it runs, e.g. 60s; default: until Ctrl-C");
  app.add_option("--summary", summary_file, "where the result is written as JSON");
  app.add_option("--rate", options.rate, "posts per second of the emulated X");
  app.add_option("--config", config_dir,
                 "a directory with connector*.yaml and deduper.yaml: run these, against X");
  CLI11_PARSE(app, argc, argv);
  if (!length.empty() && !absl::ParseDuration(length, &options.length)) {
    std::fprintf(stderr, "braid: --for %s is no duration, write for example 60s\n", length.c_str());
    return 2;
  }
  options.is_terminal = isatty(STDOUT_FILENO) != 0;
  BlockSignals();
  if (!config_dir.empty()) {
    absl::Status run = braid::demo::RunConfig(config_dir, options);
    if (run.ok()) return 0;
    std::fprintf(stderr, "braid: %s\n", run.ToString().c_str());
    return 1;
  }
  return RunWithEmulator(options, summary_file);
}
