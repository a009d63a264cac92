#include "deploy/demo_config.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/config_check.h"
#include "dedupe/deduper_config.h"
#include "deploy/growing_count.h"
#include "deploy/json_text.h"
#include "deploy/screen.h"
#include "deploy/supervisor.h"
#include "deploy/x_answer.h"
#include "ingest/connector_config.h"
#include "tests/harness/binaries.h"
#include "tests/harness/daemon.h"
#include "tests/harness/files.h"
#include "tests/harness/run_to_end.h"

namespace braid::demo {
namespace {

constexpr char kDeduper[] = "dedupe/braid-deduper";

// What DIR holds.
struct UserConfig {
  // Absolute: messages and daemons must not depend on where we are.
  std::string dir;
  config::v1::DeduperConfig deduper;
  std::vector<std::string> connector_files;
  // Names of their first connections, in the same order: a connector is one line
  // of the view.
  std::vector<std::string> connections;
};

// Warnings are printed: the daemons' own go into their logs.
absl::Status Problems(const ConfigProblems& problems) {
  if (HasErrors(problems)) return absl::InvalidArgumentError("\n" + JoinProblems(problems));
  if (!problems.empty()) std::fprintf(stderr, "%s\n", JoinProblems(problems).c_str());
  return absl::OkStatus();
}

// InvalidArgument where it is not to be run.
absl::StatusOr<UserConfig> LoadDir(const std::string& dir) {
  UserConfig config;
  config.dir = std::filesystem::absolute(dir).string();
  absl::StatusOr<std::vector<std::string>> names = harness::ListDir(config.dir);
  if (!names.ok()) return absl::InvalidArgumentError(names.status().message());
  for (const std::string& name : *names) {
    if (!absl::StartsWith(name, "connector") || !absl::EndsWith(name, ".yaml")) continue;
    config.connector_files.push_back(absl::StrCat(config.dir, "/", name));
    config::v1::ConnectorConfig connector;
    absl::Status loaded = Problems(LoadConnector(config.connector_files.back(), &connector));
    if (!loaded.ok()) return loaded;
    config.connections.push_back(connector.connections().empty() ? connector.connection()
                                                                 : connector.connections(0).id());
  }
  if (config.connector_files.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        config.dir, " holds no connector*.yaml; deploy/examples has some to begin with"));
  }
  absl::Status loaded = Problems(LoadDeduper(config.dir + "/deduper.yaml", &config.deduper));
  if (!loaded.ok()) return loaded;
  return config;
}

class UserRun {
 public:
  UserRun(UserConfig config, const DemoOptions& options)
      : config_(std::move(config)),
        options_(options),
        screen_(options.is_terminal),
        lines_(config_.connections.size()) {}

  absl::Status Start();
  absl::Status Run();
  absl::Status Stop();
  ConfigSummary Summary() const;
  const std::string& log_dir() const { return work_dir_.path(); }

 private:
  // What is known of a connector.
  struct Line {
    GrowingCount received;
    GrowingCount first;
    // Of X; empty: it receives.
    std::string answer;
  };

  absl::Status InitIfNew();
  absl::Status Add(const std::string& name, const std::string& binary, const std::string& config);
  DemoView View();
  ConnectionView ViewOf(size_t index, double seconds);
  // One scrape, so that its counts belong together.
  void ReadDeduper();
  std::string AnswerOf(const harness::Daemon& daemon) const;

  const UserConfig config_;
  const DemoOptions options_;
  Screen screen_;
  Supervisor supervisor_{screen_};
  harness::TempDir work_dir_{"demo-logs"};
  // The deduper first.
  std::vector<std::unique_ptr<harness::Daemon>> daemons_;
  absl::Time start_time_;
  absl::Time view_time_;
  GrowingCount merged_;
  GrowingCount duplicates_;
  // By whomever.
  GrowingCount first_;
  std::vector<Line> lines_;
};

// Only where nothing is: a directory that lost its log must be looked at.
absl::Status UserRun::InitIfNew() {
  for (const config::v1::StreamConfig& stream : config_.deduper.streams()) {
    std::string path = absl::StrCat(config_.deduper.data_dir(), "/", stream.name());
    if (std::filesystem::exists(path)) return absl::OkStatus();
  }
  return harness::InitDeduper(config_.dir + "/deduper.yaml", work_dir_.path() + "/init.log");
}

absl::Status UserRun::Add(const std::string& name, const std::string& binary,
                          const std::string& config) {
  harness::DaemonOptions daemon;
  daemon.name = name;
  daemon.dir = work_dir_.path();
  // The answers of X are read from the log.
  daemon.command = {harness::RunfilePath(binary), "--config", config, "--log-format", "json"};
  daemons_.push_back(std::make_unique<harness::Daemon>(daemon));
  absl::Status started = daemons_.back()->Start();
  if (started.ok()) supervisor_.Watch(*daemons_.back());
  return started;
}

absl::Status UserRun::Start() {
  work_dir_.Keep();
  absl::Status status = InitIfNew();
  if (status.ok()) status = Add("deduper", kDeduper, config_.dir + "/deduper.yaml");
  if (!status.ok()) return status;
  // What earlier runs left in the log is not of this one.
  ReadDeduper();
  for (GrowingCount* count : {&merged_, &duplicates_, &first_}) count->Begin();
  for (Line& line : lines_) line.first.Begin();
  for (const std::string& file : config_.connector_files) {
    std::string name = std::filesystem::path(file).stem().string();
    if (status.ok()) status = Add(name, "ingest/braid-connector", file);
  }
  start_time_ = view_time_ = absl::Now();
  return status;
}

