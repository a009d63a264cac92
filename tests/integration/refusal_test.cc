// What is not ours to write to is refused, with an error that says why.

#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "tests/harness/binaries.h"
#include "tests/integration/cluster_test_base.h"
#include "tests/integration/future_log.h"

namespace braid::integration {
namespace {

class Refusal : public ClusterTest {
 protected:
  // Runs a daemon that should end by itself at once.
  Ended RunToEnd(const std::string& binary, const std::vector<std::string>& arguments) {
    std::vector<std::string> command = {harness::RunfilePath(binary)};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return Run(std::move(command), absl::Seconds(20));
  }

  Ended RunDeduper() {
    return RunToEnd("dedupe/braid-deduper", {"--config", cluster().deduper_config()});
  }
  Ended RunConnector() {
    return RunToEnd("ingest/braid-connector", {"--config", cluster().connector_config(0)});
  }

  // Refused: an error exit and a message that names the place.
  static void ExpectRefused(const Ended& ended, const std::string& place) {
    EXPECT_GT(ended.code, 0) << ended.output;
    EXPECT_TRUE(absl::StrContains(ended.output, place)) << ended.output;
  }

  void StartAndStop() {
    ASSERT_NO_FATAL_FAILURE(StartCluster());
    ExpectCleanStop();
  }

  std::string stream_dir() { return cluster().data_dir() + "/main"; }

  static std::vector<std::string> Files(const std::string& root) {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      if (entry.is_regular_file()) files.push_back(entry.path().string());
    }
    return files;
  }
};

TEST_F(Refusal, SecondDeduperOnOneDataDirectory) {
  ASSERT_NO_FATAL_FAILURE(StartCluster());
  // Another port, so that the directory is what it stumbles over.
  std::string config = *harness::ReadFile(cluster().deduper_config());
  std::string other = dir() + "/other.yaml";
  ASSERT_STATUS_OK(harness::WriteFile(
      other, absl::StrReplaceAll(config, {{cluster().log_address().deduper, "127.0.0.1:0"}})));
  ExpectRefused(RunToEnd("dedupe/braid-deduper", {"--config", other}), cluster().data_dir());
  ExpectCleanStop();
}

TEST_F(Refusal, PortInUseComesWithARemedy) {
  ASSERT_NO_FATAL_FAILURE(StartCluster());
  std::string config = *harness::ReadFile(cluster().deduper_config());
  std::string other = dir() + "/other.yaml";
  ASSERT_STATUS_OK(harness::WriteFile(
      other, absl::StrReplaceAll(config, {{cluster().data_dir(), dir() + "/other-data"}})));
  ASSERT_EQ(RunToEnd("dedupe/braid-deduper", {"--init", "--config", other}).code, 0);
  Ended ended = RunToEnd("dedupe/braid-deduper", {"--config", other});
  EXPECT_EQ(ended.code, 1);
  ExpectRefused(ended, cluster().log_address().deduper);
  ExpectRefused(ended, "listen.grpc");
  ExpectCleanStop();
}

TEST_F(Refusal, SecondConnectorOnOneSpool) {
  ASSERT_NO_FATAL_FAILURE(StartCluster());
  ExpectRefused(RunConnector(), cluster().spool_dir(0));
  ExpectCleanStop();
}

TEST_F(Refusal, EmptyDirectoryWhereALogWasExpected) {
  ASSERT_NO_FATAL_FAILURE(StartAndStop());
  std::filesystem::remove_all(stream_dir());
  std::filesystem::create_directories(stream_dir());
  Ended ended = RunDeduper();
  ExpectRefused(ended, stream_dir());
  EXPECT_TRUE(absl::StrContains(ended.output, "--init")) << ended.output;
  EXPECT_EQ(Files(stream_dir()).size(), 0u) << "something was written";
}

TEST_F(Refusal, InitOfADirectoryThatHoldsALog) {
  ASSERT_NO_FATAL_FAILURE(StartAndStop());
  std::vector<std::string> before = Files(stream_dir());
  ExpectRefused(
      RunToEnd("dedupe/braid-deduper", {"--init", "--config", cluster().deduper_config()}),
      stream_dir());
  EXPECT_EQ(Files(stream_dir()), before);
}

TEST_F(Refusal, ForeignDirectoryWhereALogWasExpected) {
  ASSERT_NO_FATAL_FAILURE(StartAndStop());
  std::filesystem::remove_all(stream_dir());
  std::filesystem::create_directories(stream_dir());
  ASSERT_STATUS_OK(harness::WriteFile(stream_dir() + "/holiday.jpg", "not a log"));
  ExpectRefused(RunDeduper(), stream_dir());
  EXPECT_EQ(*harness::ReadFile(stream_dir() + "/holiday.jpg"), "not a log");
  EXPECT_EQ(Files(stream_dir()).size(), 1u) << "something was written";
}

TEST_F(Refusal, LogOfAFutureFormat) {
  ASSERT_NO_FATAL_FAILURE(StartAndStop());
  ASSERT_STATUS_OK(SetFormat(stream_dir(), 99));
  Ended ended = RunDeduper();
  ExpectRefused(ended, stream_dir());
  EXPECT_TRUE(absl::StrContains(ended.output, "format 99")) << ended.output;
}

TEST_F(Refusal, ForeignFileInASpool) {
  ASSERT_NO_FATAL_FAILURE(StartAndStop());
  std::filesystem::remove_all(cluster().spool_dir(0));
  std::filesystem::create_directories(cluster().spool_dir(0));
  ASSERT_STATUS_OK(harness::WriteFile(cluster().spool_dir(0) + "/epoch", "not an epoch"));
  ExpectRefused(RunConnector(), cluster().spool_dir(0));
  EXPECT_EQ(*harness::ReadFile(cluster().spool_dir(0) + "/epoch"), "not an epoch");
}

TEST_F(Refusal, SpoolOfAFutureFormat) {
  ASSERT_NO_FATAL_FAILURE(StartAndStop());
  // The format is the number after the eight letters of the header, whose last
  // eight bytes are its hash: without it this would be damage.
  std::string segment;
  for (const std::string& file : Files(cluster().spool_dir(0))) {
    if (absl::EndsWith(file, ".seg")) segment = file;
  }
  ASSERT_NE(segment, "");
  std::string bytes = *harness::ReadFile(segment);
  constexpr size_t kHashedBytes = 24;
  ASSERT_GT(bytes.size(), kHashedBytes + 8);
  bytes[8] = 1;
  std::string hash;
  AppendBe64(&hash, Hash64({bytes.data(), kHashedBytes}));
  bytes.replace(kHashedBytes, hash.size(), hash);
  ASSERT_STATUS_OK(harness::WriteFile(segment, bytes));
  ExpectRefused(RunConnector(), segment);
  EXPECT_EQ(*harness::ReadFile(segment), bytes);
}

TEST_F(Refusal, UnknownKeyInAConfigurationNamesItsLine) {
  ASSERT_NO_FATAL_FAILURE(StartAndStop());
  std::string config = *harness::ReadFile(cluster().connector_config(0));
  ASSERT_STATUS_OK(harness::WriteFile(cluster().connector_config(0), config + "\nretension: 3h\n"));
  Ended ended = RunConnector();
  EXPECT_EQ(ended.code, 2) << ended.output;
  EXPECT_TRUE(absl::StrContains(ended.output, "retension")) << ended.output;
}

}  // namespace
}  // namespace braid::integration
