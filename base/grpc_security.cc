#include "base/grpc_security.h"

#include <grpc/grpc_security_constants.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <algorithm>
#include <fstream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/host_port.h"

namespace braid {
namespace {

using grpc::experimental::FileWatcherCertificateProvider;

// gRPC says nothing about a file it can not read; handshakes then just fail.
absl::Status CheckFile(absl::string_view key, const std::string& path) {
  if (path.empty()) return absl::InvalidArgumentError(absl::StrCat("tls.", key, " is missing"));
  if (std::ifstream(path).good()) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("tls.", key, ": can not read ", path));
}

absl::Status CheckFiles(absl::string_view ca_key, const std::string& ca_file,
                        const std::string& certificate_file, const std::string& key_file) {
  absl::Status status = CheckFile(ca_key, ca_file);
  if (status.ok()) status = CheckFile("certificate_file", certificate_file);
  if (status.ok()) status = CheckFile("key_file", key_file);
  return status;
}

absl::Status CheckPlainText(absl::string_view doing, const std::string& address) {
  const absl::StatusOr<HostPort> parsed = ParseHostPort(address);
  if (!parsed.ok()) return parsed.status();
  if (IsLoopbackHost(parsed->host)) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat(doing, " ", address,
                                                  " in plain text is refused: only loopback may do "
                                                  "without TLS; configure tls with certificates"));
}

std::shared_ptr<FileWatcherCertificateProvider> Watch(const std::string& ca_file,
                                                      const std::string& certificate_file,
                                                      const std::string& key_file,
                                                      const GrpcSecurityOptions& options) {
  const int64_t seconds = std::max<int64_t>(1, absl::ToInt64Seconds(options.reread_interval));
  return std::make_shared<FileWatcherCertificateProvider>(key_file, certificate_file, ca_file,
                                                          static_cast<unsigned>(seconds));
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const std::string& address, const config::v1::ServerTlsConfig* tls,
    const GrpcSecurityOptions& options) {
  if (tls == nullptr) {
    const absl::Status status = CheckPlainText("listening on", address);
    if (!status.ok()) return status;
    return grpc::InsecureServerCredentials();
  }
  const absl::Status status =
      CheckFiles("client_ca_file", tls->client_ca_file(), tls->certificate_file(), tls->key_file());
  if (!status.ok()) return status;
  grpc::experimental::TlsServerCredentialsOptions tls_options(
      Watch(tls->client_ca_file(), tls->certificate_file(), tls->key_file(), options));
  tls_options.watch_root_certs();
  tls_options.watch_identity_key_cert_pairs();
  tls_options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  return grpc::experimental::TlsServerCredentials(tls_options);
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(const std::string& address,
                                                           const config::v1::TlsConfig* tls,
                                                           grpc::ChannelArguments arguments,
                                                           const GrpcSecurityOptions& options) {
  if (tls == nullptr) {
    const absl::Status status = CheckPlainText("dialling", address);
    if (!status.ok()) return status;
    return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  }
  const absl::Status status =
      CheckFiles("ca_file", tls->ca_file(), tls->certificate_file(), tls->key_file());
  if (!status.ok()) return status;
  grpc::experimental::TlsChannelCredentialsOptions tls_options;
  tls_options.set_certificate_provider(
      Watch(tls->ca_file(), tls->certificate_file(), tls->key_file(), options));
  tls_options.watch_root_certs();
  tls_options.watch_identity_key_cert_pairs();
  if (!tls->server_name().empty()) arguments.SetSslTargetNameOverride(tls->server_name());
  return grpc::CreateCustomChannel(address, grpc::experimental::TlsCredentials(tls_options),
                                   arguments);
}

absl::string_view RoleName(Role role) {
  switch (role) {
    case Role::kConnector:
      return "connector";
    case Role::kReader:
      return "reader";
    case Role::kOperator:
      return "operator";
  }
  return "unknown";
}

absl::StatusOr<Role> PeerRole(const grpc::AuthContext& auth) {
  const std::vector<grpc::string_ref> transport =
      auth.FindPropertyValues(GRPC_TRANSPORT_SECURITY_TYPE_PROPERTY_NAME);
  // MakeServerCredentials allows plain text on loopback only.
  if (transport.empty() || transport[0] == "insecure") return Role::kOperator;
  std::vector<std::string> named;
  for (const grpc::string_ref& uri : auth.FindPropertyValues(GRPC_PEER_URI_PROPERTY_NAME)) {
    absl::string_view text(uri.data(), uri.size());
    if (absl::ConsumePrefix(&text, "braid:role/")) named.emplace_back(text);
  }
  if (named.size() == 1) {
    for (Role role : {Role::kConnector, Role::kReader, Role::kOperator}) {
      if (named[0] == RoleName(role)) return role;
    }
  }
  return absl::PermissionDeniedError(
      absl::StrCat("the certificate of \"", PeerName(auth), "\" names ",
                   named.empty()      ? "no role"
                   : named.size() > 1 ? "several roles"
                                      : "an unknown role",
                   "; it needs one URI braid:role/connector, /reader or /operator"));
}

std::string PeerName(const grpc::AuthContext& auth) {
  const std::vector<grpc::string_ref> names = auth.FindPropertyValues(GRPC_X509_CN_PROPERTY_NAME);
  return names.empty() ? "" : std::string(names[0].data(), names[0].size());
}

}  // namespace braid
