// A rolling restart where X gives a minute of grace to one connection too many:
// the replacement starts first (docs/OPERATIONS.md, letting a connection go).

#include <gtest/gtest.h>

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

constexpr char kPath[] = "/stream/powertrack/accounts/acme/publishers/twitter/prod.json";

class OverlapTest : public testing::Test {
 protected:
  OverlapTest() {
    harness::EmulatorOptions options;
    options.dir = dir_.path();
    options.rate = 500;
    options.has_truth = false;
    options.gzip = true;
    options.slots = 2;
    options.settings = {"gnip_grace=40"};
    emulator_ = std::make_unique<harness::Emulator>(options);
    deduper_ = MakeDaemon("deduper", "dedupe/braid-deduper");
    for (const char* name : {"fra-a", "nyc-b", "fra-c"}) {
      connectors_.push_back(MakeDaemon(name, "ingest/braid-connector"));
    }
  }

  std::string Path(const std::string& name) const { return absl::StrCat(dir_.path(), "/", name); }

  std::unique_ptr<harness::Daemon> MakeDaemon(const std::string& name, const std::string& binary) {
    harness::DaemonOptions options;
    options.name = name;
    options.dir = dir_.path();
    options.command = {harness::RunfilePath(binary), "--config", Path(name + ".yaml")};
    return std::make_unique<harness::Daemon>(options);
  }

  absl::Status WriteConnector(const std::string& name) {
    std::string url =
        absl::StrReplaceAll(emulator_->StreamUrl(name), {{"/2/tweets/search/stream", kPath}});
    return harness::WriteFile(
        Path(name + ".yaml"),
        absl::StrCat("connection: ", name, "\nstream: main\nnetwork: n\nworker: false\nsource: ",
                     "{dialect: gnip-powertrack, account: acme, label: prod, user: me, ",
                     "password_file: ", emulator_->token_file(), ", url: \"", url,
                     "\"}\ndedupers: [{address: \"", address_, "\"}]\nspool: {dir: ",
                     Path("spool-" + name), "}\nlisten: {http: \"127.0.0.1:0\"}\n"));
  }

  absl::Status WriteDeduper() {
    return harness::WriteFile(
        Path("deduper.yaml"),
        absl::StrCat("listen: {grpc: \"", address_,
                     "\", http: \"127.0.0.1:0\"}\ndata_dir: ", Path("data"),
                     "\nstreams:\n  - name: main\n    connections: [{id: fra-a}, {id: nyc-b}, "
                     "{id: fra-c}]\n"));
  }

  // Exit code; -1 if it was ended by a signal or not at all.
  int Run(std::vector<std::string> command, absl::Duration timeout) {
    harness::ProcessOptions options;
    options.name = "run";
    options.command = std::move(command);
    options.output_file = Path("run.log");
    auto process = harness::Process::Start(options);
    if (!process.ok()) return -1;
    absl::StatusOr<harness::ProcessExit> exit = (*process)->Wait(timeout);
    return exit.ok() && !exit->signaled ? exit->code : -1;
  }

  harness::Daemon& connector(size_t i) { return *connectors_[i]; }
  bool IsReceiving(size_t i) { return connector(i).Metric("braid_connection_receiving", 0) == 1; }

  harness::TempDir dir_{"overlap"};
  const std::string address_ = absl::StrCat("127.0.0.1:", harness::FreePort());
  std::unique_ptr<harness::Emulator> emulator_;
  std::unique_ptr<harness::Daemon> deduper_;
  std::vector<std::unique_ptr<harness::Daemon>> connectors_;
};

TEST_F(OverlapTest, ReplacementStreamsBeforeTheOldOneLeavesAndNobodyIsCut) {
  ASSERT_STATUS_OK(emulator_->Start());
  ASSERT_STATUS_OK(WriteDeduper());
  ASSERT_EQ(Run({harness::RunfilePath("dedupe/braid-deduper"), "--init", "--config",
                 Path("deduper.yaml")},
                absl::Seconds(30)),
            0);
  ASSERT_STATUS_OK(deduper_->Start());
  for (const auto& daemon : connectors_) ASSERT_STATUS_OK(WriteConnector(daemon->name()));
  ASSERT_STATUS_OK(connector(0).Start());
  ASSERT_STATUS_OK(connector(1).Start());
  ASSERT_STATUS_OK(harness::WaitUntil("both receive", absl::Seconds(30),
                                      [&] { return IsReceiving(0) && IsReceiving(1); }));
  // X counts three now, for 40 s.
  ASSERT_STATUS_OK(connector(2).Start());
  ASSERT_STATUS_OK(
      harness::WaitUntil("the third receives", absl::Seconds(10), [&] { return IsReceiving(2); }));
  absl::Time third = absl::Now();
  EXPECT_EQ(Run({harness::RunfilePath("cli/braid"), "--server", address_, "--stream", "main",
                 "connection", "drain", "fra-a", "--wait"},
                absl::Seconds(60)),
            0);
  absl::StatusOr<harness::ProcessExit> exit = connector(0).process().Wait(absl::Seconds(10));
  ASSERT_TRUE(exit.ok()) << exit.status();
  EXPECT_EQ(exit->code, 0);
  EXPECT_LT(absl::Now() - third, absl::Seconds(40));
  // Beyond the grace of the third.
  harness::LetPass(third + absl::Seconds(45) - absl::Now());
  for (size_t i : {1, 2}) {
    EXPECT_TRUE(IsReceiving(i)) << connector(i).name();
    EXPECT_EQ(connector(i).Metric("braid_connection_disconnects_total", 0), 0)
        << connector(i).process().OutputTail();
  }
  EXPECT_EQ(deduper_->Metric("braid_lost_lines_total", -1), 0);
  for (size_t i : {1, 2}) ASSERT_STATUS_OK(connector(i).Stop(absl::Seconds(5)));
  ASSERT_STATUS_OK(deduper_->Stop(absl::Seconds(5)));
  ASSERT_STATUS_OK(emulator_->Stop());
}

}  // namespace
}  // namespace braid::integration
