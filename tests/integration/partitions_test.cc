// One connector process that holds two partitions of a stream.

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/harness/wait.h"
#include "tests/integration/daemons_test_base.h"

namespace braid::integration {
namespace {

harness::EmulatorOptions X() {
  harness::EmulatorOptions options;
  // A tenth of it is the sample.
  options.rate = 2000;
  return options;
}

constexpr char kStreams[] =
    "  - name: main\n    partitions: 2\n"
    "    connections: [{id: pa, partition: 1}, {id: pb, partition: 2}]\n";

class PartitionsTest : public DaemonsTest {
 protected:
  PartitionsTest() : DaemonsTest(X()), connector_(MakeConnector("connector")) {}

  std::string ConnectionsYaml(const std::string& ids) const {
    std::string yaml = "stream: main\nnetwork: here\nconnections:\n";
    for (char id : ids) {
      int partition = id - 'a' + 1;
      absl::StrAppend(&yaml, "  - id: p", std::string(1, id),
                      "\n    source: {dialect: x-v2-sample10, partition: ", partition,
                      ", bearer_token_file: ", emulator().token_file(), ", url: \"",
                      StreamUrl(std::string(1, id), "/2/tweets/sample10/stream"), "\"}\n");
    }
    return yaml;
  }

  std::string ConnectorLog() const { return harness::ReadFile(Path("connector.log")).value_or(""); }

  // Events that the connection delivered first.
  double FirstBy(const std::string& id) {
    auto metrics = deduper().Scrape();
    if (!metrics.ok()) return 0;
    return metrics->Sum("braid_events_first_total", absl::StrCat("connection=\"", id, "\""))
        .value_or(0);
  }

  std::unique_ptr<harness::Daemon> connector_;
};

TEST_F(PartitionsTest, OneProcessCarriesTwoAndForgetsNone) {
  ASSERT_STATUS_OK(emulator().Start());
  ASSERT_STATUS_OK(StartDeduper(kStreams));
  ASSERT_STATUS_OK(WriteConnector("connector", ConnectionsYaml("ab")));
  ASSERT_STATUS_OK(connector_->Start());
  // Each partition brings what the other does not.
  ASSERT_STATUS_OK(harness::WaitUntil("both deliver", absl::Seconds(30),
                                      [&] { return FirstBy("pa") > 100 && FirstBy("pb") > 100; }));
  // One connection for each: exposed, not redundant.
  ASSERT_STATUS_OK(harness::WaitUntil("exposed", absl::Seconds(10), [&] {
    return deduper().Metric("braid_stream_health", 0) == 2;
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
  ASSERT_STATUS_OK(WriteConnector("connector", ConnectionsYaml("a")));
  EXPECT_FALSE(connector_->Start().ok());
  EXPECT_TRUE(absl::StrContains(ConnectorLog(), "/spool-connector/pb holds")) << ConnectorLog();
  ASSERT_STATUS_OK(deduper().Stop(absl::Seconds(5)));
  ASSERT_STATUS_OK(emulator().Stop());
}

// Both are the only connection of their partition, hence --force.
TEST_F(PartitionsTest, DrainOfOneLeavesTheOthersUntilTheLast) {
  ASSERT_STATUS_OK(emulator().Start());
  ASSERT_STATUS_OK(StartDeduper(kStreams));
  ASSERT_STATUS_OK(WriteConnector("connector", ConnectionsYaml("ab")));
  ASSERT_STATUS_OK(connector_->Start());
  ASSERT_STATUS_OK(harness::WaitUntil("both deliver", absl::Seconds(30),
                                      [&] { return FirstBy("pa") > 100 && FirstBy("pb") > 100; }));
  EXPECT_EQ(Braid({"connection", "drain", "pa"}).code, 1) << "nothing else receives there";
  EXPECT_EQ(Braid({"connection", "drain", "pa", "--force"}).code, 0);
  ASSERT_STATUS_OK(harness::WaitUntil("pa has left", absl::Seconds(20), [&] {
    return absl::StrContains(ConnectorLog(), "connection_drained");
  }));
  double before = FirstBy("pb");
  ASSERT_STATUS_OK(harness::WaitUntil("pb goes on", absl::Seconds(20),
                                      [&] { return FirstBy("pb") > before + 100; }));
  EXPECT_EQ(Braid({"connection", "drain", "pb", "--force"}).code, 0);
  absl::StatusOr<harness::ProcessExit> exit = connector_->process().Wait(absl::Seconds(20));
  ASSERT_TRUE(exit.ok()) << exit.status();
  EXPECT_FALSE(exit->signaled);
  EXPECT_EQ(exit->code, 0);
  // Everything that was handed over was taken.
  EXPECT_EQ(deduper().Metric("braid_lost_lines_total", -1), 0);
  ASSERT_STATUS_OK(deduper().Stop(absl::Seconds(5)));
  ASSERT_STATUS_OK(emulator().Stop());
}

}  // namespace
}  // namespace braid::integration
