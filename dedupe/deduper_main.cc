// braid-deduper: flags, configuration, signals; the rest is Deduper.

#include <cstdio>

#include "absl/time/clock.h"
#include "base/config_check.h"
#include "base/daemon_flags.h"
#include "base/daemon_main.h"
#include "base/log.h"
#include "base/posix_file_system.h"
#include "base/real_loop.h"
#include "base/signals.h"
#include "base/writable_dir.h"
#include "dedupe/deduper.h"
#include "dedupe/deduper_config.h"

namespace {

// The file itself is right; what it names may not be.
absl::StatusOr<std::string> Check(const braid::config::v1::DeduperConfig& config) {
  braid::RealLoop loop("check");
  braid::PosixFileSystem files(loop);
  absl::StatusOr<std::string> there = braid::CheckWritableDir(files, "data_dir", config.data_dir());
  if (!there.ok()) return there.status();
  return braid::Summarize(config);
}

}  // namespace

int main(int argc, char** argv) {
  const braid::DaemonDescription description = {
      "braid-deduper", "Merges redundant connections to one X stream into one durable log.",
      "Make the data directories and exit"};
  absl::optional<int> exit_code;
  braid::DaemonFlags flags = braid::ReadDaemonFlags(description, argc, argv, &exit_code);
  if (exit_code.has_value()) return *exit_code;
  braid::config::v1::DeduperConfig config;
  braid::ConfigProblems problems = braid::LoadDeduper(flags.config_file, &config);
  if (!braid::AcceptConfig(flags, problems)) return braid::kExitUsage;
  if (flags.check_config) {
    return braid::TellCheck(description.name, flags.config_file, Check(config));
  }
  braid::BeginLog(flags, config.log(), "deduper", problems);
  if (flags.init) {
    absl::Status made = braid::Deduper::Init(config, absl::Now());
    if (!made.ok()) return braid::FailStart(description.name, made);
    std::printf("%s: made, %s\n", config.data_dir().c_str(), braid::Summarize(config).c_str());
    return 0;
  }
  // Signals first: threads that start later leave them alone.
  braid::RealLoop loop("main");
  braid::Signals signals(loop, [&loop](int) { loop.Stop(); }, [&] {
    braid::config::v1::DeduperConfig fresh;
    braid::ConfigProblems found = braid::LoadDeduper(flags.config_file, &fresh);
    braid::LogReload(found, config, fresh);
  });
  auto deduper = braid::Deduper::Start(config, [](const absl::Status& status) {
    braid::ExitFatal("store_failed", status);
  });
  if (!deduper.ok()) return braid::FailStart(description.name, deduper.status());
  if (!flags.ready_file.empty()) {
    absl::Status written = braid::WriteReadyFile(flags.ready_file, (*deduper)->grpc_port(),
                                                 (*deduper)->http_port());
    if (!written.ok()) return braid::FailStart(description.name, written);
  }
  braid::Log(braid::LogLevel::kInfo, "serving", "ready for connectors and readers",
             {{"grpc_port", (*deduper)->grpc_port()}, {"http_port", (*deduper)->http_port()}});
  loop.RunInThisThread();
  braid::Log(braid::LogLevel::kInfo, "draining", "asked to stop");
  (*deduper)->Drain();
  braid::TellStopped();
  return 0;
}
