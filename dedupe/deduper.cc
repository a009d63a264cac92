#include "dedupe/deduper.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/version.h"
#include "dedupe/access.h"
#include "dedupe/log_mark.h"
#include "dedupe/rocks_store.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

constexpr char kIngestName[] = "braid.v1.IngestService";
constexpr char kStreamName[] = "braid.v1.StreamService";
constexpr char kAdminName[] = "braid.v1.AdminService";
constexpr char kWorkName[] = "braid.v1.WorkService";
constexpr char kGapName[] = "braid.v1.GapService";
constexpr char kRecoveryName[] = "braid.v1.RecoveryService";
constexpr char kRuleName[] = "braid.v1.RuleService";
// For readers' disk reads and batches; the merger threads are not theirs.
constexpr int kPoolThreads = 2;
// Sources and readers that do not listen are cut after it: five seconds are
// all there is to a stop.
constexpr absl::Duration kDrainGrace = absl::Seconds(1);

std::string StreamDir(const config::v1::DeduperConfig& config, const std::string& stream) {
  return absl::StrCat(config.data_dir(), "/", stream);
}

// Different for every log ever made.
std::string NewLogId() {
  SeededRandom random(OsSeed());
  return absl::StrCat(absl::Hex(random.Next(), absl::kZeroPad16));
}

}  // namespace

