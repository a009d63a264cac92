// The command's side of gRPC: one channel, the stubs, and which stream is
// meant.
//
// Threads: any. Calls have deadlines except streams.

#ifndef BRAID_CLI_CLIENT_H_
#define BRAID_CLI_CLIENT_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "braid/v1/admin_service.grpc.pb.h"
#include "braid/v1/stream_service.grpc.pb.h"
#include "cli/command_line.h"

namespace braid {

class Client {
 public:
  // Refuses plain text beyond loopback.
  static absl::StatusOr<std::unique_ptr<Client>> Connect(const CommandLine& line);

  v1::AdminService::Stub& admin() { return *admin_; }
  v1::StreamService::Stub& streams() { return *streams_; }

  // "streams/main": the one named, or the only one there is.
  absl::StatusOr<std::string> StreamName();

  absl::StatusOr<v1::ServerInfo> ServerInfo();
  absl::StatusOr<v1::StreamStatus> Status();
  absl::StatusOr<v1::Event> Event(uint64_t post_id);

  const std::string& address() const { return line_.server; }

  // Use Connect.
  Client(const CommandLine& line, std::shared_ptr<grpc::Channel> channel);

 private:
  const CommandLine line_;
  std::unique_ptr<v1::AdminService::Stub> admin_;
  std::unique_ptr<v1::StreamService::Stub> streams_;
};

// Ordinary calls end after this: a person waits.
void SetCallDeadline(grpc::ClientContext* context);

// "json" of a message; `pretty` over several lines.
std::string ToJson(const google::protobuf::Message& message, bool pretty);

int ExitCodeOf(const absl::Status& status);

}  // namespace braid

#endif  // BRAID_CLI_CLIENT_H_
