#include "tests/harness/cluster.h"

#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "tests/harness/binaries.h"
#include "tests/harness/files.h"
#include "tests/harness/ports.h"
#include "tests/harness/run_to_end.h"
#include "tests/harness/spool_export.h"
#include "tests/harness/wait.h"

namespace braid::harness {
namespace {

constexpr char kStream[] = "main";
constexpr char kRecoverer[] = "r";

// X's own numbers would take a quarter of an hour.
constexpr char kQuickRecovery[] =
    "    recovery:\n      dialect: x-v2-filtered\n      pad_before: 2s\n      pad_after: 2s\n"
    "      repeat_after: 3s\n      routes:\n"
    "        - {method: recovery, min_age: 1s, requests: 10000}\n"
    "        - {method: search, off: true}\n";

// What connectors call records that are on disk and no deduper has acknowledged.
constexpr char kUnacknowledgedMetric[] = "braid_offer_unacknowledged_bytes";

// From the last byte of X to the log: everything is in flight for well below a
// second, but a test may run beside other work.
constexpr absl::Duration kSettleTime = absl::Seconds(30);

}  // namespace

std::string Cluster::ConnectionName(int index) {
  return std::string(1, static_cast<char>('a' + index));
}

Cluster::Cluster(ClusterOptions options) : options_(std::move(options)) {}

absl::StatusOr<std::unique_ptr<Cluster>> Cluster::Make(ClusterOptions options) {
  std::unique_ptr<Cluster> cluster(new Cluster(std::move(options)));
  const ClusterOptions& o = cluster->options_;
  EmulatorOptions emulator = o.emulator;
  emulator.dir = o.dir;
  emulator.host = cluster->NearHost();
  // X's 1,000 a second would take a minute for what a busy stream missed.
  if (o.has_recoverer) emulator.settings.push_back("job_rate=100000");
  cluster->emulator_ = std::make_unique<Emulator>(emulator);
  cluster->log_address_ = {absl::StrCat(cluster->NearHost(), ":", FreePort()), kStream,
                           o.certificate_dir};
  DaemonOptions deduper;
  deduper.name = "deduper";
  deduper.dir = o.dir;
  deduper.command = {RunfilePath("dedupe/braid-deduper"), "--config", cluster->deduper_config()};
  cluster->deduper_ = std::make_unique<Daemon>(deduper);
  if (o.has_recoverer) {
    DaemonOptions recoverer;
    recoverer.name = "recoverer";
    recoverer.dir = o.dir;
    recoverer.command = {RunfilePath("recovery/braid-recoverer"), "--config",
                         cluster->recoverer_config()};
    cluster->recoverer_ = std::make_unique<Daemon>(recoverer);
  }
  for (int i = 0; i < o.connector_count; ++i) {
    DaemonOptions connector;
    connector.name = absl::StrCat("connector-", ConnectionName(i));
    connector.dir = o.dir;
    connector.command = {RunfilePath("ingest/braid-connector"), "--config",
                         cluster->connector_config(i)};
    if (o.network != nullptr) {
      connector.network_namespace_fd = o.network->far_namespace_fd(i);
      connector.http_host = Network::FarAddress(i);
    }
    cluster->connectors_.push_back(std::make_unique<Daemon>(connector));
  }
  return cluster;
}

std::string Cluster::NearHost() const {
  return options_.network == nullptr ? "127.0.0.1" : Network::NearAddress();
}

std::string Cluster::deduper_config() const { return options_.dir + "/deduper.yaml"; }

std::string Cluster::recoverer_config() const { return options_.dir + "/recoverer.yaml"; }

std::string Cluster::connector_config(int index) const {
  return absl::StrCat(options_.dir, "/connector-", ConnectionName(index), ".yaml");
}

std::string Cluster::data_dir() const {
  return options_.data_dir.empty() ? options_.dir + "/data" : options_.data_dir + "/data";
}

std::string Cluster::spool_dir(int index) const {
  size_t i = static_cast<size_t>(index);
  const std::string& parent = options_.spool_dirs.empty()      ? options_.dir
                              : i < options_.spool_dirs.size() ? options_.spool_dirs[i]
                                                               : options_.spool_dirs.back();
  return absl::StrCat(parent, "/spool-", ConnectionName(index));
}

std::string Cluster::DeduperYaml() const {
  std::string yaml = absl::StrCat("listen: {grpc: \"", log_address_.deduper,
                                  "\", http: \"127.0.0.1:0\"}\n", "data_dir: ", data_dir(),
                                  "\nstreams:\n  - name: ", kStream, "\n    connections:\n");
  for (int i = 0; i < options_.connector_count; ++i) {
    absl::StrAppend(&yaml, "      - {id: ", ConnectionName(i), ", network: net-", ConnectionName(i),
                    "}\n");
  }
  if (options_.has_recoverer) yaml += kQuickRecovery;
  yaml += options_.stream_yaml;
  if (!options_.certificate_dir.empty()) {
    const std::string& dir = options_.certificate_dir;
    absl::StrAppend(&yaml, "tls: {certificate_file: ", dir, "/deduper.crt, key_file: ", dir,
                    "/deduper.key, client_ca_file: ", dir, "/ca.crt}\n");
  }
  return yaml + options_.deduper_yaml;
}

std::string Cluster::ConnectorTls(int index) const {
  if (options_.certificate_dir.empty()) return "";
  std::string base = absl::StrCat(options_.certificate_dir, "/", ConnectionName(index));
  return absl::StrCat(", tls: {ca_file: ", options_.certificate_dir,
                      "/ca.crt, certificate_file: ", base, ".crt, key_file: ", base, ".key}");
}

std::string Cluster::ConnectorYaml(int index) const {
  // Reachable from this side, so that it can be scraped.
  std::string connector_host =
      options_.network == nullptr ? "127.0.0.1" : Network::FarAddress(index);
  return absl::StrCat(
      "connection: ", ConnectionName(index), "\nstream: ", kStream, "\nnetwork: net-",
      ConnectionName(index),
      "\nsource:\n  dialect: x-v2\n  url: ", emulator_->StreamUrl(ConnectionName(index)),
      "\n  bearer_token_file: ", emulator_->token_file(),
      "\n  settings: {connect_budget: 100000}\n  backfill: ", options_.backfill, "\n",
      options_.source_yaml, "dedupers:\n  - {address: \"", log_address_.deduper, "\"",
      ConnectorTls(index), "}\nspool: {dir: ", spool_dir(index), "}\nlisten: {http: \"",
      connector_host, ":0\"}\n", options_.connector_yaml);
}

std::string Cluster::RecovererYaml() const {
  return absl::StrCat(
      "recoverer: ", kRecoverer, "\nnetwork: net-", kRecoverer, "\nstreams:\n  - stream: ", kStream,
      "\n    source:\n      dialect: x-v2-filtered\n      url: ", emulator_->StreamUrl(kRecoverer),
      "\n      bearer_token_file: ", emulator_->token_file(),
      "\n      settings: {connect_budget: 100000}\n    jobs: 2\n",
      "    shares: [{method: recovery, requests: 10000}]\ndedupers:\n  - {address: \"",
      log_address_.deduper, "\"}\nspool: {dir: ", options_.dir, "/spool-", kRecoverer,
      "}\nlisten: {http: \"127.0.0.1:0\"}\n");
}

absl::Status Cluster::InitDeduper() {
  absl::Status written = WriteFile(deduper_config(), DeduperYaml());
  if (!written.ok()) return written;
  return harness::InitDeduper(deduper_config(), options_.dir + "/deduper.log");
}

absl::Status Cluster::Start() {
  absl::Status status = emulator_->Start();
  if (status.ok()) status = InitDeduper();
  if (status.ok()) status = deduper_->Start();
  for (int i = 0; status.ok() && i < connector_count(); ++i) {
    // Only now is the emulator's port known.
    status = WriteFile(connector_config(i), ConnectorYaml(i));
    if (status.ok()) status = connector(i).Start();
  }
  if (recoverer_ == nullptr || !status.ok()) return status;
  status = WriteFile(recoverer_config(), RecovererYaml());
  return status.ok() ? recoverer_->Start() : status;
}

absl::Status Cluster::Outage(absl::Duration length) {
  std::vector<std::string> connections;
  for (int i = 0; i < connector_count(); ++i) connections.push_back(ConnectionName(i));
  return emulator_->Outage(connections, length);
}

absl::Status Cluster::WaitForEvents(uint64_t count, absl::Duration timeout) {
  absl::StatusOr<v1::StreamStatus> status;
  absl::Status waited = WaitUntil(absl::StrCat(count, " events in the log"), timeout, [&] {
    status = GetStatus(log_address_);
    return status.ok() && status->merged_events() >= count;
  });
  if (waited.ok() || status.ok()) return waited;
  return absl::DeadlineExceededError(
      absl::StrCat(waited.message(), "; the deduper says ", status.status().ToString()));
}

absl::Status Cluster::Drain(absl::Duration timeout) {
  absl::Status status = emulator_->SetRate(0);
  if (status.ok()) {
    status = WaitUntil("X has sent everything", timeout, [&] { return emulator_->IsIdle(); });
  }
  for (int i = 0; status.ok() && i < connector_count(); ++i) {
    status = WaitUntil(connector(i).name() + " has nothing unacknowledged", timeout,
                       [&] { return connector(i).Metric(kUnacknowledgedMetric, 1) == 0; });
  }
  return status;
}

absl::StatusOr<Verdict> Cluster::CompareNow(Expectation expectation) {
  absl::StatusOr<std::vector<LogItem>> log = ExportLog(log_address_, absl::Minutes(5));
  if (!log.ok()) return log.status();
  return Verify(*log, std::move(expectation));
}

absl::StatusOr<Verdict> Cluster::Compare(const IsTrusted& is_trusted) {
  absl::Status stopped = emulator_->Stop();
  if (!stopped.ok()) return stopped;
  absl::StatusOr<emulator::Truth> truth = emulator_->ReadTruth();
  if (!truth.ok()) return truth.status();
  Expectation expectation = Expect(*truth, is_trusted);
  for (int i = 0; i < connector_count(); ++i) {
    absl::StatusOr<std::vector<uint64_t>> spooled = ExportSpool(spool_dir(i));
    if (!spooled.ok()) return spooled.status();
    expectation.required.insert(expectation.required.end(), spooled->begin(), spooled->end());
  }
  return CompareWhenThere(expectation);
}

absl::StatusOr<Verdict> Cluster::CompareCreated() {
  absl::Status stopped = emulator_->Stop();
  if (!stopped.ok()) return stopped;
  absl::StatusOr<emulator::Truth> truth = emulator_->ReadTruth();
  if (!truth.ok()) return truth.status();
  return CompareWhenThere(ExpectCreated(*truth));
}

absl::StatusOr<Verdict> Cluster::CompareWhenThere(const Expectation& expectation) {
  // What X sent last is still on its way through sockets and spools.
  absl::StatusOr<Verdict> verdict = absl::UnknownError("never compared");
  (void)WaitUntil("everything is in the log", kSettleTime, [&] {
    verdict = CompareNow(expectation);
    return verdict.ok() && verdict->missing.count == 0;
  });
  return verdict;
}

}  // namespace braid::harness
