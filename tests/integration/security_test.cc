// Between networks: certificates on both sides, and no plain text beyond
// loopback.

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/harness/binaries.h"
#include "tests/integration/cluster_test_base.h"

namespace braid::integration {
namespace {

class Security : public ClusterTest {
 protected:
  std::string MakeCertificates(const std::string& name) {
    std::string path = absl::StrCat(dir(), "/", name);
    auto [code, output] = Run({harness::RunfilePath("deploy/make-certs"), "--host", "127.0.0.1",
                               path, "deduper", "connector:a", "connector:b", "operator"});
    EXPECT_EQ(code, 0) << output;
    return path;
  }
};

TEST_F(Security, WholePathRunsOverMutualTls) {
  harness::ClusterOptions options;
  options.certificate_dir = MakeCertificates("certs");
  ASSERT_NO_FATAL_FAILURE(StartCluster(options));
  LetLoadPass(absl::Seconds(1), absl::Seconds(2));
  // Without a certificate nobody reads.
  harness::LogAddress plain = cluster().log_address();
  plain.certificate_dir.clear();
  EXPECT_FALSE(harness::GetStatus(plain).ok());
  ASSERT_STATUS_OK(cluster().Drain(absl::Minutes(1)));
  ExpectLogIsTheTruth(harness::StayedUp);
  ExpectCleanStop();
}

TEST_F(Security, PlainTextBeyondLoopbackIsRefused) {
  ASSERT_NO_FATAL_FAILURE(StartCluster());
  std::string open_config = dir() + "/open.yaml";
  std::string config = *harness::ReadFile(cluster().deduper_config());
  ASSERT_STATUS_OK(harness::WriteFile(
      open_config, absl::StrReplaceAll(config, {{cluster().log_address().deduper, "0.0.0.0:0"}})));
  auto [listen_code, listen_output] = Run(
      {harness::RunfilePath("dedupe/braid-deduper"), "--check-config", "--config", open_config});
  EXPECT_EQ(listen_code, 2) << listen_output;
  EXPECT_TRUE(absl::StrContains(listen_output, "tls")) << listen_output;

  std::string far_config = dir() + "/far.yaml";
  config = *harness::ReadFile(cluster().connector_config(0));
  ASSERT_STATUS_OK(harness::WriteFile(
      far_config,
      absl::StrReplaceAll(config, {{cluster().log_address().deduper, "192.0.2.1:7400"}})));
  auto [dial_code, dial_output] = Run(
      {harness::RunfilePath("ingest/braid-connector"), "--check-config", "--config", far_config});
  EXPECT_EQ(dial_code, 2) << dial_output;
  EXPECT_TRUE(absl::StrContains(dial_output, "tls")) << dial_output;
  ExpectCleanStop();
}

}  // namespace
}  // namespace braid::integration
