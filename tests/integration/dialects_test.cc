// Every stream X sells through the real processes: one connector holds a
// connection to each of the emulator's, one deduper takes them all.

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

struct Row {
  const char* dialect;
  const char* path;
  bool has_partitions;
};

constexpr char kGnip[] = "/accounts/acme/publishers/twitter/prod.json";
const Row kRows[] = {
    {"x-v2-filtered", "/2/tweets/search/stream", false},
    {"x-v2-sample", "/2/tweets/sample/stream", false},
    {"x-v2-sample10", "/2/tweets/sample10/stream", true},
    {"x-v2-firehose", "/2/tweets/firehose/stream", true},
    {"x-v2-firehose-en", "/2/tweets/firehose/stream/lang/en", true},
    {"x-v2-firehose-ja", "/2/tweets/firehose/stream/lang/ja", true},
    {"x-v2-firehose-ko", "/2/tweets/firehose/stream/lang/ko", true},
    {"x-v2-firehose-pt", "/2/tweets/firehose/stream/lang/pt", true},
    {"x-v2-likes-firehose", "/2/likes/firehose/stream", true},
    {"x-v2-likes-sample10", "/2/likes/sample10/stream", true},
    {"x-v2-likes-compliance", "/2/likes/compliance/stream", false},
    {"x-v2-posts-compliance", "/2/tweets/compliance/stream", true},
    {"x-v2-users-compliance", "/2/users/compliance/stream", true},
    {"x-v2-labels", "/2/tweets/label/stream", false},
    {"x-v2-activity", "/2/activity/stream", false},
    {"powerstream", "/2/powerstream", false},
    {"gnip-powertrack", "/stream/powertrack", false},
    {"gnip-sample10", "/stream/sample10", true},
    {"gnip-firehose", "/stream/firehose", true},
    {"gnip-mentions", "/stream/mentions", false},
    {"gnip-compliance", "/stream/compliance", true},
    {"gnip-sample10-likes", "/stream/sample10-likes", true},
};

class DialectsTest : public testing::Test {
 protected:
  DialectsTest() {
    harness::EmulatorOptions options;
    options.dir = dir_.path();
    // A twentieth of a tenth of a share: the rarest stream gets one a second.
    options.rate = 3000;
    options.has_truth = false;
    options.gzip = true;
    emulator_ = std::make_unique<harness::Emulator>(options);
    deduper_ = MakeDaemon("deduper", "dedupe/braid-deduper");
    connector_ = MakeDaemon("connector", "ingest/braid-connector");
  }

  std::unique_ptr<harness::Daemon> MakeDaemon(const std::string& name, const std::string& binary) {
    harness::DaemonOptions options;
    options.name = name;
    options.dir = dir_.path();
    options.command = {harness::RunfilePath(binary), "--config", Path(name + ".yaml")};
    return std::make_unique<harness::Daemon>(options);
  }
  std::string Path(const std::string& name) const { return absl::StrCat(dir_.path(), "/", name); }

  // What X splits stands in a stream of its own kind.
  static std::string StreamOf(const Row& row) { return row.has_partitions ? "parts" : "whole"; }
  static bool IsGnip(const Row& row) { return absl::StartsWith(row.dialect, "gnip-"); }

  std::string ConnectionYaml(const Row& row) const {
    std::string url = absl::StrReplaceAll(emulator_->StreamUrl(row.dialect),
                                          {{"/2/tweets/search/stream", row.path}});
    if (IsGnip(row)) url = absl::StrReplaceAll(url, {{row.path, absl::StrCat(row.path, kGnip)}});
    return absl::StrCat("  - id: ", row.dialect, "\n    stream: ", StreamOf(row),
                        "\n    source: {dialect: ", row.dialect,
                        row.has_partitions ? ", partition: 1" : "", ", url: \"", url, "\", ",
                        IsGnip(row) ? absl::StrCat("account: acme, label: prod, user: me, "
                                                   "password_file: ",
                                                   emulator_->token_file())
                                    : absl::StrCat("bearer_token_file: ", emulator_->token_file()),
                        "}\n");
  }

