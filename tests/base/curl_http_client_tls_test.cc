// TLS as CurlHttpClient speaks it: whom it trusts and how ends look through it.

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <fstream>
#include <functional>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/curl_http_client.h"
#include "base/mutex.h"
#include "gtest/gtest.h"
#include "tests/base/loopback_server.h"

namespace braid {
namespace {

using Kind = HttpEnd::Kind;

// A certificate that signs itself, for one name.
struct Identity {
  Identity(const std::string& subject_alt_name, long valid_seconds) {
    key = EVP_EC_gen("P-256");
    certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -7200);
    X509_gmtime_adj(X509_getm_notAfter(certificate), valid_seconds);
    X509_set_pubkey(certificate, key);
    X509_NAME* name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_EXTENSION* extension =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, subject_alt_name.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    X509_sign(certificate, key, EVP_sha256());
  }
  ~Identity() {
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  std::string WriteCertificate(const std::string& name) const {
    std::string path = absl::StrCat(testing::TempDir(), "/", name, ".pem");
    FILE* file = fopen(path.c_str(), "w");
    PEM_write_X509(file, certificate);
    fclose(file);
    return path;
  }

  EVP_PKEY* key;
  X509* certificate;
};

// Answers each connection with `answer` and closes the socket, with or without
// TLS's own goodbye.
class TlsScript {
 public:
  TlsScript(const Identity& identity, std::string answer, bool says_goodbye = true)
      : context_(SSL_CTX_new(TLS_server_method()), SSL_CTX_free),
        answer_(std::move(answer)),
        says_goodbye_(says_goodbye) {
    SSL_CTX_use_certificate(context_.get(), identity.certificate);
    SSL_CTX_use_PrivateKey(context_.get(), identity.key);
  }

  void SpeakAtMost(int version) { SSL_CTX_set_max_proto_version(context_.get(), version); }

  void operator()(LoopbackPeer* peer) const {
    std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context_.get()), SSL_free);
    SSL_set_fd(ssl.get(), peer->socket());
    if (SSL_accept(ssl.get()) != 1) return;
    std::string request;
    char byte;
    while (!absl::EndsWith(request, "\r\n\r\n") && SSL_read(ssl.get(), &byte, 1) == 1) {
      request.push_back(byte);
    }
    SSL_write(ssl.get(), answer_.data(), static_cast<int>(answer_.size()));
    if (says_goodbye_) SSL_shutdown(ssl.get());
  }

 private:
  std::shared_ptr<SSL_CTX> context_;
  const std::string answer_;
  const bool says_goodbye_;
};

class Recorder final : public HttpHandler {
 public:
  void OnConnected(absl::Time) override {}
  void OnHead(const HttpHead&, absl::Time) override {}
  void OnBytes(absl::string_view bytes, absl::Time) override { absl::StrAppend(&body, bytes); }
  void OnDrained(absl::Time) override {}
  void OnDone(const HttpEnd& ended, absl::Time) override {
    MutexLock lock(&mu);
    end = ended;
    done = true;
    changed.NotifyAll();
  }
  Mutex mu;
  CondVar changed;
  bool done = false;
  HttpEnd end;
  std::string body;
};

constexpr char kWhole[] =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
constexpr char kCut[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n";

HttpEnd Get(const TlsScript& script, const std::string& ca_file,
            const std::string& host = "127.0.0.1") {
  LoopbackServer server(script, /*reads_request=*/false);
  CurlHttpClient client;
  auto recorder = std::make_shared<Recorder>();
  HttpRequest request;
  request.url = absl::StrCat("https://", host, ":", server.port(), "/");
  request.ca_file = ca_file;
  client.Open(request, recorder);
  MutexLock lock(&recorder->mu);
  while (!recorder->done) recorder->changed.Wait(&recorder->mu);
  if (recorder->end.kind == Kind::kTlsFailed) {
    EXPECT_EQ(recorder->body, "");
  } else {
    EXPECT_EQ(recorder->body, "hi");
  }
  return recorder->end;
}

TEST(CurlHttpClientTlsTest, TrustedCertificateForThisHostIsAccepted) {
  Identity identity("IP:127.0.0.1", 7200);
  HttpEnd end = Get(TlsScript(identity, kWhole), identity.WriteCertificate("good"));
  EXPECT_EQ(end.kind, Kind::kClean) << end.detail;
}

TEST(CurlHttpClientTlsTest, UntrustedExpiredAndForeignCertificatesAreRefused) {
  Identity identity("IP:127.0.0.1", 7200);
  EXPECT_EQ(Get(TlsScript(identity, kWhole), "").kind, Kind::kTlsFailed);
  Identity other("IP:127.0.0.1", 7200);
  EXPECT_EQ(Get(TlsScript(identity, kWhole), other.WriteCertificate("other")).kind,
            Kind::kTlsFailed);
  Identity expired("IP:127.0.0.1", -3600);
  EXPECT_EQ(Get(TlsScript(expired, kWhole), expired.WriteCertificate("expired")).kind,
            Kind::kTlsFailed);
  Identity foreign("DNS:api.x.com", 7200);
  EXPECT_EQ(Get(TlsScript(foreign, kWhole), foreign.WriteCertificate("foreign")).kind,
            Kind::kTlsFailed);
  EXPECT_EQ(Get(TlsScript(identity, kWhole), "/no/such/file").kind, Kind::kTlsFailed);
}

TEST(CurlHttpClientTlsTest, OldTlsIsRefused) {
  Identity identity("IP:127.0.0.1", 7200);
  TlsScript script(identity, kWhole);
  script.SpeakAtMost(TLS1_1_VERSION);
  EXPECT_EQ(Get(script, identity.WriteCertificate("old")).kind, Kind::kTlsFailed);
}

TEST(CurlHttpClientTlsTest, EndInsideTheBodyIsTruncatedWithAndWithoutGoodbye) {
  Identity identity("IP:127.0.0.1", 7200);
  std::string ca_file = identity.WriteCertificate("cut");
  EXPECT_EQ(Get(TlsScript(identity, kCut, true), ca_file).kind, Kind::kTruncated);
  HttpEnd end = Get(TlsScript(identity, kCut, false), ca_file);
  EXPECT_EQ(end.kind, Kind::kTruncated) << end.detail;
}

}  // namespace
}  // namespace braid
