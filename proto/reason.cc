#include "proto/reason.h"

#include "absl/strings/cord.h"
#include "braid/rpc/v1/error.pb.h"

namespace braid {
namespace {

constexpr char kTypeUrl[] = "type.googleapis.com/google.rpc.ErrorInfo";
constexpr char kDomain[] = "braid";

}  // namespace

absl::Status ReasonError(absl::StatusCode code, absl::string_view message, const Reason& reason) {
  rpc::v1::ErrorInfo info;
  info.set_reason(reason.reason);
  info.set_domain(kDomain);
  for (const auto& [key, value] : reason.metadata) (*info.mutable_metadata())[key] = value;
  absl::Status status(code, message);
  status.SetPayload(kTypeUrl, absl::Cord(info.SerializeAsString()));
  return status;
}

Reason ReasonOf(const absl::Status& status) {
  auto payload = status.GetPayload(kTypeUrl);
  rpc::v1::ErrorInfo info;
  if (!payload.has_value() || !info.ParseFromString(std::string(*payload))) return {};
  Reason reason;
  reason.reason = info.reason();
  reason.metadata.insert(info.metadata().begin(), info.metadata().end());
  return reason;
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  auto code = static_cast<grpc::StatusCode>(status.code());
  std::string message(status.message());
  auto payload = status.GetPayload(kTypeUrl);
  if (!payload.has_value()) return grpc::Status(code, message);
  rpc::v1::Status details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(message);
  google::protobuf::Any* any = details.add_details();
  any->set_type_url(kTypeUrl);
  any->set_value(std::string(*payload));
  return grpc::Status(code, message, details.SerializeAsString());
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  rpc::v1::Status details;
  if (!details.ParseFromString(status.error_details())) return result;
  for (const google::protobuf::Any& any : details.details()) {
    if (any.type_url() == kTypeUrl) result.SetPayload(kTypeUrl, absl::Cord(any.value()));
  }
  return result;
}

}  // namespace braid