  absl::Status WriteConfigurations() {
    std::string connector = "network: here\nworker: false\nconnections:\n";
    std::string whole = "  - name: whole\n    connections:\n";
    std::string parts = "  - name: parts\n    partitions: 1\n    connections:\n";
    for (const Row& row : kRows) {
      absl::StrAppend(&connector, ConnectionYaml(row));
      absl::StrAppend(row.has_partitions ? &parts : &whole, "      - {id: ", row.dialect,
                      row.has_partitions ? ", partition: 1}\n" : "}\n");
    }
    std::string deduper = absl::StrCat("listen: {grpc: \"", address_,
                                       "\", http: \"127.0.0.1:0\"}\ndata_dir: ", Path("data"),
                                       "\nstreams:\n", whole, parts);
    absl::StrAppend(&connector, "dedupers: [{address: \"", address_,
                    "\"}]\nspool: {dir: ", Path("spool"), "}\nlisten: {http: \"127.0.0.1:0\"}\n");
    absl::Status written = harness::WriteFile(Path("connector.yaml"), connector);
    return written.ok() ? harness::WriteFile(Path("deduper.yaml"), deduper) : written;
  }

  absl::Status InitDeduper() {
    harness::ProcessOptions init;
    init.name = "init";
    init.command = {harness::RunfilePath("dedupe/braid-deduper"), "--init", "--config",
                    Path("deduper.yaml")};
    init.output_file = Path("init.log");
    auto process = harness::Process::Start(init);
    if (!process.ok()) return process.status();
    return (*process)->Wait(absl::Seconds(30)).status();
  }

  static double Of(const absl::StatusOr<harness::Metrics>& metrics, const std::string& metric,
                   const Row& row) {
    if (!metrics.ok()) return -1;
    return metrics->Sum(metric, absl::StrCat("connection=\"", row.dialect, "\"")).value_or(0);
  }

  harness::TempDir dir_{"dialects"};
  const std::string address_ = absl::StrCat("127.0.0.1:", harness::FreePort());
  std::unique_ptr<harness::Emulator> emulator_;
  std::unique_ptr<harness::Daemon> deduper_, connector_;
};

TEST_F(DialectsTest, EachStreamIsAskedForReadAndMerged) {
  ASSERT_STATUS_OK(emulator_->Start());
  ASSERT_STATUS_OK(WriteConfigurations());
  ASSERT_STATUS_OK(InitDeduper());
  ASSERT_STATUS_OK(deduper_->Start());
  ASSERT_STATUS_OK(connector_->Start());
  std::string missing;
  absl::Status all = harness::WaitUntil("each stream brings events", absl::Minutes(2), [&] {
    auto received = connector_->Scrape();
    auto merged = deduper_->Scrape();
    missing.clear();
    for (const Row& row : kRows) {
      bool comes = Of(received, "braid_events_received_total", row) >= 3 &&
                   Of(merged, "braid_events_received_total", row) >= 3;
      if (comes) continue;
      absl::StrAppend(&missing, row.dialect, " ");
    }
    return missing.empty();
  });
  EXPECT_TRUE(all.ok()) << missing << "\n" << connector_->process().OutputTail();
  auto metrics = connector_->Scrape();
  for (const Row& row : kRows) {
    EXPECT_EQ(Of(metrics, "braid_events_malformed_total", row), 0) << row.dialect;
    EXPECT_EQ(Of(metrics, "braid_events_oversize_total", row), 0) << row.dialect;
    EXPECT_EQ(Of(metrics, "braid_connection_disconnects_total", row), 0) << row.dialect;
    EXPECT_EQ(Of(metrics, "braid_connection_receiving", row), 1) << row.dialect;
  }
  EXPECT_EQ(deduper_->Metric("braid_lost_lines_total", -1), 0);
  ASSERT_STATUS_OK(connector_->Stop(absl::Seconds(5)));
  ASSERT_STATUS_OK(deduper_->Stop(absl::Seconds(5)));
  ASSERT_STATUS_OK(emulator_->Stop());
}

}  // namespace
}  // namespace braid::integration
