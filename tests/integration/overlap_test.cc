// A rolling restart where X gives a minute of grace to one connection too many:
// the replacement starts first (docs/OPERATIONS.md, letting a connection go).

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/harness/wait.h"
#include "tests/integration/daemons_test_base.h"

namespace braid::integration {
namespace {

constexpr char kPath[] = "/stream/powertrack/accounts/acme/publishers/twitter/prod.json";

harness::EmulatorOptions X() {
  harness::EmulatorOptions options;
  options.rate = 500;
  options.has_truth = false;
  options.gzip = true;
  options.slots = 2;
  options.settings = {"gnip_grace=40"};
  return options;
}

class OverlapTest : public DaemonsTest {
 protected:
  OverlapTest() : DaemonsTest(X()) {
    for (const char* name : {"fra-a", "nyc-b", "fra-c"}) {
      connectors_.push_back(MakeConnector(name));
    }
  }

  std::string ConnectorYaml(const std::string& name) const {
    return absl::StrCat("connection: ", name, "\nstream: main\nnetwork: n\nworker: false\nsource: ",
                        "{dialect: gnip-powertrack, account: acme, label: prod, user: me, ",
                        "password_file: ", emulator().token_file(), ", url: \"",
                        StreamUrl(name, kPath), "\"}\n");
  }

  harness::Daemon& connector(size_t i) { return *connectors_[i]; }
  bool IsReceiving(size_t i) { return connector(i).Metric("braid_connection_receiving", 0) == 1; }

  std::vector<std::unique_ptr<harness::Daemon>> connectors_;
};

TEST_F(OverlapTest, ReplacementStreamsBeforeTheOldOneLeavesAndNobodyIsCut) {
  ASSERT_STATUS_OK(emulator().Start());
  ASSERT_STATUS_OK(
      StartDeduper("  - name: main\n    connections: [{id: fra-a}, {id: nyc-b}, {id: fra-c}]\n"));
  for (const auto& daemon : connectors_) {
    ASSERT_STATUS_OK(WriteConnector(daemon->name(), ConnectorYaml(daemon->name())));
  }
  ASSERT_STATUS_OK(connector(0).Start());
  ASSERT_STATUS_OK(connector(1).Start());
  ASSERT_STATUS_OK(harness::WaitUntil("both receive", absl::Seconds(30),
                                      [&] { return IsReceiving(0) && IsReceiving(1); }));
  // X counts three now, for 40 s.
  ASSERT_STATUS_OK(connector(2).Start());
  ASSERT_STATUS_OK(
      harness::WaitUntil("the third receives", absl::Seconds(10), [&] { return IsReceiving(2); }));
  absl::Time third = absl::Now();
  EXPECT_EQ(Braid({"connection", "drain", "fra-a", "--wait"}).code, 0);
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
  EXPECT_EQ(deduper().Metric("braid_lost_lines_total", -1), 0);
  for (size_t i : {1, 2}) ASSERT_STATUS_OK(connector(i).Stop(absl::Seconds(5)));
  ASSERT_STATUS_OK(deduper().Stop(absl::Seconds(5)));
  ASSERT_STATUS_OK(emulator().Stop());
}

}  // namespace
}  // namespace braid::integration
