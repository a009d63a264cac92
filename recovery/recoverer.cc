#include "recovery/recoverer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "ingest/connection_runtime.h"
#include "ingest/spool_check.h"

namespace braid {
namespace {

constexpr absl::Duration kTickInterval = absl::Milliseconds(500);

}  // namespace

absl::StatusOr<std::unique_ptr<Recoverer>> Recoverer::Start(
    Loop& loop, const config::v1::RecovererConfig& config,
    absl::AnyInvocable<void(absl::Status)> on_fatal) {
  std::unique_ptr<Recoverer> recoverer(new Recoverer(loop, config));
  recoverer->on_fatal_ = std::move(on_fatal);
  absl::Status status = recoverer->Open();
  if (status.ok()) status = recoverer->Serve();
  if (!status.ok()) return status;
  for (auto& stream : recoverer->streams_) stream->Start();
  recoverer->Tick();
  return recoverer;
}

Recoverer::Recoverer(Loop& loop, const config::v1::RecovererConfig& config)
    : loop_(loop), config_(config), files_(loop) {}

absl::Status Recoverer::Open() {
  const std::string& dir = config_.spool().dir();
  auto lock = OpenSpoolDir(files_, dir, Spool::Options().free_bytes_min);
  if (!lock.ok()) return lock.status();
  lock_ = *std::move(lock);
  ledger_ = std::make_unique<AttemptLedger>(
      loop_, files_, absl::StrCat(dir, "/", kLedgerFile),
      [this](absl::Status failed) { on_fatal_(std::move(failed)); });
  absl::Status status = ledger_->Load();
  return status.ok() ? MakeStreams() : status;
}

absl::Status Recoverer::MakeStreams() {
  for (const config::v1::DeduperAddress& deduper : config_.dedupers()) {
    work_clients_.push_back(std::make_unique<GrpcWorkClient>(loop_, deduper));
  }
  RecoveredStream::Options options;
  options.recoverer = config_.recoverer();
  options.network = config_.network();
  options.spool = SpoolOptions(config_.spool(), config_.dedupers_size(), "");
  for (StreamPlan& plan : PlanStreams(config_)) {
    std::vector<RecoveredStream::Deduper> dedupers;
    for (int i = 0; i < config_.dedupers_size(); ++i) {
      GrpcOfferDialer::Options dialer;
      dialer.deduper = config_.dedupers(i);
      dialers_.push_back(std::make_unique<GrpcOfferDialer>(loop_, dialer));
      dedupers.push_back(
          {config_.dedupers(i).address(), dialers_.back().get(), work_clients_[i].get()});
    }
    streams_.push_back(std::make_unique<RecoveredStream>(loop_, http_client_, files_, random_,
                                                         *ledger_, std::move(plan), options,
                                                         std::move(dedupers)));
    absl::Status status =
        streams_.back()->Open([this](absl::Status failed) { on_fatal_(std::move(failed)); });
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Recoverer::Serve() {
  registry_.AddCollector([this](MetricSink& sink) {
    for (const auto& stream : streams_) stream->CollectMetrics(sink);
    ledger_->CollectMetrics(sink);
  });
  return http_.Start(config_.listen().http());
}

void Recoverer::Tick() {
  http_.Tick();
  ledger_->UpdateMetrics();
  loop_.After(kTickInterval, owner_.Wrap([this] { Tick(); }));
}

void Recoverer::Drain(absl::AnyInvocable<void()> done) {
  if (!drain_.Begin(streams_.size(), std::move(done))) return;
  http_.SetDraining();
  for (auto& stream : streams_) stream->Drain(drain_.PartDone());
}

}  // namespace braid
