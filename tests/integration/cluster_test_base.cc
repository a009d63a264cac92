#include "tests/integration/cluster_test_base.h"

#include <stdlib.h>

#include <cstdio>
#include <utility>

#include "absl/strings/numbers.h"
#include "tests/harness/wait.h"

namespace braid::integration {
int CountFromEnvironment(const char* variable, int otherwise) {
  const char* text = getenv(variable);
  int count = 0;
  return text != nullptr && absl::SimpleAtoi(text, &count) ? count : otherwise;
}

ClusterTest::ClusterTest()
    : random_(static_cast<uint64_t>(
          CountFromEnvironment("BRAID_SEED", static_cast<int>(OsSeed() & 0x7fffffff)))) {}

void ClusterTest::StartCluster(harness::ClusterOptions options) {
  if (options.dir.empty()) options.dir = dir();
  auto cluster = harness::Cluster::Make(std::move(options));
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  cluster_ = *std::move(cluster);
  ASSERT_STATUS_OK(cluster_->Start());
  ASSERT_STATUS_OK(cluster_->WaitForEvents(1, absl::Seconds(30)));
}

void ClusterTest::LetLoadPass(absl::Duration min, absl::Duration max) {
  harness::LetPass(min + (max - min) * random_.Unit());
}

void ClusterTest::ExpectLogIsTheTruth(const harness::IsTrusted& is_trusted) {
  absl::StatusOr<harness::Verdict> verdict = cluster().Compare(is_trusted);
  ASSERT_TRUE(verdict.ok()) << verdict.status();
  EXPECT_TRUE(verdict->ok()) << verdict->ToString();
  // A run that carried nothing proves nothing.
  EXPECT_GT(verdict->required, 0u);
  std::printf("%s\n", verdict->ToString().c_str());
}

Ended ClusterTest::Braid(std::vector<std::string> words) {
  return RunBraid(cluster().log_address().deduper, std::move(words));
}

void ClusterTest::ExpectCleanStop() {
  for (int i = 0; i < cluster().connector_count(); ++i) {
    if (!cluster().connector(i).IsRunning()) continue;
    absl::Status stopped = cluster().connector(i).Stop(absl::Seconds(5));
    EXPECT_TRUE(stopped.ok()) << stopped << "\n" << cluster().connector(i).process().OutputTail();
  }
  absl::Status stopped = cluster().deduper().Stop(absl::Seconds(5));
  EXPECT_TRUE(stopped.ok()) << stopped;
}

}  // namespace braid::integration