void UserRun::ReadDeduper() {
  absl::StatusOr<harness::Metrics> metrics = daemons_[0]->Scrape();
  if (!metrics.ok()) return;
  const auto see = [&](const char* metric, const std::string& label, GrowingCount* count) {
    count->See(metrics->Sum(metric, label).value_or(count->last()));
  };
  see("braid_events_merged_total", "", &merged_);
  see("braid_events_duplicate_total", "", &duplicates_);
  see("braid_events_first_total", "", &first_);
  for (size_t i = 0; i < lines_.size(); ++i) {
    see("braid_events_first_total", absl::StrCat("connection=\"", config_.connections[i], "\""),
        &lines_[i].first);
  }
}

ConnectionView UserRun::ViewOf(size_t index, double seconds) {
  const harness::Daemon& daemon = *daemons_[index + 1];
  Line& line = lines_[index];
  ConnectionView view;
  view.name = daemon.name();
  bool is_receiving = daemon.Metric("braid_connection_receiving", 0) > 0;
  view.state = is_receiving ? "receiving" : "waiting";
  line.answer = is_receiving ? "" : AnswerOf(daemon);
  view.note = line.answer;
  double before = line.received.growth();
  line.received.See(daemon.Metric("braid_events_received_total", line.received.last()));
  view.events_per_second = (line.received.growth() - before) / seconds;
  if (first_.growth() > 0) view.first_share = line.first.growth() / first_.growth();
  double connects = daemon.Metric("braid_connection_connects_total", 1);
  view.reconnects = connects > 1 ? static_cast<uint64_t>(connects - 1) : 0;
  return view;
}

// From the metrics of each process: they need no certificate.
DemoView UserRun::View() {
  DemoView view;
  view.elapsed = absl::Now() - start_time_;
  view.title = absl::StrCat("connectors of ", config_.dir);
  double seconds = std::max(absl::ToDoubleSeconds(absl::Now() - view_time_), 0.001);
  view_time_ = absl::Now();
  double before = merged_.growth();
  ReadDeduper();
  view.merged = static_cast<uint64_t>(merged_.growth());
  view.merged_per_second = (merged_.growth() - before) / seconds;
  view.duplicates = static_cast<uint64_t>(duplicates_.growth());
  int receiving = 0;
  for (size_t i = 0; i < lines_.size(); ++i) {
    view.connections.push_back(ViewOf(i, seconds));
    receiving += view.connections.back().state == "receiving" ? 1 : 0;
  }
  view.health = receiving >= 2 ? "redundant" : receiving == 1 ? "exposed" : "dark";
  view.hint = absl::StrCat("Logs: ", work_dir_.path(), "/*.log    Stop: Ctrl-C");
  return view;
}

std::string UserRun::AnswerOf(const harness::Daemon& daemon) const {
  absl::StatusOr<std::string> log =
      harness::ReadFile(absl::StrCat(work_dir_.path(), "/", daemon.name(), ".log"));
  return log.ok() ? LastAnswerOfX(*log) : "";
}

ConfigSummary UserRun::Summary() const {
  ConfigSummary summary;
  summary.merged = static_cast<uint64_t>(merged_.growth());
  summary.duplicates = static_cast<uint64_t>(duplicates_.growth());
  summary.log_dir = work_dir_.path();
  summary.restarts = supervisor_.restarts();
  summary.process_faults = supervisor_.faults();
  for (size_t i = 0; i < lines_.size(); ++i) {
    summary.connections.push_back({config_.connections[i],
                                   static_cast<uint64_t>(lines_[i].received.growth()),
                                   lines_[i].answer});
  }
  return summary;
}

absl::Status UserRun::Run() {
  while (absl::Now() < start_time_ + options_.length) {
    if (Screen::WaitForTick()) return absl::OkStatus();
    absl::Status looked = supervisor_.Look();
    if (!looked.ok()) return looked;
    if (!supervisor_.faults().empty()) return absl::OkStatus();
    screen_.Show(View());
  }
  return absl::OkStatus();
}

// Connectors first, so that the deduper takes what they still have.
absl::Status UserRun::Stop() {
  absl::Status status;
  for (size_t i = daemons_.size(); i-- > 0;) {
    if (daemons_[i]->IsRunning()) status.Update(daemons_[i]->Stop(absl::Seconds(5)));
  }
  return status;
}

}  // namespace

bool ConfigSummary::ok() const {
  return process_faults.empty() &&
         std::all_of(connections.begin(), connections.end(), [](const Connection& connection) {
           return connection.received > 0 && connection.answer.empty();
         });
}

std::string ConfigSummary::ToJson() const {
  std::string list;
  for (const Connection& connection : connections) {
    absl::StrAppend(&list, list.empty() ? "" : ",", "{\"name\":", JsonString(connection.name),
                    ",\"received\":", connection.received,
                    ",\"answer\":", JsonString(connection.answer), "}");
  }
  return absl::StrCat(
      "{\"ok\":", ok() ? "true" : "false", ",\"merged\":", merged, ",\"duplicates\":", duplicates,
      ",\"connections\":[", list, "],\"restarts\":", restarts,
      ",\"process_faults\":", JsonStrings(process_faults), ",\"logs\":", JsonString(log_dir), "}");
}

absl::StatusOr<ConfigSummary> RunConfig(const std::string& dir, const DemoOptions& options) {
  absl::StatusOr<UserConfig> config = LoadDir(dir);
  if (!config.ok()) return config.status();
  UserRun run(*std::move(config), options);
  absl::Status status = run.Start();
  if (status.ok()) status = run.Run();
  absl::Status stopped = run.Stop();
  if (status.ok()) status = stopped;
  if (status.ok()) return run.Summary();
  return absl::Status(status.code(),
                      absl::StrCat(status.message(), "\nLogs: ", run.log_dir(), "/*.log"));
}

}  // namespace braid::demo
