// How the command reaches a deduper: TLS where certificates are given, plain
// text only to this machine.

#ifndef BRAID_CLI_CHANNEL_H_
#define BRAID_CLI_CHANNEL_H_

#include <grpcpp/grpcpp.h>

#include <memory>

#include "absl/status/statusor.h"
#include "cli/command_line.h"

namespace braid {

// Refuses an address that is none, and plain text beyond loopback; NotFound for
// a missing file. Connects with the first call.
absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(const CommandLine& line);

}  // namespace braid

#endif  // BRAID_CLI_CHANNEL_H_
