#include "ingest/connector.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "ingest/spool_check.h"
#include "ingest/spool_leftovers.h"
#include "ingest/spool_owner.h"

namespace braid {
namespace {

// How soon dedupers hear that the connection's state changed.
constexpr absl::Duration kTickInterval = absl::Milliseconds(100);

// Where the short form is used its only spool is the directory itself.
absl::Status CheckForgotten(FileSystem& files, const config::v1::ConnectorConfig& config) {
  if (config.connections().empty()) return absl::OkStatus();
  std::set<std::string> ids;
  for (const auto& connection : config.connections()) ids.insert(connection.id());
  return CheckLeftovers(files, config.spool().dir(), ids);
}

}  // namespace

absl::Status CheckSpool(Loop& loop, const config::v1::ConnectorConfig& config) {
  PosixFileSystem files(loop);
  const std::string& dir = config.spool().dir();
  absl::Status status = CheckSpoolDir(files, dir, Spool::Options().free_bytes_min);
  if (status.ok()) status = CheckForgotten(files, config);
  for (const ConnectionPlan& plan : PlanConnections(config)) {
    if (!status.ok()) return status;
    status = CheckSpoolContents(files, plan.spool_dir, SpoolOwnerOf(plan.stream, plan.id));
  }
  return status;
}

absl::StatusOr<std::unique_ptr<Connector>> Connector::Start(
    Loop& loop, const config::v1::ConnectorConfig& config,
    absl::AnyInvocable<void(absl::Status)> on_fatal) {
  std::unique_ptr<Connector> connector(new Connector(loop, config));
  connector->on_fatal_ = std::move(on_fatal);
  absl::Status status = connector->Open();
  if (status.ok()) status = connector->Serve();
  if (!status.ok()) return status;
  for (auto& connection : connector->connections_) connection->Start();
  connector->Tick();
  return connector;
}

Connector::Connector(Loop& loop, const config::v1::ConnectorConfig& config)
    : loop_(loop), config_(config), files_(loop) {}

Connector::~Connector() { http_.Stop(); }

absl::Status Connector::Open() {
  absl::Status status = OpenDir();
  if (status.ok()) status = CheckForgotten(files_, config_);
  if (!status.ok()) return status;
  ledger_ = std::make_unique<AttemptLedger>(
      loop_, files_, absl::StrCat(config_.spool().dir(), "/", kLedgerFile),
      [this](absl::Status failed) { on_fatal_(std::move(failed)); });
  status = ledger_->Load();
  return status.ok() ? MakeConnections() : status;
}

absl::Status Connector::OpenDir() {
  auto lock = OpenSpoolDir(files_, config_.spool().dir(), Spool::Options().free_bytes_min);
  if (!lock.ok()) return lock.status();
  lock_ = *std::move(lock);
  return absl::OkStatus();
}

absl::Status Connector::MakeConnections() {
  for (ConnectionPlan& plan : PlanConnections(config_)) {
    std::unique_ptr<AttemptGate> gate = plan.retired ? nullptr : MakeGate(plan);
    connections_.push_back(std::make_unique<ConnectionRuntime>(
        loop_, http_client_, files_, random_, config_, std::move(plan), std::move(gate)));
    absl::Status status =
        connections_.back()->Open([this](absl::Status failed) { on_fatal_(std::move(failed)); });
    if (!status.ok()) return status;
    ConnectionRuntime& made = *connections_.back();
    made.SetDrainAsked([this, &made] { OnDrainAsked(made); });
  }
  return absl::OkStatus();
}

void Connector::OnDrainAsked(ConnectionRuntime& asked) {
  if (drain_.has_begun()) return;
  bool is_last = std::all_of(connections_.begin(), connections_.end(), [&](const auto& other) {
    return other.get() == &asked || other->has_left();
  });
  if (is_last && on_drain_asked_) return on_drain_asked_();
  const std::string& id = asked.plan().id;
  Log(LogLevel::kInfo, "connection_draining", "a deduper asks this connection to leave X",
      {{"connection", id}});
  asked.Drain([id] {
    Log(LogLevel::kInfo, "connection_drained", "it comes back when the process is started again",
        {{"connection", id}});
  });
}

std::unique_ptr<AttemptGate> Connector::MakeGate(const ConnectionPlan& plan) {
  AttemptLedger::Key key{plan.source.account(), std::string(plan.dialect->name)};
  return std::make_unique<SharedGate>(*ledger_, ledger_->WindowOf(key, plan.share),
                                      turns_[{plan.stream, plan.partition}],
                                      [this, id = plan.id] { return OtherReceives(id); });
}

bool Connector::OtherReceives(const std::string& id) const {
  auto self = std::find_if(connections_.begin(), connections_.end(),
                           [&](const auto& each) { return each->plan().id == id; });
  const ConnectionPlan& plan = (*self)->plan();
  return std::any_of(connections_.begin(), connections_.end(), [&](const auto& other) {
    return other != *self && other->plan().stream == plan.stream &&
           other->plan().partition == plan.partition && other->receives();
  });
}

absl::Status Connector::Serve() {
  registry_.AddCollector([this](MetricSink& sink) {
    for (const auto& connection : connections_) connection->CollectMetrics(sink);
    ledger_->CollectMetrics(sink);
  });
  return http_.Start(config_.listen().http());
}

void Connector::Tick() {
  http_.Tick();
  for (auto& connection : connections_) connection->Tick();
  ledger_->UpdateMetrics();
  loop_.After(kTickInterval, owner_.Wrap([this] { Tick(); }));
}

void Connector::Drain(absl::AnyInvocable<void()> done) {
  if (!drain_.Begin(connections_.size(), std::move(done))) return;
  http_.SetDraining();
  for (auto& connection : connections_) connection->Drain(drain_.PartDone());
}

}  // namespace braid
