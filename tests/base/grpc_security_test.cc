#include "base/grpc_security.h"

#include <grpc/grpc_security_constants.h>
#include <grpcpp/grpcpp.h>
#include <stdlib.h>

#include <chrono>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "braid/v1/admin_service.grpc.pb.h"
#include "gtest/gtest.h"

namespace braid {
namespace {

// Ten times what a handshake takes on a busy machine: a bound, not a wait.
constexpr std::chrono::seconds kCallMax{10};

// Answers with the caller's name, or refuses as PeerRole does.
class WhoAmI final : public v1::AdminService::Service {
 public:
  grpc::Status GetStatus(grpc::ServerContext* context, const v1::GetStatusRequest*,
                         v1::StreamStatus*) override {
    const auto auth = context->auth_context();
    const absl::StatusOr<Role> role = PeerRole(*auth);
    const std::string answer =
        role.ok() ? absl::StrCat(std::string(RoleName(*role)), " ", PeerName(*auth))
                  : std::string(role.status().message());
    return grpc::Status(grpc::StatusCode::ALREADY_EXISTS, answer);
  }
};

class GrpcSecurityTest : public testing::Test {
 protected:
  GrpcSecurityTest() {
    dir_ = testing::TempDir() + "certs_XXXXXX";
    EXPECT_NE(mkdtemp(dir_.data()), nullptr);
  }

  void MakeCerts(const std::string& arguments) {
    const std::string command = absl::StrCat("deploy/make-certs ", arguments, " >&2");
    ASSERT_EQ(system(command.c_str()), 0) << command;
  }

  void StartServer(const config::v1::ServerTlsConfig* tls) {
    const auto credentials =
        MakeServerCredentials("127.0.0.1:0", tls, {.reread_interval = absl::Seconds(1)});
    ASSERT_TRUE(credentials.ok()) << credentials.status();
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", *credentials, &port_);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }

  config::v1::ServerTlsConfig ServerTls() const {
    config::v1::ServerTlsConfig tls;
    tls.set_certificate_file(dir_ + "/deduper.crt");
    tls.set_key_file(dir_ + "/deduper.key");
    tls.set_client_ca_file(dir_ + "/ca.crt");
    return tls;
  }

  config::v1::TlsConfig ClientTls(const std::string& dir, const std::string& name) const {
    config::v1::TlsConfig tls;
    tls.set_ca_file(dir + "/ca.crt");
    tls.set_certificate_file(absl::StrCat(dir, "/", name, ".crt"));
    tls.set_key_file(absl::StrCat(dir, "/", name, ".key"));
    return tls;
  }

  std::string Address() const { return absl::StrCat("127.0.0.1:", port_); }

  // A call over a connection of its own. The server's certificate, if there
  // was one, is left in server_certificate_.
  grpc::Status CallOver(const std::shared_ptr<grpc::Channel>& channel) {
    const auto stub = v1::AdminService::NewStub(channel);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kCallMax);
    v1::StreamStatus answer;
    const grpc::Status status = stub->GetStatus(&context, v1::GetStatusRequest(), &answer);
    const auto auth = context.auth_context();
    server_certificate_.clear();
    if (auth != nullptr) {
      for (const auto& pem : auth->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME)) {
        server_certificate_.assign(pem.data(), pem.size());
      }
    }
    return status;
  }

  grpc::Status Call(const config::v1::TlsConfig* tls) {
    grpc::ChannelArguments arguments;
    // Otherwise channels of one configuration share a connection.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    const auto channel = MakeChannel(Address(), tls, arguments);
    EXPECT_TRUE(channel.ok()) << channel.status();
    return CallOver(*channel);
  }

