#include "ingest/grpc_work_client.h"

#include <grpcpp/grpcpp.h>

#include <map>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "base/grpc_security.h"
#include "base/mutex.h"
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

  // `start(context, response, on_status)`.
  template <typename Response, typename Start>
  void Begin(absl::Duration timeout, Done<Response> done, Start start) {
    auto call = std::make_shared<Call<Response>>();
    call->done = std::move(done);
    call->context.set_deadline(absl::ToChronoTime(loop_.WallNow() + timeout));
    {
      MutexLock lock(&mu_);
      open_[&call->context] = call;
    }
    start(&call->context, &call->response,
          [self = shared_from_this(), call](const grpc::Status& status) mutable {
            self->End(std::move(call), FromGrpcStatus(status));
          });
  }

  void CancelAllAndWait() {
    std::vector<std::shared_ptr<CallBase>> open;
    {
      MutexLock lock(&mu_);
      closed_ = true;
      for (const auto& [key, call] : open_) {
        if (auto alive = call.lock()) open.push_back(std::move(alive));
      }
    }
    // Without the lock: the end of a call may be told from inside TryCancel.
    for (const auto& call : open) call->context.TryCancel();
    MutexLock lock(&mu_);
    while (!open_.empty()) empty_.Wait(&mu_);
  }

 private:
  struct CallBase {
    virtual ~CallBase() = default;
    grpc::ClientContext context;
  };
  template <typename Response>
  struct Call : CallBase {
    Response response;
    Done<Response> done;
  };

  template <typename Response>
  void End(std::shared_ptr<Call<Response>> call, absl::Status status) {
    grpc::ClientContext* const key = &call->context;
    // The loop lets go of the call, never a thread of gRPC: with the last channel
    // it would join itself (gRPC 1.51).
    loop_.Post([self = shared_from_this(), call = std::move(call), status = std::move(status)] {
      if (self->is_closed()) return;
      if (!status.ok()) return call->done(status);
      call->done(std::move(call->response));
    });
    // Last, since the loop may be gone after it.
    MutexLock lock(&mu_);
    open_.erase(key);
    if (open_.empty()) empty_.NotifyAll();
  }
  bool is_closed() {
    MutexLock lock(&mu_);
    return closed_;
  }

  Loop& loop_;
  Mutex mu_;
  CondVar empty_;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  // The key may be gone already when its entry is.
  std::map<grpc::ClientContext*, std::weak_ptr<CallBase>> open_ ABSL_GUARDED_BY(mu_);
};

GrpcWorkClient::GrpcWorkClient(Loop& loop, const config::v1::DeduperAddress& deduper)
    : loop_(loop), deduper_(deduper), calls_(std::make_shared<Calls>(loop)) {}

GrpcWorkClient::~GrpcWorkClient() { calls_->CancelAllAndWait(); }

absl::Status GrpcWorkClient::Connect() {
  if (stub_ != nullptr) return absl::OkStatus();
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
  stub_ = v1::WorkService::NewStub(*channel);
  return absl::OkStatus();
}

template <typename Request, typename Response, typename Method>
void GrpcWorkClient::Begin(const Request& request, absl::Duration timeout, Done<Response> done,
                           Method method) {
  if (absl::Status status = Connect(); !status.ok()) {
    return loop_.Post([done = std::move(done), status]() mutable { done(status); });
  }
  calls_->Begin<Response>(
      timeout, std::move(done), [&](auto* context, auto* response, auto on_status) {
        // gRPC wants it to live until the end.
        auto kept = std::make_shared<Request>(request);
        method(stub_->async(), context, kept.get(), response,
               [kept, on_status](grpc::Status status) mutable { on_status(status); });
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

void GrpcWorkClient::ReportUsage(const v1::ReportUsageRequest& request,
                                 Done<v1::ReportUsageResponse> done) {
  Begin(request, kCallTimeout, std::move(done),
        [](auto* stub, auto... arguments) { stub->ReportUsage(arguments...); });
}

}  // namespace braid
