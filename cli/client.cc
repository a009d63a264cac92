#include "cli/client.h"

#include <google/protobuf/util/json_util.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/channel.h"

namespace braid {
namespace {

constexpr std::chrono::seconds kCallTimeout{5};

}  // namespace

void SetCallDeadline(grpc::ClientContext* context) {
  context->set_deadline(std::chrono::system_clock::now() + kCallTimeout);
}

std::string ToJson(const google::protobuf::Message& message, bool pretty) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = pretty;
  std::string text;
  // Fails only for messages with Any of unknown types: there are none.
  (void)google::protobuf::util::MessageToJsonString(message, &text, options);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

int ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kExitOk;
    case absl::StatusCode::kNotFound:
      return kExitNotFound;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return kExitUnreachable;
    default:
      return kExitFailed;
  }
}

absl::StatusOr<std::unique_ptr<Client>> Client::Connect(const CommandLine& line,
                                                        Interrupt& interrupt) {
  absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = OpenChannel(line);
  if (!channel.ok()) return channel.status();
  return std::make_unique<Client>(line, interrupt, *std::move(channel));
}

Client::Client(const CommandLine& line, Interrupt& interrupt,
               std::shared_ptr<grpc::Channel> channel)
    : line_(line),
      interrupt_(interrupt),
      admin_(v1::AdminService::NewStub(channel)),
      streams_(v1::StreamService::NewStub(channel)),
      rules_(v1::RuleService::NewStub(channel)),
      gaps_(v1::GapService::NewStub(channel)),
      recovery_(v1::RecoveryService::NewStub(channel)) {}

absl::StatusOr<v1::ServerInfo> Client::ServerInfo() {
  v1::ServerInfo info;
  absl::Status status = Do([&](grpc::ClientContext* context) {
    return admin_->GetServerInfo(context, v1::GetServerInfoRequest(), &info);
  });
  if (!status.ok()) return status;
  return info;
}

absl::StatusOr<std::string> Client::StreamName() {
  if (!line_.stream.empty()) return absl::StrCat("streams/", line_.stream);
  absl::StatusOr<v1::ServerInfo> info = ServerInfo();
  if (!info.ok()) return info.status();
  if (info->streams_size() == 1) return absl::StrCat("streams/", info->streams(0));
  return absl::InvalidArgumentError(
      absl::StrCat("the server has several streams, name one with "
                   "--stream: ",
                   absl::StrJoin(info->streams(), ", ")));
}

absl::StatusOr<std::string> Client::NameOf(absl::string_view collection,
                                           const std::string& number) {
  if (number.find('/') != std::string::npos) return number;
  absl::StatusOr<std::string> stream = StreamName();
  if (!stream.ok()) return stream.status();
  return absl::StrCat(*stream, "/", collection, "/", number);
}

absl::StatusOr<v1::StreamStatus> Client::Status() {
  absl::StatusOr<std::string> stream = StreamName();
  if (!stream.ok()) return stream.status();
  v1::GetStatusRequest request;
  request.set_stream(*stream);
  v1::StreamStatus result;
  absl::Status status = Do(
      [&](grpc::ClientContext* context) { return admin_->GetStatus(context, request, &result); });
  if (!status.ok()) return status;
  return result;
}

absl::StatusOr<v1::Event> Client::Event(uint64_t post_id) {
  absl::StatusOr<std::string> stream = StreamName();
  if (!stream.ok()) return stream.status();
  v1::GetEventRequest request;
  request.set_name(absl::StrCat(*stream, "/events/", post_id));
  v1::Event event;
  absl::Status status = Do(
      [&](grpc::ClientContext* context) { return streams_->GetEvent(context, request, &event); });
  if (!status.ok()) return status;
  return event;
}

absl::StatusOr<v1::DrainConnectionResponse> Client::Drain(const std::string& connection,
                                                          v1::DrainConnectionRequest request) {
  absl::StatusOr<std::string> parent = StreamName();
  if (!parent.ok()) return parent.status();
  request.set_name(absl::StrCat(*parent, "/connections/", connection));
  v1::DrainConnectionResponse response;
  absl::Status status = Do([&](grpc::ClientContext* context) {
    return admin_->DrainConnection(context, request, &response);
  });
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<v1::ListConnectionsResponse> Client::Connections() {
  absl::StatusOr<std::string> parent = StreamName();
  if (!parent.ok()) return parent.status();
  v1::ListConnectionsRequest request;
  request.set_parent(*parent);
  v1::ListConnectionsResponse all;
  do {
    v1::ListConnectionsResponse page;
    absl::Status status = Do([&](grpc::ClientContext* context) {
      return admin_->ListConnections(context, request, &page);
    });
    if (!status.ok()) return status;
    request.set_page_token(page.next_page_token());
    all.mutable_connections()->MergeFrom(page.connections());
  } while (!request.page_token().empty());
  return all;
}

}  // namespace braid
