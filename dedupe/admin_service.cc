#include "dedupe/admin_service.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "dedupe/access.h"
#include "dedupe/grpc_calls.h"
#include "dedupe/numbered.h"
#include "dedupe/stream_name.h"
#include "proto/proto_time.h"
#include "proto/reason.h"

namespace braid {
namespace {

constexpr absl::Duration kIntervalDefault = absl::Seconds(1);
constexpr absl::Duration kIntervalMin = absl::Milliseconds(100);
constexpr absl::Duration kIntervalMax = absl::Minutes(1);
// Stands in the log and in every status.
constexpr size_t kPauseReasonMax = 200;

absl::Duration WatchInterval(const v1::WatchStatusRequest& request) {
  if (!request.has_interval()) return kIntervalDefault;
  return std::clamp(ToDuration(request.interval()), kIntervalMin, kIntervalMax);
}

}  // namespace

absl::StatusOr<v1::StreamStatus> GetStatus(const StatusSources& sources,
                                           const std::string& stream) {
  auto source = FindByStreamName(sources, stream);
  if (!source.ok()) return source.status();
  return (**source)();
}

absl::StatusOr<v1::Usage> GetUsage(const StreamControls& controls,
                                   const v1::GetUsageRequest& request) {
  auto control = FindByStreamName(controls, request.stream());
  if (!control.ok()) return control.status();
  return (*control)->usage(request);
}

absl::StatusOr<v1::ListConnectionsResponse> ListConnections(
    const StatusSources& sources, const v1::ListConnectionsRequest& request) {
  absl::StatusOr<v1::StreamStatus> status = GetStatus(sources, request.parent());
  if (!status.ok()) return status.status();
  absl::StatusOr<int> size = PageSizeOf(request.page_size());
  if (!size.ok()) return size.status();
  // The page token is the last name of the page before: names are sorted.
  v1::ListConnectionsResponse page;
  for (v1::Connection& connection : *status->mutable_connections()) {
    if (connection.name() <= request.page_token()) continue;
    if (page.connections_size() == *size) {
      page.set_next_page_token(page.connections(*size - 1).name());
      break;
    }
    *page.add_connections() = std::move(connection);
  }
  return page;
}

absl::StatusOr<std::pair<std::string, std::string>> ParseConnectionName(const std::string& name) {
  std::vector<std::string> parts = absl::StrSplit(name, '/');
  if (parts.size() != 4 || parts[0] != "streams" || parts[2] != "connections" || parts[1].empty() ||
      parts[3].empty()) {
    return absl::InvalidArgumentError(
        "name is not of the form streams/{stream}/connections/{connection}");
  }
  return std::make_pair(parts[1], parts[3]);
}

absl::Status StatusOf(const DrainDecision& decision, const std::string& connection) {
  using Outcome = DrainDecision::Outcome;
  const char* reason = nullptr;
  switch (decision.outcome) {
    case Outcome::kGranted:
      return absl::OkStatus();
    case Outcome::kUnknown:
      return ReasonError(absl::StatusCode::kNotFound, ProblemOf(decision, connection),
                         {"UNKNOWN_CONNECTION", {{"connection", connection}}});
    case Outcome::kAway:
      reason = "CONNECTION_AWAY";
      break;
    case Outcome::kGrantedToOther:
    case Outcome::kPeerNotSeen:
      reason = "DRAIN_GRANTED";
      break;
    case Outcome::kPeerNotReceiving:
      reason = "PEER_NOT_RECEIVING";
      break;
    case Outcome::kPeerNotSettled:
      reason = "PEER_NOT_SETTLED";
      break;
  }
  return ReasonError(absl::StatusCode::kFailedPrecondition, ProblemOf(decision, connection),
                     {reason,
                      {{"connection", connection},
                       {"peer", decision.peer},
                       {"wait_seconds", absl::StrCat(absl::ToInt64Seconds(decision.wait))}}});
}

grpc::ServerUnaryReactor* AdminServiceImpl::GetServerInfo(grpc::CallbackServerContext* context,
                                                          const v1::GetServerInfoRequest* request,
                                                          v1::ServerInfo* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::Status access = CheckAccess(*context->auth_context(), Access::kRead);
  if (access.ok()) *response = info_;
  reactor->Finish(ToGrpcStatus(access));
  return reactor;
}

grpc::ServerUnaryReactor* AdminServiceImpl::GetStatus(grpc::CallbackServerContext* context,
                                                      const v1::GetStatusRequest* request,
                                                      v1::StreamStatus* response) {
  return AnswerOnPool(
      context, pool_, Access::kRead, request, response,
      [this](const v1::GetStatusRequest& r) { return braid::GetStatus(sources_, r.stream()); });
}

grpc::ServerWriteReactor<v1::WatchStatusResponse>* AdminServiceImpl::WatchStatus(
    grpc::CallbackServerContext* context, const v1::WatchStatusRequest* request) {
  absl::Status access = CheckAccess(*context->auth_context(), Access::kRead);
  if (!access.ok()) return RefuseWrites<v1::WatchStatusResponse>(access);
  using Call = PolledWrites<v1::WatchStatusResponse>;
  auto look = [this, stream = request->stream()]() -> absl::StatusOr<Call::Found> {
    absl::StatusOr<v1::StreamStatus> status = braid::GetStatus(sources_, stream);
    if (!status.ok()) return status.status();
    Call::Found found;
    *found.responses.emplace_back().mutable_status() = *std::move(status);
    return found;
  };
  return Call::Start(
      pool_, {WatchInterval(*request)}, [this] { return draining(); }, std::move(look));
}

grpc::ServerUnaryReactor* AdminServiceImpl::ListConnections(
    grpc::CallbackServerContext* context, const v1::ListConnectionsRequest* request,
    v1::ListConnectionsResponse* response) {
  return AnswerOnPool(
      context, pool_, Access::kRead, request, response,
      [this](const v1::ListConnectionsRequest& r) { return braid::ListConnections(sources_, r); });
}

grpc::ServerUnaryReactor* AdminServiceImpl::DrainConnection(
    grpc::CallbackServerContext* context, const v1::DrainConnectionRequest* request,
    v1::DrainConnectionResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  auto refuse = [reactor](const absl::Status& status) {
    reactor->Finish(ToGrpcStatus(status));
    return reactor;
  };
  absl::Status access = CheckAccess(*context->auth_context(), Access::kOperate);
  if (!access.ok()) return refuse(access);
  auto name = ParseConnectionName(request->name());
  if (!name.ok()) return refuse(name.status());
  auto desk = desks_.find(name->first);
  if (desk == desks_.end()) {
    return refuse(ReasonError(absl::StatusCode::kNotFound,
                              absl::StrCat("there is no stream \"", name->first, "\""),
                              {"UNKNOWN_STREAM", {{"stream", name->first}}}));
  }
  desk->second({name->second, request->reconnect(), request->force()},
               [reactor, response, connection = name->second](const DrainDecision& decision) {
                 SetTime(decision.expire_time, response->mutable_expire_time());
                 reactor->Finish(ToGrpcStatus(StatusOf(decision, connection)));
               });
  return reactor;
}

grpc::ServerUnaryReactor* AdminServiceImpl::GetUsage(grpc::CallbackServerContext* context,
                                                     const v1::GetUsageRequest* request,
                                                     v1::Usage* response) {
  return AnswerOnPool(
      context, pool_, Access::kRead, request, response,
      [this](const v1::GetUsageRequest& r) { return braid::GetUsage(controls_, r); });
}

grpc::ServerUnaryReactor* AdminServiceImpl::Command(grpc::CallbackServerContext* context,
                                                    const std::string& stream,
                                                    store::v1::Command command) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::Status result = CheckAccess(*context->auth_context(), Access::kOperate);
  auto control = FindByStreamName(controls_, stream);
  if (result.ok()) result = control.status();
  if (result.ok() && command.reason().size() > kPauseReasonMax) {
    result = absl::InvalidArgumentError(
        absl::StrCat("reason is longer than ", kPauseReasonMax, " bytes"));
  }
  if (result.ok()) {
    (*control)->command(std::move(command), [reactor] { reactor->Finish(grpc::Status::OK); });
  } else {
    reactor->Finish(ToGrpcStatus(result));
  }
  return reactor;
}

grpc::ServerUnaryReactor* AdminServiceImpl::PauseStream(grpc::CallbackServerContext* context,
                                                        const v1::PauseStreamRequest* request,
                                                        v1::PauseStreamResponse* response) {
  store::v1::Command command;
  command.set_action(store::v1::Command::ACTION_PAUSE);
  command.set_reason(request->reason());
  return Command(context, request->stream(), std::move(command));
}

grpc::ServerUnaryReactor* AdminServiceImpl::ResumeStream(grpc::CallbackServerContext* context,
                                                         const v1::ResumeStreamRequest* request,
                                                         v1::ResumeStreamResponse* response) {
  store::v1::Command command;
  command.set_action(store::v1::Command::ACTION_RESUME);
  return Command(context, request->stream(), std::move(command));
}

}  // namespace braid
