// Errors that a program can act on: an absl::Status that carries a
// google.rpc.ErrorInfo (reason, domain "braid", metadata), and its way over
// gRPC and back.
//
// Threads: any; everything here is pure.

#ifndef BRAID_PROTO_REASON_H_
#define BRAID_PROTO_REASON_H_

#include <grpcpp/support/status.h>

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace braid {

struct Reason {
  // Empty: the error carries none.
  std::string reason;
  // Every dynamic part of the message again, for programs.
  std::map<std::string, std::string> metadata;
};

absl::Status ReasonError(absl::StatusCode code, absl::string_view message, const Reason& reason);

// The reason an error carries; empty where it has none.
Reason ReasonOf(const absl::Status& status);

// Code, message and reason survive both ways.
grpc::Status ToGrpcStatus(const absl::Status& status);
absl::Status FromGrpcStatus(const grpc::Status& status);

}  // namespace braid

#endif  // BRAID_PROTO_REASON_H_
