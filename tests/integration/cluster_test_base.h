// What the tests with a whole Braid share: counts from the environment (a slice in
// the ordinary suite, more in tests/campaign), a cluster, and the comparison with
// the truth at the end.

#ifndef BRAID_TESTS_INTEGRATION_CLUSTER_TEST_BASE_H_
#define BRAID_TESTS_INTEGRATION_CLUSTER_TEST_BASE_H_

#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "tests/harness/cluster.h"
#include "tests/integration/processes_test_base.h"

namespace braid::integration {

// The number in an environment variable, or `otherwise`.
int CountFromEnvironment(const char* variable, int otherwise);

class ClusterTest : public ProcessesTest {
 protected:
  ClusterTest();

  // Makes and starts a cluster below dir().
  void StartCluster(harness::ClusterOptions options = {});
  harness::Cluster& cluster() { return *cluster_; }
  SeededRandom& random() { return random_; }

  // Lets load pass for a random span, [min, max).
  void LetLoadPass(absl::Duration min, absl::Duration max);

  // The comparison with the truth: nothing strange, nothing twice, dense, and
  // everything spooled or sent on a trusted connection is there.
  void ExpectLogIsTheTruth(const harness::IsTrusted& is_trusted);

  // `braid WORDS` against the cluster.
  Ended Braid(std::vector<std::string> words);

  // SIGTERM to everything; each ends by itself with exit code 0 within 5 s.
  void ExpectCleanStop();

  std::unique_ptr<harness::Cluster> cluster_;

 private:
  SeededRandom random_;
};

}  // namespace braid::integration

#endif  // BRAID_TESTS_INTEGRATION_CLUSTER_TEST_BASE_H_
