// Every stream X sells through the real processes: one connector holds a
// connection to each of the emulator's, one deduper takes them all.

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/harness/wait.h"
#include "tests/integration/daemons_test_base.h"

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

harness::EmulatorOptions X() {
  harness::EmulatorOptions options;
  // A twentieth of a tenth of a share: the rarest stream gets one a second.
  options.rate = 3000;
  options.has_truth = false;
  options.gzip = true;
  return options;
}

class DialectsTest : public DaemonsTest {
 protected:
  DialectsTest() : DaemonsTest(X()), connector_(MakeConnector("connector")) {}

  // What X splits stands in a stream of its own kind.
  static std::string StreamOf(const Row& row) { return row.has_partitions ? "parts" : "whole"; }
  static bool IsGnip(const Row& row) { return absl::StartsWith(row.dialect, "gnip-"); }

  std::string ConnectionYaml(const Row& row) const {
    std::string path = IsGnip(row) ? absl::StrCat(row.path, kGnip) : row.path;
    std::string url = StreamUrl(row.dialect, path);
    return absl::StrCat("  - id: ", row.dialect, "\n    stream: ", StreamOf(row),
                        "\n    source: {dialect: ", row.dialect,
                        row.has_partitions ? ", partition: 1" : "", ", url: \"", url, "\", ",
                        IsGnip(row) ? absl::StrCat("account: acme, label: prod, user: me, "
                                                   "password_file: ",
                                                   emulator().token_file())
                                    : absl::StrCat("bearer_token_file: ", emulator().token_file()),
                        "}\n");
  }

  std::string ConnectionsYaml() const {
    std::string yaml = "network: here\nworker: false\nconnections:\n";
    for (const Row& row : kRows) yaml += ConnectionYaml(row);
    return yaml;
  }

  static std::string StreamsYaml() {
    std::string whole = "  - name: whole\n    connections:\n";
    std::string parts = "  - name: parts\n    partitions: 1\n    connections:\n";
    for (const Row& row : kRows) {
      absl::StrAppend(row.has_partitions ? &parts : &whole, "      - {id: ", row.dialect,
                      row.has_partitions ? ", partition: 1}\n" : "}\n");
    }
    return whole + parts;
  }

  static double Of(const absl::StatusOr<harness::Metrics>& metrics, const std::string& metric,
                   const Row& row) {
    if (!metrics.ok()) return -1;
    return metrics->Sum(metric, absl::StrCat("connection=\"", row.dialect, "\"")).value_or(0);
  }

  std::unique_ptr<harness::Daemon> connector_;
};

TEST_F(DialectsTest, EachStreamIsAskedForReadAndMerged) {
  ASSERT_STATUS_OK(emulator().Start());
  ASSERT_STATUS_OK(StartDeduper(StreamsYaml()));
  ASSERT_STATUS_OK(WriteConnector("connector", ConnectionsYaml()));
  ASSERT_STATUS_OK(connector_->Start());
  std::string missing;
  absl::Status all = harness::WaitUntil("each stream brings events", absl::Minutes(2), [&] {
    auto received = connector_->Scrape();
    auto merged = deduper().Scrape();
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
  EXPECT_EQ(deduper().Metric("braid_lost_lines_total", -1), 0);
  ASSERT_STATUS_OK(connector_->Stop(absl::Seconds(5)));
  ASSERT_STATUS_OK(deduper().Stop(absl::Seconds(5)));
  ASSERT_STATUS_OK(emulator().Stop());
}

}  // namespace
}  // namespace braid::integration
