// What the daemons say of a configuration before they run it.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/harness/binaries.h"
#include "tests/harness/daemon.h"
#include "tests/integration/processes_test_base.h"

namespace braid::integration {
namespace {

constexpr char kConnector[] = "ingest/braid-connector";
constexpr char kDeduper[] = "dedupe/braid-deduper";

class CheckConfig : public ProcessesTest {
 protected:
  CheckConfig() {
    EXPECT_TRUE(harness::WriteFile(Path("token"), "secret\n").ok());
    EXPECT_EQ(chmod(Path("token").c_str(), 0600), 0);
  }

  // Nothing listens where it dials.
  void WriteConnector(const std::string& connections) {
    ASSERT_STATUS_OK(harness::WriteFile(
        Path("c.yaml"), absl::StrCat("stream: main\nnetwork: n\nworker: false\n", connections,
                                     "dedupers: [{address: \"127.0.0.1:1\"}]\nspool: {dir: spool}\n"
                                     "listen: {http: \"127.0.0.1:0\"}\nlog: {format: json}\n")));
  }
  Ended Check(const std::string& binary, const std::string& file) {
    return Run({harness::RunfilePath(binary), "--check-config", "--config", Path(file)});
  }
};

constexpr char kOne[] =
    "connection: a\nsource: {url: \"http://127.0.0.1:1/2/tweets/search/stream\", "
    "bearer_token_file: token}\n";

TEST_F(CheckConfig, AConnectorThatIsRightIsOneLineWithItsConnections) {
  WriteConnector(kOne);
  Ended ended = Check(kConnector, "c.yaml");
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(ended.output,
            absl::StrCat(Path("c.yaml"), ": ok, 1 connection: a (x-v2-filtered, stream main)\n"));
  WriteConnector(
      "connections:\n"
      "  - {id: p, source: {dialect: x-v2-sample10, partition: 2, bearer_token_file: token}}\n"
      "  - {id: q, retired: true}\n");
  ended = Check(kConnector, "c.yaml");
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(ended.output, absl::StrCat(Path("c.yaml"),
                                       ": ok, 2 connections: p (x-v2-sample10, partition 2, "
                                       "stream main), q (retired: only its spool, stream "
                                       "main)\n"));
}

TEST_F(CheckConfig, ADeduperThatIsRightIsOneLineWithItsStreams) {
  ASSERT_STATUS_OK(harness::WriteFile(
      Path("d.yaml"),
      "listen: {grpc: \"127.0.0.1:0\"}\ndata_dir: data\nstreams:\n"
      "  - {name: main, connections: [{id: a}, {id: b}]}\n  - {name: other, connections: [{id: c}]}"
      "\n"));
  Ended ended = Check(kDeduper, "d.yaml");
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(ended.output,
            absl::StrCat(Path("d.yaml"),
                         ": ok, 2 streams: main (2 connections), other (1 connection)\n"));
}

TEST_F(CheckConfig, SpoolThatAStartWouldRefuseIsRefused) {
  WriteConnector(kOne);
  std::filesystem::create_directory(Path("spool"));
  ASSERT_STATUS_OK(harness::WriteFile(Path("spool/notes.txt"), "mine"));
  Ended ended = Check(kConnector, "c.yaml");
  EXPECT_EQ(ended.code, 2);
  EXPECT_TRUE(absl::StrContains(ended.output, "notes.txt: foreign file")) << ended.output;
  std::filesystem::remove(Path("spool/notes.txt"));
  ASSERT_STATUS_OK(harness::WriteFile(Path("spool/owner"), "main/another"));
  ended = Check(kConnector, "c.yaml");
  EXPECT_EQ(ended.code, 2);
  EXPECT_TRUE(absl::StrContains(ended.output, "what 'main/another' received")) << ended.output;
}

TEST_F(CheckConfig, DataDirThatCanNotBeIsRefused) {
  ASSERT_STATUS_OK(harness::WriteFile(Path("d.yaml"),
                                      "listen: {grpc: \"127.0.0.1:0\"}\ndata_dir: /proc/x\n"
                                      "streams:\n  - {name: main, connections: [{id: a}]}\n"));
  Ended ended = Check(kDeduper, "d.yaml");
  EXPECT_EQ(ended.code, 2);
  EXPECT_TRUE(absl::StrContains(ended.output, "data_dir '/proc/x' can not be written to"))
      << ended.output;
}

TEST_F(CheckConfig, TokenThatOthersCanReadIsWarnedOfByTheCheckAndByAStart) {
  ASSERT_EQ(chmod(Path("token").c_str(), 0644), 0);
  WriteConnector(kOne);
  const std::string remedy = absl::StrCat("chmod 600 ", Path("token"));
  Ended ended = Check(kConnector, "c.yaml");
  EXPECT_EQ(ended.code, 0);
  EXPECT_TRUE(absl::StrContains(ended.output, remedy)) << ended.output;
  harness::DaemonOptions options;
  options.name = "connector";
  options.dir = dir();
  options.command = {harness::RunfilePath(kConnector), "--config", Path("c.yaml")};
  harness::Daemon connector(options);
  ASSERT_STATUS_OK(connector.Start());
  std::string log = harness::ReadFile(Path("connector.log")).value_or("");
  EXPECT_TRUE(absl::StrContains(log, remedy)) << log;
  // In the form of all other lines.
  EXPECT_TRUE(absl::StrContains(log, "\"event\":\"config_warning\"")) << log;
  EXPECT_EQ(log[0], '{') << log;
  ASSERT_STATUS_OK(connector.Stop(absl::Seconds(5)));
}

}  // namespace
}  // namespace braid::integration
