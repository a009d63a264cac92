#include "ingest/connection_runtime.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/log.h"
#include "base/version.h"
#include "ingest/spool_leftovers.h"
#include "ingest/spool_owner.h"

namespace braid {
namespace {

// Addresses of all dedupers: a handful.
constexpr uint64_t kPauseFileBytesMax = 64 << 10;

}  // namespace

Spool::Options SpoolOptions(const config::v1::SpoolConfig& spool, int dedupers,
                            const std::string& dir) {
  Spool::Options options;
  options.dir = dir;
  options.deduper_count = dedupers;
  options.disk_bytes_max = spool.max_size_bytes();
  // A small spool has small segments, so that an overflow costs an eighth.
  options.segment_bytes = std::min(spool.segment_bytes(), spool.max_size_bytes() / 8);
  options.retention = absl::Milliseconds(spool.retention_ms());
  options.sync_interval = absl::Milliseconds(spool.sync_interval_ms());
  return options;
}

ConnectionRuntime::ConnectionRuntime(Loop& loop, HttpClient& http, FileSystem& files,
                                     Random& random, const config::v1::ConnectorConfig& config,
                                     ConnectionPlan plan, std::unique_ptr<AttemptGate> gate)
    : loop_(loop),
      http_(http),
      files_(files),
      random_(random),
      config_(config),
      plan_(std::move(plan)),
      gate_(std::move(gate)) {}

absl::Status ConnectionRuntime::Open(std::function<void(absl::Status)> on_fatal) {
  absl::Status status = files_.CreateDir(plan_.spool_dir);
  if (!status.ok()) return status;
  Spool::Options options =
      SpoolOptions(config_.spool(), config_.dedupers_size(), plan_.spool_dir);
  options.owner = SpoolOwnerOf(plan_.stream, plan_.id);
  auto spool = Spool::Open(loop_, files_, random_, options, std::move(on_fatal));
  if (!spool.ok()) return spool.status();
  spool_ = *std::move(spool);
  if (!plan_.retired) {
    connection_ = std::make_unique<Connection>(
        loop_, http_, *spool_, random_, plan_.options,
        [source = plan_.source] { return ReadCredentials(source); }, gate_.get());
    MakeSlotKeeper();
    LoadPause();
    if (ConnectorWorker::IsWanted(config_, plan_)) {
      MutexLock lock(&worker_mu_);
      worker_ = std::make_unique<ConnectorWorker>(loop_, config_, plan_);
    }
  }
  MakeOffers();
  return absl::OkStatus();
}

void ConnectionRuntime::MakeSlotKeeper() {
  SlotKeeper::Options options;
  options.request = plan_.options.request;
  // Beside the spool: inside it every file is a session's.
  options.file = absl::StrCat(plan_.spool_dir, kConnectsSuffix);
  slot_keeper_ = std::make_unique<SlotKeeper>(
      loop_, http_, files_, options, [source = plan_.source] { return ReadCredentials(source); },
      [this](absl::string_view cause, absl::string_view detail) {
        connection_->Note(cause, detail);
      });
  connection_->SetObserver(slot_keeper_.get());
}

void ConnectionRuntime::OnDirective(int deduper, const v1::OfferResponse::Directive& directive) {
  if (has_left()) return;
  if (directive.action() == v1::OfferResponse::ACTION_RECONNECT) connection_->Reconnect();
  if (directive.action() == v1::OfferResponse::ACTION_DRAIN && on_drain_asked_) on_drain_asked_();
  if (directive.action() == v1::OfferResponse::ACTION_PAUSE) {
    if (pausing_.insert(deduper).second) SavePause();
    connection_->Pause();
  }
  if (directive.action() == v1::OfferResponse::ACTION_RESUME) {
    if (pausing_.erase(deduper) > 0) SavePause();
    if (pausing_.empty()) connection_->Resume();
  }
}

std::string ConnectionRuntime::PauseFile() const {
  return absl::StrCat(plan_.spool_dir, kPausedSuffix);
}

void ConnectionRuntime::LoadPause() {
  absl::StatusOr<std::string> addresses = files_.Read(PauseFile(), 0, kPauseFileBytesMax);
  if (!addresses.ok()) {
    if (absl::IsNotFound(addresses.status())) return;
    Log(LogLevel::kWarn, "pause_unreadable", "whether the stream is paused is not known",
        {{"connection", plan_.id}, {"error", addresses.status().ToString()}});
    return;
  }
  for (absl::string_view address : absl::StrSplit(*addresses, '\n', absl::SkipEmpty())) {
    for (int i = 0; i < config_.dedupers_size(); ++i) {
      if (config_.dedupers(i).address() == address) pausing_.insert(i);
    }
  }
}

void ConnectionRuntime::SavePause() {
  std::string addresses;
  for (int deduper : pausing_)
    absl::StrAppend(&addresses, config_.dedupers(deduper).address(), "\n");
  absl::Status saved =
      pausing_.empty() ? files_.Remove(PauseFile()) : files_.Replace(PauseFile(), addresses);
  if (saved.ok() || absl::IsNotFound(saved)) return;
  Log(LogLevel::kWarn, "pause_unsaved", "a restart would stream until it is told again",
      {{"connection", plan_.id}, {"error", saved.ToString()}});
}

void ConnectionRuntime::MakeOffers() {
  v1::OfferRequest::Hello identity;
  identity.set_stream(absl::StrCat("streams/", plan_.stream));
  identity.set_source_id(plan_.id);
  if (plan_.partition > 0) {
    identity.add_partitions(plan_.partition);
  } else {
    identity.set_all_partitions(true);
  }
  identity.set_network(plan_.network);
  identity.set_version(std::string(Version()));
  std::vector<OfferSet::Deduper> dedupers;
  for (const config::v1::DeduperAddress& deduper : config_.dedupers()) {
    GrpcOfferDialer::Options dialer;
    dialer.deduper = deduper;
    dialers_.push_back(std::make_unique<GrpcOfferDialer>(loop_, dialer));
    dedupers.push_back({dialers_.back().get(), deduper.address()});
  }
  offers_ = std::make_unique<OfferSet>(loop_, random_, *spool_, dedupers, identity,
                                       [this] { return Report(); });
  offers_->SetDirectiveHandler([this](int deduper, const v1::OfferResponse::Directive& directive) {
    OnDirective(deduper, directive);
  });
}

v1::ConnectionReport ConnectionRuntime::Report() const {
  if (connection_ != nullptr) return connection_->Report();
  v1::ConnectionReport report;
  report.set_state(v1::ConnectionReport::STATE_STOPPED);
  return report;
}

bool ConnectionRuntime::receives() const {
  return Report().state() == v1::ConnectionReport::STATE_RECEIVING;
}

void ConnectionRuntime::Start() {
  offers_->Start();
  StartWorker();
  if (connection_ != nullptr) {
    connection_->Start();
    if (pausing_.empty()) return;
    Log(LogLevel::kWarn, "connection_paused", "it was paused when the process ended before",
        {{"connection", plan_.id}});
    return connection_->Pause();
  }
  Log(LogLevel::kWarn, "connection_retired",
      "nothing is asked of X any more; what its spool holds is offered until dedupers have it",
      {{"connection", plan_.id}, {"dir", plan_.spool_dir}});
}

void ConnectionRuntime::StartWorker() {
  MutexLock lock(&worker_mu_);
  if (worker_ != nullptr) worker_->Start();
}

// Its task is given to another worker.
void ConnectionRuntime::EndWorker() {
  std::unique_ptr<ConnectorWorker> worker;
  MutexLock lock(&worker_mu_);
  worker.swap(worker_);
}

void ConnectionRuntime::Tick() {
  v1::ConnectionReport::State state = Report().state();
  if (state != std::exchange(told_state_, state)) offers_->SendReport();
  if (plan_.retired && !delivered_) CheckDelivered();
}

void ConnectionRuntime::CheckDelivered() {
  if (!offers_->IsDelivered()) return;
  delivered_ = true;
  Log(LogLevel::kInfo, "spool_delivered",
      "every deduper has all of it: the entry and the directory can be removed",
      {{"connection", plan_.id}, {"dir", plan_.spool_dir}});
}

void ConnectionRuntime::Drain(absl::AnyInvocable<void()> done) {
  if (drained_) return done();
  on_drained_.push_back(std::move(done));
  if (std::exchange(draining_, true)) return;
  EndWorker();
  if (connection_ == nullptr) return DrainOffers();
  connection_->Drain(owner_.Wrap([this] { DrainOffers(); }));
}

void ConnectionRuntime::DrainOffers() {
  offers_->Drain(owner_.Wrap([this] { FinishDrain(); }));
}

void ConnectionRuntime::FinishDrain() {
  drained_ = true;
  std::vector<absl::AnyInvocable<void()>> all = std::exchange(on_drained_, {});
  for (auto& done : all) done();
}

void ConnectionRuntime::CollectMetrics(MetricSink& sink) const {
  MetricLabels labels = {{"stream", plan_.stream}, {"connection", plan_.id}};
  if (connection_ != nullptr) connection_->counters().Collect(plan_.id, sink);
  spool_->CollectMetrics(sink, labels);
  if (slot_keeper_ != nullptr) slot_keeper_->CollectMetrics(sink, {{"connection", plan_.id}});
  offers_->CollectMetrics(sink, labels);
  MutexLock lock(&worker_mu_);
  if (worker_ != nullptr) worker_->CollectMetrics(sink, labels);
}

}  // namespace braid
