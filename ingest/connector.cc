#include "ingest/connector.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/version.h"
#include "ingest/spool_check.h"

namespace braid {
namespace {

// systemd and Kubernetes are told 5 s; the rest is for ending.
constexpr absl::Duration kDrainMax = absl::Seconds(4);

// How soon dedupers hear that the connection's state changed.
constexpr absl::Duration kTickInterval = absl::Milliseconds(100);

// A loop that has not turned for so long is stuck; a segment's first read from
// a cold disk takes well under a second.
constexpr int64_t kStuckSeconds = 10;

int64_t MonotonicSeconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Spool::Options SpoolOptions(const config::v1::ConnectorConfig& config) {
  const config::v1::SpoolConfig& spool = config.spool();
  Spool::Options options;
  options.dir = spool.dir();
  options.deduper_count = config.dedupers_size();
  options.disk_bytes_max = spool.max_size_bytes();
  // A small spool has small segments, so that an overflow costs an eighth.
  options.segment_bytes = std::min(spool.segment_bytes(), spool.max_size_bytes() / 8);
  options.retention = absl::Milliseconds(spool.retention_ms());
  options.sync_interval = absl::Milliseconds(spool.sync_interval_ms());
  return options;
}

OfferClient::Options ClientOptions(const config::v1::ConnectorConfig& config, int deduper) {
  OfferClient::Options options;
  options.deduper = deduper;
  options.name = config.dedupers(deduper).address();
  options.identity.set_stream(absl::StrCat("streams/", config.stream()));
  options.identity.set_source_id(config.connection());
  options.identity.set_all_partitions(true);
  options.identity.set_network(config.network());
  options.identity.set_version(std::string(Version()));
  return options;
}

Connection::Options ConnectionOptions(const config::v1::ConnectorConfig& config) {
  const config::v1::SourceConfig& source = config.source();
  Connection::Options options;
  options.request.url = source.url();
  options.request.connection = config.connection();
  options.request.version = std::string(Version());
  options.request.ca_file = source.ca_file();
  options.backfill_minutes = static_cast<int>(source.backfill_minutes());
  options.stall_after = absl::Milliseconds(source.stall_after_ms());
  options.reader.line_bytes_max = source.line_max_bytes();
  return options;
}

}  // namespace

absl::Status CheckSpool(Loop& loop, const config::v1::ConnectorConfig& config) {
  PosixFileSystem files(loop);
  return CheckSpoolDir(files, config.spool().dir(), SpoolOptions(config).free_bytes_min);
}

absl::StatusOr<std::unique_ptr<Connector>> Connector::Start(
    Loop& loop, const config::v1::ConnectorConfig& config,
    absl::AnyInvocable<void(absl::Status)> on_fatal) {
  std::unique_ptr<Connector> connector(new Connector(loop, config));
  absl::Status status = connector->Open(std::move(on_fatal));
  if (!status.ok()) return status;
  connector->MakeConnection();
  connector->MakeSlotKeeper();
  connector->MakeClients();
  if (ConnectorWorker::IsWanted(config)) {
    connector->worker_ = std::make_unique<ConnectorWorker>(loop, config);
  }
  status = connector->StartHttp();
  if (!status.ok()) return status;
  for (auto& client : connector->clients_) client->Start();
  connector->connection_->Start();
  if (connector->worker_ != nullptr) connector->worker_->Start();
  connector->Tick();
  return connector;
}

Connector::Connector(Loop& loop, const config::v1::ConnectorConfig& config)
    : loop_(loop), config_(config), files_(loop) {}

Connector::~Connector() { http_server_.Stop(); }

absl::Status Connector::Open(absl::AnyInvocable<void(absl::Status)> on_fatal) {
  // CreateDir makes the last one.
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(config_.spool().dir()).parent_path(),
                                      ignored);
  absl::Status status = files_.CreateDir(config_.spool().dir());
  if (!status.ok()) return status;
  auto lock = DirLock::Acquire(config_.spool().dir());
  if (!lock.ok()) return lock.status();
  lock_ = *std::move(lock);
  status = CheckSpoolDir(files_, config_.spool().dir(), SpoolOptions(config_).free_bytes_min);
  // A spool that is short of room makes room of its own.
  if (absl::IsResourceExhausted(status)) {
    Log(LogLevel::kError, "spool_room_low", "the spool gives up its oldest records",
        {{"status", status}});
  } else if (!status.ok()) {
    return status;
  }
  auto spool = Spool::Open(loop_, files_, random_, SpoolOptions(config_), std::move(on_fatal));
  if (!spool.ok()) return spool.status();
  spool_ = *std::move(spool);
  return absl::OkStatus();
}

void Connector::MakeConnection() {
  connection_ = std::make_unique<Connection>(
      loop_, http_client_, *spool_, random_, ConnectionOptions(config_),
      [file = config_.source().bearer_token_file()] { return ReadToken(file); });
}

