#include "dedupe/work_service.h"

#include <atomic>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/mutex.h"
#include "dedupe/access.h"
#include "proto/reason.h"

namespace braid {
namespace {

// One call: answered once, by the desk or by its own end. gRPC owns request and
// response until then, so neither is touched after it.
template <typename Response>
class Call final : public grpc::ServerUnaryReactor,
                   public std::enable_shared_from_this<Call<Response>> {
 public:
  explicit Call(Response* response) : response_(response) {}

  void Start() { self_ = this->shared_from_this(); }

  void Answer(absl::StatusOr<Response> answer) {
    MutexLock lock(&mu_);
    if (finished_) return;
    finished_ = true;
    if (answer.ok()) *response_ = *std::move(answer);
    Finish(ToGrpcStatus(answer.status()));
  }

  bool is_gone() const { return gone_; }

  void OnCancel() override {
    gone_ = true;
    Answer(absl::CancelledError("the caller is gone"));
  }
  void OnDone() override { std::shared_ptr<Call> self = std::move(self_); }

 private:
  Response* const response_;
  std::shared_ptr<Call> self_;
  std::atomic<bool> gone_{false};
  Mutex mu_;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
};

// "streams/main" and "streams/main/work/7" → the stream.
absl::StatusOr<WorkStream> FindStream(const WorkStreams& streams, absl::string_view resource) {
  if (!absl::ConsumePrefix(&resource, "streams/")) {
    return absl::InvalidArgumentError("the name does not begin with streams/{stream}");
  }
  const std::string name(resource.substr(0, resource.find('/')).substr(0, 200));
  auto found = streams.find(name);
  if (found != streams.end()) return found->second;
  return ReasonError(absl::StatusCode::kNotFound, absl::StrCat("there is no stream \"", name, "\""),
                     {"UNKNOWN_STREAM", {{"stream", name}}});
}

// Runs `work(desk, call)` on the stream's loop, if the caller may.
template <typename Response, typename Work>
grpc::ServerUnaryReactor* Run(grpc::CallbackServerContext* context, Access access,
                              const WorkStreams& streams, const std::string& resource,
                              Response* response, Work work) {
  auto call = std::make_shared<Call<Response>>(response);
  call->Start();
  absl::Status allowed = CheckAccess(*context->auth_context(), access);
  absl::StatusOr<WorkStream> stream =
      allowed.ok() ? FindStream(streams, resource) : absl::StatusOr<WorkStream>(allowed);
  if (!stream.ok()) {
    call->Answer(stream.status());
    return call.get();
  }
  stream->loop->Post([desk = stream->desk, call, work = std::move(work)]() mutable {
    if (!call->is_gone()) work(*desk, call);
  });
  return call.get();
}

template <typename Response>
WorkDesk::Reply<Response> ReplyOf(const std::shared_ptr<Call<Response>>& call) {
  return [call](absl::StatusOr<Response> answer) { call->Answer(std::move(answer)); };
}

}  // namespace

void WorkServiceImpl::Drain() {
  for (const auto& [name, stream] : streams_) {
    stream.loop->Post([desk = stream.desk] { desk->Drain(); });
  }
}

grpc::ServerUnaryReactor* WorkServiceImpl::Lease(grpc::CallbackServerContext* context,
                                                 const v1::LeaseRequest* request,
                                                 v1::LeaseResponse* response) {
  return Run(context, Access::kWork, streams_, request->stream(), response,
             [request = *request](WorkDesk& desk, const auto& call) {
               desk.Lease(
                   request, [call] { return call->is_gone(); }, ReplyOf(call));
             });
}

grpc::ServerUnaryReactor* WorkServiceImpl::Renew(grpc::CallbackServerContext* context,
                                                 const v1::RenewRequest* request,
                                                 v1::RenewResponse* response) {
  return Run(context, Access::kWork, streams_, request->name(), response,
             [request = *request](WorkDesk& desk, const auto& call) {
               desk.Renew(request, ReplyOf(call));
             });
}

grpc::ServerUnaryReactor* WorkServiceImpl::Report(grpc::CallbackServerContext* context,
                                                  const v1::ReportRequest* request,
                                                  v1::ReportResponse* response) {
  return Run(context, Access::kWork, streams_, request->name(), response,
             [request = *request](WorkDesk& desk, const auto& call) {
               desk.Report(request, ReplyOf(call));
             });
}

grpc::ServerUnaryReactor* WorkServiceImpl::Complete(grpc::CallbackServerContext* context,
                                                    const v1::CompleteRequest* request,
                                                    v1::CompleteResponse* response) {
  return Run(context, Access::kWork, streams_, request->name(), response,
             [request = *request](WorkDesk& desk, const auto& call) {
               desk.Complete(request, ReplyOf(call));
             });
}

grpc::ServerUnaryReactor* WorkServiceImpl::ReportRules(grpc::CallbackServerContext* context,
                                                       const v1::ReportRulesRequest* request,
                                                       v1::ReportRulesResponse* response) {
  return Run(context, Access::kWork, streams_, request->stream(), response,
             [request = *request](WorkDesk& desk, const auto& call) {
               desk.ReportRules(request, ReplyOf(call));
             });
}

grpc::ServerUnaryReactor* WorkServiceImpl::ReportUsage(grpc::CallbackServerContext* context,
                                                       const v1::ReportUsageRequest* request,
                                                       v1::ReportUsageResponse* response) {
  return Run(context, Access::kWork, streams_, request->stream(), response,
             [request = *request](WorkDesk& desk, const auto& call) {
               desk.ReportUsage(request, ReplyOf(call));
             });
}

grpc::ServerUnaryReactor* RuleServiceImpl::CreateRuleTask(grpc::CallbackServerContext* context,
                                                          const v1::CreateRuleTaskRequest* request,
                                                          v1::RuleTask* response) {
  return Run(
      context, AccessOf(request->action().kind()), streams_, request->parent(), response,
      [request = *request, who = PeerName(*context->auth_context())](
          WorkDesk& desk, const auto& call) { desk.CreateRuleTask(request, who, ReplyOf(call)); });
}

grpc::ServerUnaryReactor* RuleServiceImpl::GetRuleTask(grpc::CallbackServerContext* context,
                                                       const v1::GetRuleTaskRequest* request,
                                                       v1::RuleTask* response) {
  return Run(context, Access::kRead, streams_, request->name(), response,
             [request = *request](WorkDesk& desk, const auto& call) {
               desk.GetRuleTask(request, ReplyOf(call));
             });
}

}  // namespace braid