absl::Status Deduper::Init(const config::v1::DeduperConfig& config, absl::Time wall_now) {
  for (const config::v1::StreamConfig& stream : config.streams()) {
    absl::Status made =
        RocksStore::Init(StreamDir(config, stream.name()), stream.name(), NewLogId(), wall_now);
    if (made.ok()) {
      made = LogMarkFile::Remove(LogMarkFile::PathFor(StreamDir(config, stream.name())));
    }
    if (!made.ok()) return made;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Deduper>> Deduper::Start(const config::v1::DeduperConfig& config,
                                                        OnFatal on_fatal) {
  std::unique_ptr<Deduper> deduper(new Deduper(config, std::move(on_fatal)));
  absl::Status status = deduper->LoadSigningKey();
  if (status.ok()) status = deduper->OpenStreams();
  if (status.ok()) status = deduper->StartGrpc();
  if (status.ok()) status = deduper->StartHttp();
  if (!status.ok()) return status;
  deduper->serving_ = true;
  return deduper;
}

Deduper::Deduper(const config::v1::DeduperConfig& config, OnFatal on_fatal)
    : config_(config), on_fatal_(std::move(on_fatal)), pool_(kPoolThreads) {}

Deduper::~Deduper() { Drain(); }

absl::Status Deduper::LoadSigningKey() {
  if (config_.certificate_key_file().empty()) return absl::OkStatus();
  absl::StatusOr<SigningKey> key = SigningKey::Load(config_.certificate_key_file());
  if (key.ok()) signing_key_ = *std::move(key);
  return key.status();
}

absl::Status Deduper::OpenStreams() {
  std::shared_ptr<RocksStore::Memory> memory = RocksStore::CreateMemory();
  for (const config::v1::StreamConfig& stream : config_.streams()) {
    StreamRuntime::Options options;
    options.config = stream;
    options.dir = StreamDir(config_, stream.name());
    options.new_log_id = NewLogId();
    options.memory = memory;
    options.on_fatal = on_fatal_;
    options.tail_count = [this](const ReadableStream& of) { return tail_calls_.CountOf(of); };
    options.on_accepting = [this](bool accepting) {
      if (serving_) grpc_server_->SetServing(kIngestName, accepting);
    };
    absl::StatusOr<std::unique_ptr<StreamRuntime>> runtime =
        StreamRuntime::Open(std::move(options));
    if (!runtime.ok()) return runtime.status();
    StreamRuntime* running = runtime->get();
    readable_[stream.name()] = &running->readable();
    desks_[stream.name()] = [running](DrainRequest request,
                                      std::function<void(DrainDecision)> done) {
      running->AskDrain(std::move(request), std::move(done));
    };
    controls_[stream.name()] = {
        [running](const v1::GetUsageRequest& request) { return running->Usage(request); },
        [running](store::v1::Command command, std::function<void()> done) {
          running->Command(std::move(command), std::move(done));
        }};
    gaps_[stream.name()] = running->Gaps();
    recovery_[stream.name()] = running->Recovery();
    status_[stream.name()] = [running] { return running->monitor().Status(); };
    metrics_.AddCollector([running](MetricSink& sink) { running->CollectMetrics(sink); });
    streams_.push_back(*std::move(runtime));
  }
  return absl::OkStatus();
}

std::map<std::string, IngestStream> Deduper::IngestStreams() {
  std::map<std::string, IngestStream> streams;
  for (const std::unique_ptr<StreamRuntime>& runtime : streams_) {
    IngestStream stream{&runtime->loop(), &runtime->merger(), &runtime->directory(), {}};
    stream.session.stream = runtime->name();
    stream.session.log_id = runtime->readable().log_id();
    stream.session.connections = runtime->connections();
    stream.session.partitions = runtime->partitions();
    streams.emplace(runtime->name(), std::move(stream));
  }
  return streams;
}

WorkStreams Deduper::MakeWorkStreams() {
  WorkStreams streams;
  for (const std::unique_ptr<StreamRuntime>& runtime : streams_) {
    streams[runtime->name()] = {&runtime->loop(), &runtime->work_desk()};
  }
  return streams;
}

absl::Status Deduper::StartGrpc() {
  stream_service_ = std::make_unique<StreamServiceImpl>(readable_, pool_, tail_calls_,
                                                        StreamServiceImpl::Options());
  v1::ServerInfo info;
  info.set_version(std::string(Version()));
  info.set_commit(std::string(Commit()));
  info.set_data_dir(config_.data_dir());
  SetTime(absl::Now(), info.mutable_start_time());
  for (const auto& [name, stream] : readable_) info.add_streams(name);
  admin_service_ = std::make_unique<AdminServiceImpl>(status_, desks_, controls_, pool_,
                                                      std::move(info));
  IngestService::Options ingest;
  ingest.may_call = [](const grpc::CallbackServerContext& context) {
    return CheckAccess(*context.auth_context(), Access::kOffer);
  };
  ingest.may_offer_as = [](const grpc::CallbackServerContext& context,
                           const std::string& source_id) {
    return CheckOfferAs(*context.auth_context(), source_id);
  };
  ingest_service_ = std::make_unique<IngestService>(IngestStreams(), std::move(ingest));
  work_service_ = std::make_unique<WorkServiceImpl>(MakeWorkStreams());
  gap_service_ = std::make_unique<GapServiceImpl>(gaps_, pool_, signing_key_);
  recovery_service_ = std::make_unique<RecoveryServiceImpl>(recovery_, pool_);
  rule_service_ = std::make_unique<RuleServiceImpl>(MakeWorkStreams());
  // Before the port: a call finds its stream running.
  for (const std::unique_ptr<StreamRuntime>& stream : streams_) stream->Start();
  GrpcServer::Options options;
  options.address = config_.listen().grpc();
  options.tls = config_.has_tls() ? &config_.tls() : nullptr;
  absl::StatusOr<std::unique_ptr<GrpcServer>> server =
      GrpcServer::Start(options, {stream_service_.get(), admin_service_.get(),
                                  ingest_service_.get(), work_service_.get(), rule_service_.get(),
                                  gap_service_.get(), recovery_service_.get()});
  if (!server.ok()) return server.status();
  grpc_server_ = *std::move(server);
  for (const char* name : {"", kStreamName, kAdminName, kIngestName, kWorkName, kRuleName,
                           kGapName, kRecoveryName}) {
    grpc_server_->SetServing(name, true);
  }
  return absl::OkStatus();
}

absl::Status Deduper::StartHttp() {
  if (config_.listen().http().empty()) return absl::OkStatus();
  http_server_.Handle("/metrics", [this] {
    return HttpServerResponse{200, "text/plain; version=0.0.4; charset=utf-8", metrics_.Scrape()};
  });
  http_server_.Handle("/-/healthy", [] { return HttpServerResponse{200, "text/plain", "ok\n"}; });
  http_server_.Handle("/-/ready", [this] { return Ready(); });
  absl::Status started = http_server_.Start(config_.listen().http());
  if (!started.ok()) return started;
  http_port_ = http_server_.port();
  return absl::OkStatus();
}

HttpServerResponse Deduper::Ready() const {
  if (serving_) return {200, "text/plain", "ready\n"};
  return {503, "text/plain", "not serving\n"};
}

void Deduper::Drain() {
  serving_ = false;
  if (grpc_server_ != nullptr) {
    grpc_server_->SetNothingServing();
    tail_calls_.Drain();
    admin_service_->Drain();
    work_service_->Drain();
    gap_service_->Drain();
    recovery_service_->Drain();
    grpc_server_->Shutdown(kDrainGrace);
  }
  http_server_.Stop();
  for (const std::unique_ptr<StreamRuntime>& stream : streams_) stream->Stop();
}

}  // namespace braid
