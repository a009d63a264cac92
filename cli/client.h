// The command's side of gRPC: one channel, the stubs, and which stream is
// meant.
//
// Threads: any, one call at a time. Calls have deadlines, except streams, and
// end at once when interrupted.

#ifndef BRAID_CLI_CLIENT_H_
#define BRAID_CLI_CLIENT_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "braid/v1/admin_service.grpc.pb.h"
#include "braid/v1/gap_service.grpc.pb.h"
#include "braid/v1/recovery_service.grpc.pb.h"
#include "braid/v1/rule_service.grpc.pb.h"
#include "braid/v1/stream_service.grpc.pb.h"
#include "cli/command_line.h"
#include "cli/interrupt.h"
#include "proto/reason.h"

namespace braid {

// Ordinary calls end after this: a person waits.
void SetCallDeadline(grpc::ClientContext* context);

class Client {
 public:
  // Refuses plain text beyond loopback.
  static absl::StatusOr<std::unique_ptr<Client>> Connect(const CommandLine& line,
                                                         Interrupt& interrupt);

  v1::AdminService::Stub& admin() { return *admin_; }
  v1::StreamService::Stub& streams() { return *streams_; }
  v1::RuleService::Stub& rules() { return *rules_; }
  v1::GapService::Stub& gaps() { return *gaps_; }
  v1::RecoveryService::Stub& recovery() { return *recovery_; }

  // "streams/main": the one named, or the only one there is.
  absl::StatusOr<std::string> StreamName();
  // Of one of the stream's numbered things: "streams/main/gaps/7" for "7" of
  // "gaps", and for itself.
  absl::StatusOr<std::string> NameOf(absl::string_view collection, const std::string& number);

  absl::StatusOr<v1::ServerInfo> ServerInfo();
  absl::StatusOr<v1::StreamStatus> Status();
  absl::StatusOr<v1::Event> Event(uint64_t post_id);
  // All pages.
  absl::StatusOr<v1::ListConnectionsResponse> Connections();
  // `request` needs no name: the stream is looked up.
  absl::StatusOr<v1::DrainConnectionResponse> Drain(const std::string& connection,
                                                    v1::DrainConnectionRequest request);

  // A call without stream, within the deadline: call(&context) → grpc::Status.
  template <typename Call>
  absl::Status Do(Call call) {
    grpc::ClientContext context;
    SetCallDeadline(&context);
    Interrupt::Scope scope(interrupt_, [&context] { context.TryCancel(); });
    return FromGrpcStatus(call(&context));
  }

  // Use Connect.
  Client(const CommandLine& line, Interrupt& interrupt, std::shared_ptr<grpc::Channel> channel);

 private:
  const CommandLine line_;
  Interrupt& interrupt_;
  std::unique_ptr<v1::AdminService::Stub> admin_;
  std::unique_ptr<v1::StreamService::Stub> streams_;
  std::unique_ptr<v1::RuleService::Stub> rules_;
  std::unique_ptr<v1::GapService::Stub> gaps_;
  std::unique_ptr<v1::RecoveryService::Stub> recovery_;
};

// "json" of a message; `pretty` over several lines.
std::string ToJson(const google::protobuf::Message& message, bool pretty);

int ExitCodeOf(const absl::Status& status);

}  // namespace braid

#endif  // BRAID_CLI_CLIENT_H_
