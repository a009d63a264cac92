// The /metrics of every daemon that has work, as a monitoring system reads it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "absl/strings/str_cat.h"
#include "tests/harness/metrics_lint.h"
#include "tests/integration/cluster_test_base.h"

namespace braid::integration {
namespace {

class MetricsTest : public ClusterTest {
 protected:
  std::string Scrape(const harness::Daemon& daemon) {
    absl::StatusOr<harness::HttpAnswer> answer = daemon.Get("/metrics");
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? answer->body : "";
  }

  // `tests/campaign metrics` names the program; the ordinary suite does without.
  void AskPromtool(const std::string& name, const std::string& text) {
    const char* promtool = getenv("BRAID_PROMTOOL");
    if (promtool == nullptr) return;
    const std::string file = absl::StrCat(dir(), "/", name, ".prom");
    ASSERT_STATUS_OK(harness::WriteFile(file, text));
    const std::string command = absl::StrCat(promtool, " check metrics < ", file, " 1>&2");
    EXPECT_EQ(system(command.c_str()), 0) << name;
  }
};

TEST_F(MetricsTest, ScrapesOfEveryDaemonFollowTheRules) {
  ASSERT_NO_FATAL_FAILURE(StartCluster());
  LetLoadPass(absl::Seconds(1), absl::Seconds(2));
  for (harness::Daemon* daemon :
       {&cluster().deduper(), &cluster().connector(0), &cluster().connector(1)}) {
    const std::string text = Scrape(*daemon);
    EXPECT_THAT(harness::LintMetrics(text), testing::IsEmpty()) << daemon->name();
    AskPromtool(daemon->name(), text);
  }
}

}  // namespace
}  // namespace braid::integration
