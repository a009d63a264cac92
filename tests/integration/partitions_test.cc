// One connector process that holds two partitions of a stream.

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/harness/binaries.h"
#include "tests/harness/daemon.h"
#include "tests/harness/emulator.h"
#include "tests/harness/files.h"
#include "tests/harness/ports.h"
#include "tests/harness/wait.h"
#include "tests/integration/cluster_test_base.h"

namespace braid::integration {
namespace {

class PartitionsTest : public testing::Test {
 protected:
  PartitionsTest() {
    harness::EmulatorOptions options;
    options.dir = dir_.path();
    // A tenth of it is the sample.
    options.rate = 2000;
    emulator_ = std::make_unique<harness::Emulator>(options);
    deduper_ = MakeDaemon("deduper", "dedupe/braid-deduper");
    connector_ = MakeDaemon("connector", "ingest/braid-connector");
  }

  std::string Yaml(const std::string& name) {
    return absl::StrCat(dir_.path(), "/", name, ".yaml");
  }

  std::unique_ptr<harness::Daemon> MakeDaemon(const std::string& name, const std::string& binary) {
    harness::DaemonOptions options;
    options.name = name;
    options.dir = dir_.path();
    options.command = {harness::RunfilePath(binary), "--config", Yaml(name)};
    return std::make_unique<harness::Daemon>(options);
  }

  absl::Status WriteConnector(const std::string& ids) {
    std::string yaml = "stream: main\nnetwork: here\nconnections:\n";
    for (char id : ids) {
      int partition = id - 'a' + 1;
      absl::StrAppend(&yaml, "  - id: p", std::string(1, id),
                      "\n    source: {dialect: x-v2-sample10, partition: ", partition,
                      ", bearer_token_file: ", emulator_->token_file(), ", url: \"", Url(id),
                      "\"}\n");
    }
    absl::StrAppend(&yaml, "dedupers: [{address: \"", address_, "\"}]\nspool: {dir: ", dir_.path(),
                    "/spool}\nlisten: {http: \"127.0.0.1:0\"}\n");
    return harness::WriteFile(Yaml("connector"), yaml);
  }

  std::string Url(char id) const {
    return absl::StrReplaceAll(emulator_->StreamUrl(std::string(1, id)),
                               {{"search/stream", "sample10/stream"}});
  }

  absl::Status WriteDeduper() {
    return harness::WriteFile(
        Yaml("deduper"),
        absl::StrCat("listen: {grpc: \"", address_,
                     "\", http: \"127.0.0.1:0\"}\ndata_dir: ", dir_.path(),
                     "/data\nstreams:\n  - name: main\n    partitions: 2\n    connections: "
                     "[{id: pa, partition: 1}, {id: pb, partition: 2}]\n"));
  }

  absl::Status InitDeduper() {
    harness::ProcessOptions init;
    init.name = "init";
    init.command = {harness::RunfilePath("dedupe/braid-deduper"), "--init", "--config",
                    Yaml("deduper")};
    init.output_file = dir_.path() + "/init.log";
    auto process = harness::Process::Start(init);
    if (!process.ok()) return process.status();
    return (*process)->Wait(absl::Seconds(30)).status();
  }

  int BraidExitCode(std::vector<std::string> words) {
    harness::ProcessOptions options;
    options.name = "braid";
    options.command = {harness::RunfilePath("cli/braid"), "--server", address_, "--stream", "main"};
    options.command.insert(options.command.end(), words.begin(), words.end());
    options.output_file = dir_.path() + "/braid.log";
    auto process = harness::Process::Start(options);
    if (!process.ok()) return -1;
    absl::StatusOr<harness::ProcessExit> exit = (*process)->Wait(absl::Seconds(30));
    return exit.ok() && !exit->signaled ? exit->code : -1;
  }

  std::string ConnectorLog() const {
    return harness::ReadFile(dir_.path() + "/connector.log").value_or("");
  }

  // Events that the connection delivered first.
  double FirstBy(const std::string& id) const {
    auto metrics = deduper_->Scrape();
    if (!metrics.ok()) return 0;
    return metrics->Sum("braid_events_first_total", absl::StrCat("connection=\"", id, "\""))
        .value_or(0);
  }

