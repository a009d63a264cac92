#include "ingest/grpc_offer_dialer.h"

#include <grpcpp/grpcpp.h>

#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "base/grpc_security.h"
#include "base/mutex.h"
#include "braid/v1/ingest_service.grpc.pb.h"

namespace braid {
namespace {

// Where a call's events go; only the loop touches the handler.
struct Target {
  explicit Target(OfferCallHandler* handler) : handler(handler) {}
  OfferCallHandler* handler;
};

absl::Status ToAbslStatus(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

}  // namespace

// The calls whose OnDone is still to come.
class GrpcOfferDialer::Registry {
 public:
  void Add(const std::shared_ptr<Reactor>& reactor) {
    MutexLock lock(&mu_);
    reactors_[reactor.get()] = reactor;
  }
  void Remove(Reactor* reactor) {
    MutexLock lock(&mu_);
    reactors_.erase(reactor);
    if (reactors_.empty()) empty_.NotifyAll();
  }
  void CancelAllAndWait();

 private:
  Mutex mu_;
  CondVar empty_;
  // The key may be gone already when its entry is.
  std::map<Reactor*, std::weak_ptr<Reactor>> reactors_ ABSL_GUARDED_BY(mu_);
};

class GrpcOfferDialer::Reactor final
    : public grpc::ClientBidiReactor<v1::OfferRequest, v1::OfferResponse>,
      public std::enable_shared_from_this<Reactor> {
 public:
  Reactor(Loop& loop, std::shared_ptr<Registry> registry, std::shared_ptr<Target> target)
      : loop_(loop), registry_(std::move(registry)), target_(std::move(target)) {}

  void Start(const std::shared_ptr<grpc::Channel>& channel) {
    self_ = shared_from_this();
    registry_->Add(self_);
    stub_ = v1::IngestService::NewStub(channel);
    stub_->async()->Offer(&context_, this);
    // Send starts writes outside of gRPC's own calls.
    AddHold();
    StartRead(&response_);
    StartCall();
  }

  void Send(v1::OfferRequest request) {
    MutexLock lock(&mu_);
    if (ended_) return;
    queue_.push_back(std::move(request));
    if (queue_.size() == 1) StartWrite(&queue_.front());
  }

  // Also after its end.
  void Cancel() { context_.TryCancel(); }

  void OnWriteDone(bool ok) override {
    MutexLock lock(&mu_);
    queue_.pop_front();
    if (ok && !ended_ && !queue_.empty()) StartWrite(&queue_.front());
  }

  void OnReadDone(bool ok) override {
    if (!ok) return End();
    loop_.Post([target = target_, response = std::move(response_)] {
      if (target->handler != nullptr) target->handler->OnResponse(response);
    });
    response_.Clear();
    StartRead(&response_);
  }

  void OnDone(const grpc::Status& status) override {
    std::shared_ptr<Registry> registry = registry_;
    Reactor* const key = this;
    // The loop lets go of this object, never a thread of gRPC: with the last
    // channel it would join itself (gRPC 1.51).
    loop_.Post([self = std::move(self_), status = ToAbslStatus(status)] {
      OfferCallHandler* handler = std::exchange(self->target_->handler, nullptr);
      if (handler != nullptr) handler->OnClosed(status);
    });
    // Last, since the loop may be gone after it.
    registry->Remove(key);
  }

 private:
  void End() {
    {
      MutexLock lock(&mu_);
      ended_ = true;
    }
    RemoveHold();
  }

  Loop& loop_;
  const std::shared_ptr<Registry> registry_;
  const std::shared_ptr<Target> target_;
  std::unique_ptr<v1::IngestService::Stub> stub_;
  grpc::ClientContext context_;
  v1::OfferResponse response_;
  // Until OnDone.
  std::shared_ptr<Reactor> self_;

  Mutex mu_;
  // The first one is being written.
  std::deque<v1::OfferRequest> queue_ ABSL_GUARDED_BY(mu_);
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
};

void GrpcOfferDialer::Registry::CancelAllAndWait() {
  std::vector<std::shared_ptr<Reactor>> open;
  {
    MutexLock lock(&mu_);
    for (const auto& [key, reactor] : reactors_) {
      if (auto alive = reactor.lock()) open.push_back(std::move(alive));
    }
  }
  // Without the lock: the end of a call may be told from inside Cancel.
  for (const std::shared_ptr<Reactor>& reactor : open) reactor->Cancel();
  MutexLock lock(&mu_);
  while (!reactors_.empty()) empty_.Wait(&mu_);
}

class GrpcOfferDialer::Call final : public OfferCall {
 public:
  Call(std::shared_ptr<Target> target, std::shared_ptr<Reactor> reactor)
      : target_(std::move(target)), reactor_(std::move(reactor)) {}
  ~Call() override {
    target_->handler = nullptr;
    if (reactor_ != nullptr) reactor_->Cancel();
  }
  void Send(v1::OfferRequest request) override {
    if (reactor_ != nullptr) reactor_->Send(std::move(request));
  }

 private:
  const std::shared_ptr<Target> target_;
  // Null where not even a channel could be made.
  const std::shared_ptr<Reactor> reactor_;
};

GrpcOfferDialer::GrpcOfferDialer(Loop& loop, Options options)
    : loop_(loop), options_(std::move(options)), registry_(std::make_shared<Registry>()) {}

GrpcOfferDialer::~GrpcOfferDialer() { registry_->CancelAllAndWait(); }

std::unique_ptr<OfferCall> GrpcOfferDialer::Dial(OfferCallHandler* handler) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS,
                   static_cast<int>(absl::ToInt64Milliseconds(options_.keepalive_time)));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                   static_cast<int>(absl::ToInt64Milliseconds(options_.keepalive_timeout)));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // Else a new channel inherits the connection and the back-off of the last.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(options_.message_bytes_max);
  arguments.SetMaxSendMessageSize(options_.message_bytes_max);
  const config::v1::DeduperAddress& deduper = options_.deduper;
  auto channel =
      MakeChannel(deduper.address(), deduper.has_tls() ? &deduper.tls() : nullptr, arguments);
  auto target = std::make_shared<Target>(handler);
  if (!channel.ok()) {
    loop_.Post([target, status = channel.status()] {
      if (target->handler != nullptr) std::exchange(target->handler, nullptr)->OnClosed(status);
    });
    return std::make_unique<Call>(std::move(target), nullptr);
  }
  auto reactor = std::make_shared<Reactor>(loop_, registry_, target);
  channel_ = *std::move(channel);
  reactor->Start(channel_);
  return std::make_unique<Call>(std::move(target), std::move(reactor));
}

}  // namespace braid
