#include "deploy/demo_config.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/config_check.h"
#include "deploy/screen.h"
#include "deploy/x_answer.h"
#include "ingest/connector_config.h"
#include "tests/harness/binaries.h"
#include "tests/harness/daemon.h"
#include "tests/harness/files.h"
#include "tests/harness/run_to_end.h"

namespace braid::demo {
namespace {

class UserRun {
 public:
  UserRun(const std::string& dir, const DemoOptions& options)
      : dir_(dir), options_(options), screen_(options.is_terminal) {}

  absl::Status Start();
  absl::Status Run();
  absl::Status Stop();
  ConfigSummary Summary() const;
  const std::string& log_dir() const { return work_dir_.path(); }

 private:
  absl::Status Load();
  absl::Status InitIfNew();
  absl::Status Add(const std::string& name, const std::string& binary, const std::string& config);
  DemoView View();
  std::string AnswerOf(const harness::Daemon& daemon) const;

  const std::string dir_;
  const DemoOptions options_;
  Screen screen_;
  harness::TempDir work_dir_{"demo-logs"};
  config::v1::DeduperConfig deduper_config_;
  std::vector<std::string> connector_files_;
  // Names of the connections in the same order.
  std::vector<std::string> connections_;
  // The deduper first.
  std::vector<std::unique_ptr<harness::Daemon>> daemons_;
  absl::Time start_time_;
  // Posts received by each connector, and merged, at the last view.
  std::vector<double> received_;
  std::vector<std::string> answers_;
  uint64_t duplicates_ = 0;
  double merged_ = 0;
  absl::Time view_time_;
};

absl::Status Problems(const ConfigProblems& problems) {
  if (!HasErrors(problems)) return absl::OkStatus();
  return absl::InvalidArgumentError("\n" + JoinProblems(problems));
}

absl::Status UserRun::Load() {
  absl::StatusOr<std::vector<std::string>> names = harness::ListDir(dir_);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (!absl::StartsWith(name, "connector") || !absl::EndsWith(name, ".yaml")) continue;
    connector_files_.push_back(absl::StrCat(dir_, "/", name));
    config::v1::ConnectorConfig connector;
    absl::Status loaded = Problems(LoadConnector(connector_files_.back(), &connector));
    if (!loaded.ok()) return loaded;
    // A connector is one line of the view; its first connection names it.
    connections_.push_back(connector.connections().empty() ? connector.connection()
                                                           : connector.connections(0).id());
  }
  if (connector_files_.empty()) {
    return absl::NotFoundError(absl::StrCat(dir_, " holds no connector*.yaml"));
  }
  return Problems(LoadDeduperConfig(dir_ + "/deduper.yaml", &deduper_config_));
}

// Only where nothing is: a directory that lost its log must be looked at.
absl::Status UserRun::InitIfNew() {
  for (const config::v1::StreamConfig& stream : deduper_config_.streams()) {
    std::string path = absl::StrCat(deduper_config_.data_dir(), "/", stream.name());
    if (std::filesystem::exists(path)) return absl::OkStatus();
  }
  return harness::InitDeduper(dir_ + "/deduper.yaml", work_dir_.path() + "/init.log");
}

absl::Status UserRun::Add(const std::string& name, const std::string& binary,
                          const std::string& config) {
  harness::DaemonOptions daemon;
  daemon.name = name;
  daemon.dir = work_dir_.path();
  // The answers of X are read from the log.
  daemon.command = {harness::RunfilePath(binary), "--config", config, "--log-format", "json"};
  daemons_.push_back(std::make_unique<harness::Daemon>(daemon));
  return daemons_.back()->Start();
}

absl::Status UserRun::Start() {
  work_dir_.Keep();
  absl::Status status = Load();
  if (status.ok()) status = InitIfNew();
  if (status.ok()) status = Add("deduper", "dedupe/braid-deduper", dir_ + "/deduper.yaml");
  for (const std::string& file : connector_files_) {
    std::string name = std::filesystem::path(file).stem().string();
    if (status.ok()) status = Add(name, "ingest/braid-connector", file);
  }
  received_.assign(connector_files_.size(), 0);
  answers_.assign(connector_files_.size(), "");
  start_time_ = view_time_ = absl::Now();
  return status;
}

// From the metrics of each process: they need no certificate.
DemoView UserRun::View() {
  DemoView view;
  view.elapsed = absl::Now() - start_time_;
  view.title = absl::StrCat("connectors of ", dir_);
  view.merged = static_cast<uint64_t>(daemons_[0]->Metric("braid_events_merged_total", 0));
  view.duplicates = static_cast<uint64_t>(daemons_[0]->Metric("braid_events_duplicate_total", 0));
  duplicates_ = view.duplicates;
  double seconds = absl::ToDoubleSeconds(absl::Now() - view_time_);
  view.merged_per_second = (static_cast<double>(view.merged) - merged_) / std::max(seconds, 0.001);
  merged_ = static_cast<double>(view.merged);
  absl::StatusOr<harness::Metrics> deduper = daemons_[0]->Scrape();
  view_time_ = absl::Now();
  int receiving = 0;
  for (size_t i = 0; i < connector_files_.size(); ++i) {
    const harness::Daemon& daemon = *daemons_[i + 1];
    ConnectionView connection;
    connection.name = daemon.name();
    bool is_receiving = daemon.Metric("braid_connection_receiving", 0) > 0;
    receiving += is_receiving ? 1 : 0;
    connection.state = is_receiving ? "receiving" : "waiting";
    if (!is_receiving) connection.note = AnswerOf(daemon);
    double received = daemon.Metric("braid_events_received_total", received_[i]);
    connection.events_per_second = (received - received_[i]) / seconds;
    received_[i] = received;
    answers_[i] = connection.note;
    if (deduper.ok() && merged_ > 0) {
      std::string label = absl::StrCat("connection=\"", connections_[i], "\"");
      connection.first_share =
          deduper->Sum("braid_events_first_total", label).value_or(0) / merged_;
    }
    double connects = daemon.Metric("braid_connection_connects_total", 1);
    connection.reconnects = connects > 1 ? static_cast<uint64_t>(connects - 1) : 0;
    view.connections.push_back(connection);
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
  summary.merged = static_cast<uint64_t>(merged_);
  summary.duplicates = duplicates_;
  summary.log_dir = work_dir_.path();
  for (size_t i = 0; i < connections_.size(); ++i) {
    summary.connections.push_back(
        {connections_[i], static_cast<uint64_t>(received_[i]), answers_[i]});
  }
  return summary;
}

absl::Status UserRun::Run() {
  while (absl::Now() < start_time_ + options_.length) {
    if (Screen::WaitForTick()) return absl::OkStatus();
    for (const auto& daemon : daemons_) {
      if (daemon->IsRunning()) continue;
      return absl::InternalError(
          absl::StrCat(daemon->name(), " ended:\n", daemon->process().OutputTail()));
    }
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
  return std::all_of(connections.begin(), connections.end(), [](const Connection& connection) {
    return connection.received > 0 && connection.answer.empty();
  });
}

std::string ConfigSummary::ToJson() const {
  const auto quoted = [](const std::string& text) {
    google::protobuf::Value value;
    value.set_string_value(text);
    std::string json;
    (void)google::protobuf::util::MessageToJsonString(value, &json);
    return json;
  };
  std::string list;
  for (const Connection& connection : connections) {
    absl::StrAppend(&list, list.empty() ? "" : ",", "{\"name\":", quoted(connection.name),
                    ",\"received\":", connection.received,
                    ",\"answer\":", quoted(connection.answer), "}");
  }
  return absl::StrCat("{\"ok\":", ok() ? "true" : "false", ",\"merged\":", merged,
                      ",\"duplicates\":", duplicates, ",\"connections\":[", list,
                      "],\"logs\":", quoted(log_dir), "}");
}

absl::StatusOr<ConfigSummary> RunConfig(const std::string& dir, const DemoOptions& options) {
  // Paths in messages, and the daemons, must not depend on where we are.
  UserRun run(std::filesystem::absolute(dir).string(), options);
  absl::Status status = run.Start();
  if (status.ok()) status = run.Run();
  absl::Status stopped = run.Stop();
  if (status.ok()) status = stopped;
  if (status.ok()) return run.Summary();
  return absl::Status(status.code(),
                      absl::StrCat(status.message(), "\nLogs: ", run.log_dir(), "/*.log"));
}

}  // namespace braid::demo