  harness::TempDir dir_{"partitions"};
  const std::string address_ = absl::StrCat("127.0.0.1:", harness::FreePort());
  std::unique_ptr<harness::Emulator> emulator_;
  std::unique_ptr<harness::Daemon> deduper_, connector_;
};

TEST_F(PartitionsTest, OneProcessCarriesTwoAndForgetsNone) {
  ASSERT_STATUS_OK(emulator_->Start());
  ASSERT_STATUS_OK(WriteDeduper());
  ASSERT_STATUS_OK(InitDeduper());
  ASSERT_STATUS_OK(deduper_->Start());
  ASSERT_STATUS_OK(WriteConnector("ab"));
  ASSERT_STATUS_OK(connector_->Start());
  // Each partition brings what the other does not.
  ASSERT_STATUS_OK(harness::WaitUntil("both deliver", absl::Seconds(30),
                                      [&] { return FirstBy("pa") > 100 && FirstBy("pb") > 100; }));
  // One connection for each: exposed, not redundant.
  ASSERT_STATUS_OK(harness::WaitUntil("exposed", absl::Seconds(10), [&] {
    return deduper_->Metric("braid_stream_health", 0) == 2;
  }));
  auto metrics = connector_->Get("/metrics");
  ASSERT_TRUE(metrics.ok()) << metrics.status();
  for (const char* sample :
       {"braid_connection_receiving{connection=\"pa\"} 1",
        "braid_connection_receiving{connection=\"pb\"} 1",
        "braid_connect_budget{account=\"\",dialect=\"x-v2-sample10\"} 50",
        "braid_connect_budget_used{account=\"\",dialect=\"x-v2-sample10\"} 2"}) {
    EXPECT_TRUE(absl::StrContains(metrics->body, sample)) << sample;
  }
  ASSERT_STATUS_OK(connector_->Stop(absl::Seconds(5)));

  // The budget outlives the process, and so does a spool without a connection.
  ASSERT_STATUS_OK(connector_->Start());
  EXPECT_GE(connector_->Metric("braid_connect_budget_used", 0), 3);
  ASSERT_STATUS_OK(connector_->Stop(absl::Seconds(5)));
  ASSERT_STATUS_OK(WriteConnector("a"));
  EXPECT_FALSE(connector_->Start().ok());
  auto log = harness::ReadFile(dir_.path() + "/connector.log");
  ASSERT_TRUE(log.ok()) << log.status();
  EXPECT_TRUE(absl::StrContains(*log, "/spool/pb holds")) << *log;
  ASSERT_STATUS_OK(deduper_->Stop(absl::Seconds(5)));
  ASSERT_STATUS_OK(emulator_->Stop());
}

// Both are the only connection of their partition, hence --force.
TEST_F(PartitionsTest, DrainOfOneLeavesTheOthersUntilTheLast) {
  ASSERT_STATUS_OK(emulator_->Start());
  ASSERT_STATUS_OK(WriteDeduper());
  ASSERT_STATUS_OK(InitDeduper());
  ASSERT_STATUS_OK(deduper_->Start());
  ASSERT_STATUS_OK(WriteConnector("ab"));
  ASSERT_STATUS_OK(connector_->Start());
  ASSERT_STATUS_OK(harness::WaitUntil("both deliver", absl::Seconds(30),
                                      [&] { return FirstBy("pa") > 100 && FirstBy("pb") > 100; }));
  EXPECT_EQ(BraidExitCode({"connection", "drain", "pa"}), 1) << "nothing else receives there";
  EXPECT_EQ(BraidExitCode({"connection", "drain", "pa", "--force"}), 0);
  ASSERT_STATUS_OK(harness::WaitUntil("pa has left", absl::Seconds(20), [&] {
    return absl::StrContains(ConnectorLog(), "connection_drained");
  }));
  double before = FirstBy("pb");
  ASSERT_STATUS_OK(harness::WaitUntil("pb goes on", absl::Seconds(20),
                                      [&] { return FirstBy("pb") > before + 100; }));
  EXPECT_EQ(BraidExitCode({"connection", "drain", "pb", "--force"}), 0);
  absl::StatusOr<harness::ProcessExit> exit = connector_->process().Wait(absl::Seconds(20));
  ASSERT_TRUE(exit.ok()) << exit.status();
  EXPECT_FALSE(exit->signaled);
  EXPECT_EQ(exit->code, 0);
  // Everything that was handed over was taken.
  EXPECT_EQ(deduper_->Metric("braid_lost_lines_total", -1), 0);
  ASSERT_STATUS_OK(deduper_->Stop(absl::Seconds(5)));
  ASSERT_STATUS_OK(emulator_->Stop());
}

}  // namespace
}  // namespace braid::integration
