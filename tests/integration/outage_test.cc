// Networks that go away, and a deduper that does. Short in the ordinary suite;
// BRAID_OUTAGE_SECONDS sets the real length (tests/campaign outages).

#include <gtest/gtest.h>

#include "tests/harness/network.h"
#include "tests/harness/wait.h"
#include "tests/integration/cluster_test_base.h"

namespace braid::integration {
namespace {

class Outage : public ClusterTest {
 protected:
  // Longer than the time after which silence counts as an outage, below.
  const absl::Duration length_ = absl::Seconds(CountFromEnvironment("BRAID_OUTAGE_SECONDS", 8));

  harness::ClusterOptions Load() {
    harness::ClusterOptions options;
    options.emulator.rate = 1000;
    // X's 20 s between heartbeats and our 25 s of patience, shortened alike.
    options.emulator.keep_alive = absl::Seconds(2);
    options.source_yaml = "  stall_after: 3s\n";
    return options;
  }

  void StartBehindCables() {
    auto network = harness::Network::Make(2, dir());
    ASSERT_TRUE(network.ok()) << network.status();
    network_ = *std::move(network);
    harness::ClusterOptions options = Load();
    options.network = network_.get();
    StartCluster(options);
  }

  // Waits until X has one more connection of that name than before.
  void ExpectReconnect(int index, size_t before) {
    EXPECT_TRUE(harness::WaitUntil("connected again", absl::Minutes(1), [&] {
                  return Connections(index) > before;
                }).ok());
  }

  size_t Connections(int index) {
    auto truth = cluster().emulator().ReadTruth();
    if (!truth.ok()) return 0;
    size_t count = 0;
    for (const auto& connection : truth->connections) {
      if (connection.tag == harness::Cluster::ConnectionName(index)) ++count;
    }
    return count;
  }

  std::unique_ptr<harness::Network> network_;
};

TEST_F(Outage, OfOneNetworkIsCoveredByTheOther) {
  if (std::string reason = harness::NetworksUnavailable(); !reason.empty()) {
    GTEST_SKIP() << reason;
  }
  ASSERT_NO_FATAL_FAILURE(StartBehindCables());
  LetLoadPass(absl::Seconds(1), absl::Seconds(2));
  size_t connections = Connections(0);
  ASSERT_STATUS_OK(network_->Cut(0));
  harness::LetPass(length_);
  ASSERT_STATUS_OK(network_->Heal(0));
  ExpectReconnect(0, connections);
  LetLoadPass(absl::Seconds(1), absl::Seconds(2));
  ASSERT_STATUS_OK(cluster().Drain(absl::Minutes(1)));
  ExpectLogIsTheTruth(harness::StayedUp);
  ExpectCleanStop();
}

TEST_F(Outage, OfBothNetworksLosesNothingThatWasReceived) {
  if (std::string reason = harness::NetworksUnavailable(); !reason.empty()) {
    GTEST_SKIP() << reason;
  }
  ASSERT_NO_FATAL_FAILURE(StartBehindCables());
  LetLoadPass(absl::Seconds(1), absl::Seconds(2));
  size_t connections[] = {Connections(0), Connections(1)};
  for (int i : {0, 1}) ASSERT_STATUS_OK(network_->Cut(i));
  harness::LetPass(length_);
  for (int i : {0, 1}) ASSERT_STATUS_OK(network_->Heal(i));
  for (int i : {0, 1}) ExpectReconnect(i, connections[i]);
  LetLoadPass(absl::Seconds(1), absl::Seconds(2));
  ASSERT_STATUS_OK(cluster().Drain(absl::Minutes(1)));
  ExpectLogIsTheTruth(harness::StayedUp);
  ExpectCleanStop();
}

TEST_F(Outage, OfTheDeduperIsCaughtUpFromTheSpools) {
  ASSERT_NO_FATAL_FAILURE(StartCluster(Load()));
  LetLoadPass(absl::Seconds(1), absl::Seconds(2));
  cluster().deduper().Kill();
  harness::LetPass(length_);
  ASSERT_STATUS_OK(cluster().deduper().Start());
  ASSERT_STATUS_OK(cluster().Drain(absl::Minutes(1)));
  ExpectLogIsTheTruth(harness::StayedUp);
  ExpectCleanStop();
}

TEST_F(Outage, OfXWithEveryKindOfCutIsCoveredByTheOtherConnection) {
  ASSERT_NO_FATAL_FAILURE(StartCluster(Load()));
  int index = 0;
  for (harness::CutKind kind : harness::kAllCutKinds) {
    LetLoadPass(absl::Milliseconds(300), absl::Milliseconds(600));
    size_t connections = Connections(index);
    ASSERT_STATUS_OK(cluster().emulator().Cut(harness::Cluster::ConnectionName(index), kind));
    ExpectReconnect(index, connections);
    index = 1 - index;
  }
  ASSERT_STATUS_OK(cluster().Drain(absl::Minutes(1)));
  ExpectLogIsTheTruth(harness::AnyConnection);
  ExpectCleanStop();
}

}  // namespace
}  // namespace braid::integration