  std::string dir_;
  WhoAmI service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::string server_certificate_;
};

TEST_F(GrpcSecurityTest, RolesComeFromTheClientsCertificate) {
  MakeCerts(dir_);
  const config::v1::ServerTlsConfig server_tls = ServerTls();
  StartServer(&server_tls);
  for (const auto& [name, answer] :
       {std::pair("connector-a", "connector connector-a"), std::pair("reader", "reader reader"),
        std::pair("operator", "operator operator")}) {
    const config::v1::TlsConfig tls = ClientTls(dir_, name);
    EXPECT_EQ(Call(&tls).error_message(), answer);
  }
}

TEST_F(GrpcSecurityTest, PeersOfAnotherAuthorityAreRefusedOnBothSides) {
  MakeCerts(dir_);
  MakeCerts(dir_ + "/other");
  const config::v1::ServerTlsConfig server_tls = ServerTls();
  StartServer(&server_tls);
  const config::v1::TlsConfig stranger = ClientTls(dir_ + "/other", "reader");
  EXPECT_EQ(Call(&stranger).error_code(), grpc::StatusCode::UNAVAILABLE);
  config::v1::TlsConfig trusts_server = stranger;
  trusts_server.set_ca_file(dir_ + "/ca.crt");
  EXPECT_EQ(Call(&trusts_server).error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(GrpcSecurityTest, ClientsWithoutACertificateAreRefused) {
  MakeCerts(dir_);
  const config::v1::ServerTlsConfig server_tls = ServerTls();
  StartServer(&server_tls);
  EXPECT_EQ(Call(nullptr).error_code(), grpc::StatusCode::UNAVAILABLE);
  grpc::experimental::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(
      std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(dir_ + "/ca.crt", 1));
  options.watch_root_certs();
  EXPECT_EQ(CallOver(grpc::CreateChannel(Address(), grpc::experimental::TlsCredentials(options)))
                .error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

TEST_F(GrpcSecurityTest, RenewedCertificateIsUsedWithoutRestart) {
  MakeCerts(dir_);
  const config::v1::ServerTlsConfig server_tls = ServerTls();
  StartServer(&server_tls);
  const config::v1::TlsConfig tls = ClientTls(dir_, "reader");
  EXPECT_EQ(Call(&tls).error_message(), "reader reader");
  const std::string before = server_certificate_;
  ASSERT_FALSE(before.empty());
  MakeCerts(absl::StrCat("--renew ", dir_, " deduper"));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  grpc::Status status;
  do {
    // May fail once, when the server read between the two renames.
    status = Call(&tls);
  } while ((server_certificate_ == before || server_certificate_.empty()) &&
           std::chrono::steady_clock::now() < deadline);
  EXPECT_NE(server_certificate_, before);
  EXPECT_EQ(status.error_message(), "reader reader");
}

TEST_F(GrpcSecurityTest, PlainPeerOnLoopbackIsAnOperator) {
  StartServer(nullptr);
  EXPECT_EQ(Call(nullptr).error_message(), "operator ");
}

TEST_F(GrpcSecurityTest, CertificateForServingIsRefusedAsAClient) {
  MakeCerts(dir_);
  const config::v1::ServerTlsConfig server_tls = ServerTls();
  StartServer(&server_tls);
  const config::v1::TlsConfig tls = ClientTls(dir_, "deduper");
  EXPECT_EQ(Call(&tls).error_code(), grpc::StatusCode::UNAVAILABLE);
}

// AuthPropertyIterator's default constructor is for derived classes.
class End final : public grpc::AuthPropertyIterator {};

// A TLS peer whose certificate holds these URIs.
class TlsPeer final : public grpc::AuthContext {
 public:
  explicit TlsPeer(std::vector<std::string> uris) : uris_(std::move(uris)) {}
  bool IsPeerAuthenticated() const override { return true; }
  std::vector<grpc::string_ref> GetPeerIdentity() const override { return {}; }
  std::string GetPeerIdentityPropertyName() const override { return ""; }
  std::vector<grpc::string_ref> FindPropertyValues(const std::string& name) const override {
    if (name == GRPC_TRANSPORT_SECURITY_TYPE_PROPERTY_NAME) return {"ssl"};
    if (name != GRPC_PEER_URI_PROPERTY_NAME) return {};
    return {uris_.begin(), uris_.end()};
  }
  grpc::AuthPropertyIterator begin() const override { return End(); }
  grpc::AuthPropertyIterator end() const override { return End(); }
  void AddProperty(const std::string&, const grpc::string_ref&) override {}
  bool SetPeerIdentityPropertyName(const std::string&) override { return false; }

 private:
  const std::vector<std::string> uris_;
};

TEST(PeerRole, NeedsExactlyOneKnownRole) {
  EXPECT_EQ(*PeerRole(TlsPeer({"spiffe://x", "braid:role/reader"})), Role::kReader);
  for (const std::vector<std::string>& uris : {std::vector<std::string>{},
                                               {"braid:role/boss"},
                                               {"braid:role/"},
                                               {"xbraid:role/operator"},
                                               {"braid:role/operator "},
                                               {"braid:role/reader", "braid:role/operator"}}) {
    EXPECT_TRUE(absl::IsPermissionDenied(PeerRole(TlsPeer(uris)).status()));
  }
}

TEST(GrpcSecurity, PlainTextBeyondLoopbackIsRefusedWithTheAddress) {
  for (const char* address : {"0.0.0.0:7400", "[::]:7400", "10.0.0.1:7400", "a.example:7400"}) {
    const absl::Status listening = MakeServerCredentials(address, nullptr).status();
    const absl::Status dialling = MakeChannel(address, nullptr).status();
    EXPECT_TRUE(absl::IsPermissionDenied(listening)) << listening;
    EXPECT_TRUE(absl::IsPermissionDenied(dialling)) << dialling;
    EXPECT_TRUE(absl::StrContains(dialling.message(), address)) << dialling;
  }
  for (const char* address : {"127.0.0.1:0", "[::1]:0", "localhost:7400"}) {
    EXPECT_TRUE(MakeServerCredentials(address, nullptr).ok()) << address;
    EXPECT_TRUE(MakeChannel(address, nullptr).ok()) << address;
  }
}

TEST(GrpcSecurity, MissingFileIsNamed) {
  config::v1::TlsConfig tls;
  tls.set_ca_file("/nonexistent/ca.crt");
  const absl::Status status = MakeChannel("a.example:1", &tls).status();
  EXPECT_TRUE(absl::StrContains(status.message(), "/nonexistent/ca.crt")) << status;
}

}  // namespace
}  // namespace braid
