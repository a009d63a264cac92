// The deduper's gRPC port: credentials, limits, keepalive, health, reflection
// and channelz around the services.
//
// Threads: start and stop on the owner's thread; SetServing from any.
// Bounds: Options.

#ifndef BRAID_DEDUPE_GRPC_SERVER_H_
#define BRAID_DEDUPE_GRPC_SERVER_H_

#include <grpcpp/grpcpp.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "braid/config/v1/config.pb.h"

namespace braid {

class GrpcServer {
 public:
  struct Options {
    // "host:port"; port 0 takes any free one.
    std::string address;
    // Null: plain text, on loopback only.
    const config::v1::ServerTlsConfig* tls = nullptr;
    // The longest line is 2 MiB; a frame and its keys fit twice.
    int receive_max_bytes = 4 << 20;
    // Per transport: every caller's calls, with room; a flood is refused.
    int concurrent_streams_max = 256;
    // gRPC's own buffers: stalled readers and eager connectors included.
    size_t memory_max_bytes = 160 << 20;
  };

  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(
      const Options& options, const std::vector<grpc::Service*>& services);
  // Shuts down at once.
  ~GrpcServer();

  int port() const { return port_; }

  // What grpc.health.v1 says of a service ("braid.v1.StreamService"); "" is
  // the whole server. Unknown before the first call.
  void SetServing(const std::string& service, bool serving);
  void SetNothingServing();

  // No new calls; those under way are cancelled when `grace` is over.
  void Shutdown(absl::Duration grace);

 private:
  GrpcServer(std::unique_ptr<grpc::Server> server, int port)
      : server_(std::move(server)), port_(port) {}

  const std::unique_ptr<grpc::Server> server_;
  const int port_;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_GRPC_SERVER_H_
