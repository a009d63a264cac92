// Who may talk to whom over gRPC: mutual TLS (1.2 or newer) from certificate
// files that are read again when they change, and plain text only on loopback.
//
// Roles: a client's certificate names its role as a SAN URI,
// "braid:role/connector", "braid:role/reader" or "braid:role/operator"
// (deploy/make-certs writes them). A peer without TLS, which can only be on
// loopback, is an operator.
//
// Threads: any. What is returned owns what it needs.
// Renewal: replace the files (each by rename); new connections use them after
// at most GrpcSecurityOptions::reread_interval, standing ones go on.

#ifndef BRAID_BASE_GRPC_SECURITY_H_
#define BRAID_BASE_GRPC_SECURITY_H_

#include <grpcpp/channel.h>
#include <grpcpp/security/auth_context.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "braid/config/v1/config.pb.h"

namespace braid {

struct GrpcSecurityOptions {
  // gRPC takes whole seconds, at least one. Reading three small files this
  // often costs nothing, and certificates are renewed days ahead.
  absl::Duration reread_interval = absl::Seconds(5);
};

// Credentials for listening on `address` ("host:port"). `tls` null: plain text.
// PermissionDenied for plain text beyond loopback; NotFound for a missing file.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const std::string& address, const config::v1::ServerTlsConfig* tls,
    const GrpcSecurityOptions& options = {});

// A channel to `address`, which connects lazily. Errors as above.
absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(const std::string& address,
                                                           const config::v1::TlsConfig* tls,
                                                           grpc::ChannelArguments arguments = {},
                                                           const GrpcSecurityOptions& options = {});

enum class Role { kConnector, kReader, kOperator };

absl::string_view RoleName(Role role);

// The peer's role. PermissionDenied when its certificate names none, several
// or an unknown one.
absl::StatusOr<Role> PeerRole(const grpc::AuthContext& auth);

// The certificate's common name: the connection's, for a connector. Empty for
// a peer without TLS.
std::string PeerName(const grpc::AuthContext& auth);

}  // namespace braid

#endif  // BRAID_BASE_GRPC_SECURITY_H_