void Connector::MakeSlotKeeper() {
  SlotKeeper::Options options;
  options.request = ConnectionOptions(config_).request;
  // Beside the spool: inside it every file is a session's.
  options.file = absl::StrCat(config_.spool().dir(), ".connects");
  slot_keeper_ = std::make_unique<SlotKeeper>(
      loop_, http_client_, files_, options,
      [file = config_.source().bearer_token_file()] { return ReadToken(file); },
      [this](absl::string_view cause, absl::string_view detail) {
        connection_->Note(cause, detail);
      });
  connection_->SetObserver(slot_keeper_.get());
}

void Connector::OnDirective(int deduper, const v1::OfferResponse::Directive& directive) {
  if (draining_) return;
  if (directive.action() == v1::OfferResponse::ACTION_RECONNECT) connection_->Reconnect();
  if (directive.action() == v1::OfferResponse::ACTION_DRAIN && on_drain_asked_) on_drain_asked_();
  if (directive.action() == v1::OfferResponse::ACTION_PAUSE) {
    pausing_.insert(deduper);
    connection_->Pause();
  }
  if (directive.action() == v1::OfferResponse::ACTION_RESUME) {
    pausing_.erase(deduper);
    if (pausing_.empty()) connection_->Resume();
  }
}

void Connector::MakeClients() {
  for (int i = 0; i < config_.dedupers_size(); ++i) {
    GrpcOfferDialer::Options options;
    options.deduper = config_.dedupers(i);
    dialers_.push_back(std::make_unique<GrpcOfferDialer>(loop_, options));
    clients_.push_back(std::make_unique<OfferClient>(loop_, random_, *dialers_.back(), *spool_,
                                                     ClientOptions(config_, i),
                                                     [this] { return connection_->Report(); }));
    clients_.back()->SetDirectiveHandler(
        [this, i](const v1::OfferResponse::Directive& directive) { OnDirective(i, directive); });
  }
}

absl::Status Connector::StartHttp() {
  connection_->RegisterMetrics(registry_);
  registry_.AddCollector([this](MetricSink& sink) {
    MetricLabels labels = {{"stream", config_.stream()}, {"connection", config_.connection()}};
    spool_->CollectMetrics(sink, labels);
    slot_keeper_->CollectMetrics(sink, {{"connection", config_.connection()}});
    for (const auto& client : clients_) client->CollectMetrics(sink, labels);
    if (worker_ != nullptr) worker_->CollectMetrics(sink, labels);
  });
  if (config_.listen().http().empty()) return absl::OkStatus();
  http_server_.Handle("/metrics", [this] {
    return HttpServerResponse{200, "text/plain; version=0.0.4", registry_.Scrape()};
  });
  http_server_.Handle("/-/healthy", [this] {
    bool stuck = MonotonicSeconds() - last_tick_seconds_ > kStuckSeconds;
    return stuck ? HttpServerResponse{503, "text/plain", "the loop is stuck\n"}
                 : HttpServerResponse{200, "text/plain", "ok\n"};
  });
  http_server_.Handle("/-/ready", [this] {
    return draining_ ? HttpServerResponse{503, "text/plain", "draining\n"}
                     : HttpServerResponse{200, "text/plain", "ok\n"};
  });
  last_tick_seconds_ = MonotonicSeconds();
  absl::Status status = http_server_.Start(config_.listen().http());
  if (status.ok()) http_port_ = http_server_.port();
  return status;
}

void Connector::Tick() {
  last_tick_seconds_ = MonotonicSeconds();
  v1::ConnectionReport::State state = connection_->Report().state();
  if (state != std::exchange(told_state_, state)) {
    for (auto& client : clients_) client->SendReport();
  }
  loop_.After(kTickInterval, owner_.Wrap([this] { Tick(); }));
}

void Connector::Drain(absl::AnyInvocable<void()> done) {
  if (draining_.exchange(true)) return;
  // Its task is given to another worker.
  worker_.reset();
  on_drained_ = std::move(done);
  loop_.After(kDrainMax, owner_.Wrap([this] {
    Log(LogLevel::kWarn, "drain_cut", "not everything is acknowledged: the spool keeps it");
    FinishDrain();
  }));
  connection_->Drain(owner_.Wrap([this] { OnConnectionDrained(); }));
}

void Connector::OnConnectionDrained() {
  auto one_done = [this] {
    if (--drains_left_ == 0) FinishDrain();
  };
  drains_left_ = 1;
  for (auto& client : clients_) {
    // Who is away takes it from the spool later.
    if (!client->connected()) continue;
    ++drains_left_;
    client->Drain(owner_.Wrap(one_done));
  }
  spool_->Flush(owner_.Wrap(one_done));
}

void Connector::FinishDrain() {
  if (on_drained_) std::exchange(on_drained_, nullptr)();
}

}  // namespace braid
