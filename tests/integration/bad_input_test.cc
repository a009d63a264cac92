// What X never should send, through the whole path: counted, in bounded memory,
// and the stream goes on.

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/harness/wait.h"
#include "tests/integration/cluster_test_base.h"

namespace braid::integration {
namespace {

// The promised budgets.
constexpr uint64_t kConnectorBytesMax = 256 << 20;
constexpr uint64_t kDeduperBytesMax = 512 << 20;

class BadInput : public ClusterTest {
 protected:
  void StartWithSomeLoad() {
    harness::ClusterOptions options;
    options.emulator.rate = 500;
    ASSERT_NO_FATAL_FAILURE(StartCluster(options));
  }

  double Counted(const std::string& metric) { return cluster().connector(0).Metric(metric, -1); }

  void Send(const std::string& bytes) {
    ASSERT_STATUS_OK(cluster().emulator().SendRaw("a", bytes));
  }

  // More posts of this very connection arrive after what was sent.
  void ExpectStreamGoesOn() {
    double before = Counted("braid_events_received_total");
    EXPECT_TRUE(harness::WaitUntil("stream goes on", absl::Minutes(1), [&] {
                  return Counted("braid_events_received_total") >= before + 200;
                }).ok());
  }

  void ExpectCounted(const std::string& metric, double before, double count) {
    absl::Status counted = harness::WaitUntil(metric, absl::Minutes(1),
                                              [&] { return Counted(metric) >= before + count; });
    EXPECT_TRUE(counted.ok()) << counted << "; counted " << Counted(metric) - before << " of "
                              << count;
  }

  void ExpectBudgetsHold() {
    for (int i : {0, 1}) {
      auto usage = cluster().connector(i).process().Usage();
      ASSERT_TRUE(usage.ok()) << usage.status();
      EXPECT_LE(usage->rss_bytes_max, kConnectorBytesMax) << "connector " << i;
    }
    auto usage = cluster().deduper().process().Usage();
    ASSERT_TRUE(usage.ok()) << usage.status();
    EXPECT_LE(usage->rss_bytes_max, kDeduperBytesMax);
  }

  void ExpectAllIsWell() {
    ExpectStreamGoesOn();
    ExpectBudgetsHold();
    ASSERT_STATUS_OK(cluster().Drain(absl::Minutes(1)));
    ExpectLogIsTheTruth(harness::StayedUp);
    ExpectCleanStop();
  }
};

constexpr char kMalformed[] = "braid_events_malformed_total";
constexpr char kOversize[] = "braid_events_oversize_total";

TEST_F(BadInput, LinesThatAreNoPostsAreCounted) {
  ASSERT_NO_FATAL_FAILURE(StartWithSomeLoad());
  const std::string lines[] = {
      "this is not JSON",
      "{\"data\":{\"id\":\"12",
      std::string("\0\0\0\0", 4),
      std::string("{\"data\":{\"id\":\"1\0\"}}", 20),
      "{\"data\":{\"id\":9007199254740993,\"text\":\"a number above 2^53\"}}",
      "{\"data\":{\"id\":\"\",\"text\":\"empty id\"}}",
      "{\"data\":{\"id\":\"12345678901234567890123\",\"text\":\"23 digits\"}}",
      "{\"data\":{\"id\":\"-5\",\"text\":\"negative\"}}",
      "[1,2,3]",
      "\xff\xfe\xfd",
  };
  double before = Counted(kMalformed);
  for (const std::string& line : lines) Send(line + "\r\n");
  // Which of them are malformed posts and which merely no posts is decided by
  // unit tests; here none may vanish uncounted or become an event.
  double control_before = 0;
  absl::Status counted = harness::WaitUntil("all are counted", absl::Minutes(1), [&] {
    return Counted(kMalformed) - before + Counted("braid_control_messages_total") -
               control_before >=
           static_cast<double>(std::size(lines));
  });
  EXPECT_TRUE(counted.ok()) << counted;
  ExpectAllIsWell();
}

TEST_F(BadInput, TenThousandLevelsOfJsonAreMalformed) {
  ASSERT_NO_FATAL_FAILURE(StartWithSomeLoad());
  double before = Counted(kMalformed);
  Send(absl::StrCat("{\"data\":{\"id\":\"1234567890123456789\",\"x\":", std::string(10000, '['),
                    std::string(10000, ']'), "}}\r\n"));
  Send(std::string(10000, '[') + "\r\n");
  ExpectCounted(kMalformed, before, 2);
  ExpectAllIsWell();
}

TEST_F(BadInput, LineOfOneGigabyteIsOneOversizeLine) {
  ASSERT_NO_FATAL_FAILURE(StartWithSomeLoad());
  double before = Counted(kOversize);
  ASSERT_STATUS_OK(cluster().emulator().SendBad("a", "endless-line"));
  ExpectCounted(kOversize, before, 1);
  ExpectAllIsWell();
}

TEST_F(BadInput, GzipBombIsCutOffAndTheConnectionComesBack) {
  harness::ClusterOptions options;
  options.emulator.rate = 500;
  options.emulator.gzip = true;
  ASSERT_NO_FATAL_FAILURE(StartCluster(options));
  // 1 GB of one letter is 1 MB of gzip: a thousand to one.
  ASSERT_STATUS_OK(cluster().emulator().SendBad("a", "gzip-bomb"));
  double before = Counted("braid_connection_attempts_total");
  EXPECT_TRUE(harness::WaitUntil("bomb noticed", absl::Minutes(1), [&] {
                return Counted("braid_connection_attempts_total") > before ||
                       Counted(kOversize) > 0;
              }).ok());
  ExpectAllIsWell();
}

}  // namespace
}  // namespace braid::integration
