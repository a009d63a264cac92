// What the tests with real processes share: a directory, counts from the
// environment (a slice in the ordinary suite, more in tests/campaign), a
// cluster, and the comparison with the truth at the end.

#ifndef BRAID_TESTS_INTEGRATION_CLUSTER_TEST_BASE_H_
#define BRAID_TESTS_INTEGRATION_CLUSTER_TEST_BASE_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "tests/harness/cluster.h"
#include "tests/harness/files.h"

namespace braid::integration {

#define ASSERT_STATUS_OK(expression)                \
  do {                                              \
    absl::Status status_of_it = (expression);       \
    ASSERT_TRUE(status_of_it.ok()) << status_of_it; \
  } while (false)

// The number in an environment variable, or `otherwise`.
int CountFromEnvironment(const char* variable, int otherwise);

class ClusterTest : public testing::Test {
 protected:
  ClusterTest();
  ~ClusterTest() override;

  // Makes and starts a cluster below dir().
  void StartCluster(harness::ClusterOptions options = {});
  harness::Cluster& cluster() { return *cluster_; }
  const std::string& dir() const { return dir_.path(); }
  SeededRandom& random() { return random_; }

  // Lets load pass for a random span, [min, max).
  void LetLoadPass(absl::Duration min, absl::Duration max);

  // The comparison with the truth: nothing strange, nothing twice, dense, and
  // everything spooled or sent on a trusted connection is there.
  void ExpectLogIsTheTruth(const harness::IsTrusted& is_trusted);

  // Exit code (-1: none) and output of `braid WORDS` against the cluster.
  std::pair<int, std::string> Braid(std::vector<std::string> words);

  // SIGTERM to everything; each ends by itself with exit code 0 within 5 s.
  void ExpectCleanStop();

  std::unique_ptr<harness::Cluster> cluster_;

 private:
  harness::TempDir dir_{"integration"};
  SeededRandom random_;
  int braid_runs_ = 0;
};

}  // namespace braid::integration

#endif  // BRAID_TESTS_INTEGRATION_CLUSTER_TEST_BASE_H_
