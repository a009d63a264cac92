#include "ingest/grpc_work_client.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <set>
#include <utility>

#include "absl/time/time.h"
#include "base/grpc_security.h"
#include "base/mutex.h"
#include "braid/v1/work_service.grpc.pb.h"
#include "proto/proto_time.h"
#include "proto/reason.h"

namespace braid {
namespace {

// A commit takes milliseconds; a deduper that takes longer is asked again.
constexpr absl::Duration kCallTimeout = absl::Seconds(5);
constexpr int kMessageBytesMax = 4 << 20;

}  // namespace

// The calls under way; shared with them, so that each may end after the client.
class GrpcWorkClient::Calls : public std::enable_shared_from_this<Calls> {
 public:
  explicit Calls(Loop& loop) : loop_(loop) {}

  // `start(stub, context, response, on_status)`.
  template <typename Response, typename Start>
  void Begin(absl::Duration timeout, Done<Response> done, Start start) {
    struct Call {
      grpc::ClientContext context;
      Response response;
      Done<Response> done;
    };
    auto call = std::make_shared<Call>();
    call->done = std::move(done);
    call->context.set_deadline(std::chrono::system_clock::now() +
                               absl::ToChronoMilliseconds(timeout));
    {
      MutexLock lock(&mu_);
      contexts_.insert(&call->context);
    }
    start(stub_->async(), &call->context, &call->response,
          [self = shared_from_this(), call](const grpc::Status& status) {
            self->End(call, FromGrpcStatus(status));
          });
  }

  void CancelAllAndWait() {
    MutexLock lock(&mu_);
    closed_ = true;
    for (grpc::ClientContext* context : contexts_) context->TryCancel();
    while (!contexts_.empty()) empty_.Wait(&mu_);
  }

  // Made by the loop before the first call, and kept.
  std::unique_ptr<v1::WorkService::Stub> stub_;

 private:
  template <typename CallPointer>
  void End(const CallPointer& call, absl::Status status) {
    MutexLock lock(&mu_);
    if (!closed_) {
      // The loop lets go of the call too.
      loop_.Post([self = shared_from_this(), call, status = std::move(status)] {
        if (self->is_closed()) return;
        if (!status.ok()) return call->done(status);
        call->done(std::move(call->response));
      });
    }
    contexts_.erase(&call->context);
    if (contexts_.empty()) empty_.NotifyAll();
  }
  bool is_closed() {
    MutexLock lock(&mu_);
    return closed_;
  }

  Loop& loop_;
  Mutex mu_;
  CondVar empty_;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  std::set<grpc::ClientContext*> contexts_ ABSL_GUARDED_BY(mu_);
};

GrpcWorkClient::GrpcWorkClient(Loop& loop, const config::v1::DeduperAddress& deduper)
    : loop_(loop), deduper_(deduper), calls_(std::make_shared<Calls>(loop)) {}

GrpcWorkClient::~GrpcWorkClient() { calls_->CancelAllAndWait(); }

absl::Status GrpcWorkClient::Connect() {
  if (calls_->stub_ != nullptr) return absl::OkStatus();
  grpc::ChannelArguments arguments;
  // As the offers: a deduper that is gone is noticed within 7 s.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 5000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 2000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // A deduper that is back is found within the seconds that people wait.
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  arguments.SetMaxSendMessageSize(kMessageBytesMax);
  auto channel =
      MakeChannel(deduper_.address(), deduper_.has_tls() ? &deduper_.tls() : nullptr, arguments);
  if (!channel.ok()) return channel.status();
  calls_->stub_ = v1::WorkService::NewStub(*channel);
  return absl::OkStatus();
}

template <typename Request, typename Response, typename Method>
void GrpcWorkClient::Begin(const Request& request, absl::Duration timeout, Done<Response> done,
                           Method method) {
  if (absl::Status status = Connect(); !status.ok()) {
    return loop_.Post([done = std::move(done), status]() mutable { done(status); });
  }
  calls_->Begin<Response>(timeout, std::move(done),
                          [&](auto* stub, auto* context, auto* response, auto on_status) {
                            // gRPC wants it to live until the end.
                            auto kept = std::make_shared<Request>(request);
                            method(stub, context, kept.get(), response,
                                   [kept, on_status](grpc::Status status) { on_status(status); });
                          });
}

void GrpcWorkClient::Lease(const v1::LeaseRequest& request, Done<v1::LeaseResponse> done) {
  Begin(request, ToDuration(request.wait()) + kCallTimeout, std::move(done),
        [](auto* stub, auto... arguments) { stub->Lease(arguments...); });
}

void GrpcWorkClient::Renew(const v1::RenewRequest& request, Done<v1::RenewResponse> done) {
  Begin(request, kCallTimeout, std::move(done),
        [](auto* stub, auto... arguments) { stub->Renew(arguments...); });
}

void GrpcWorkClient::Report(const v1::ReportRequest& request, Done<v1::ReportResponse> done) {
  Begin(request, kCallTimeout, std::move(done),
        [](auto* stub, auto... arguments) { stub->Report(arguments...); });
}

void GrpcWorkClient::Complete(const v1::CompleteRequest& request, Done<v1::CompleteResponse> done) {
  Begin(request, kCallTimeout, std::move(done),
        [](auto* stub, auto... arguments) { stub->Complete(arguments...); });
}

void GrpcWorkClient::ReportRules(const v1::ReportRulesRequest& request,
                                 Done<v1::ReportRulesResponse> done) {
  Begin(request, kCallTimeout, std::move(done),
        [](auto* stub, auto... arguments) { stub->ReportRules(arguments...); });
}

}  // namespace braid
