// The stream over HTTPS, with a certificate made for the test.

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/emulator/emulator.h"
#include "tests/emulator/test_client.h"

namespace braid::emulator {
namespace {

class TlsTest : public testing::Test {
 protected:
  TlsTest() : base_(absl::StrCat(testing::TempDir(), "/emulator-tls-", getpid())) {
    MakeCertificate();
    options_.tls_certificate_path = base_ + ".crt";
    options_.tls_key_path = base_ + ".key";
    options_.body_count = 50;
    options_.rate = 2000;
  }
  ~TlsTest() override {
    unlink((base_ + ".crt").c_str());
    unlink((base_ + ".key").c_str());
  }

  void MakeCertificate() {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_sign(certificate, key, EVP_sha256());
    FILE* file = std::fopen((base_ + ".crt").c_str(), "w");
    PEM_write_X509(file, certificate);
    std::fclose(file);
    file = std::fopen((base_ + ".key").c_str(), "w");
    PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }

  const std::string base_;
  EmulatorOptions options_;
};

TEST_F(TlsTest, StreamIsReadOverTlsAndEndsCleanly) {
  Emulator emulator(options_);
  ASSERT_TRUE(emulator.Start().ok());
  std::thread thread([&emulator] { emulator.Run(); });
  StreamClient client(emulator.port(), {.tls = true});
  EXPECT_EQ(client.Status(), 200);
  std::string line;
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(client.ReadLine(&line));
    ASSERT_NE(DataId(line), "") << line;
  }
  EXPECT_EQ(Control(emulator.control_port(), "/close?how=zero").first, 200);
  while (client.ReadLine(&line)) {
  }
  EXPECT_EQ(client.end(), StreamEnd::kZeroChunk);
  emulator.Stop();
  thread.join();
}

TEST_F(TlsTest, MissingFilesAreRefusedAtTheStart) {
  options_.tls_key_path = "/no/such/key";
  EXPECT_FALSE(Emulator(options_).Start().ok());
  options_.tls_certificate_path = "/no/such/certificate";
  EXPECT_FALSE(Emulator(options_).Start().ok());
}

}  // namespace
}  // namespace braid::emulator
