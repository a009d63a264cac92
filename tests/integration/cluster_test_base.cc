#include "tests/integration/cluster_test_base.h"

#include <stdlib.h>

#include <cstdio>
#include <filesystem>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/harness/binaries.h"
#include "tests/harness/process.h"
#include "tests/harness/wait.h"

namespace braid::integration {
namespace {

// A failure is looked into with the logs and configurations, which bazel keeps
// where this variable points.
void KeepLogs(const std::string& dir) {
  const char* outputs = getenv("TEST_UNDECLARED_OUTPUTS_DIR");
  if (outputs == nullptr) return;
  for (const auto& entry : std::filesystem::directory_iterator(dir)) {
    std::string extension = entry.path().extension().string();
    if (extension != ".log" && extension != ".yaml") continue;
    std::error_code ignored;
    std::filesystem::copy(entry.path(), outputs, std::filesystem::copy_options::overwrite_existing,
                          ignored);
  }
}

}  // namespace

int CountFromEnvironment(const char* variable, int otherwise) {
  const char* text = getenv(variable);
  int count = 0;
  return text != nullptr && absl::SimpleAtoi(text, &count) ? count : otherwise;
}

ClusterTest::ClusterTest()
    : random_(static_cast<uint64_t>(
          CountFromEnvironment("BRAID_SEED", static_cast<int>(OsSeed() & 0x7fffffff)))) {}

ClusterTest::~ClusterTest() {
  if (HasFailure()) KeepLogs(dir());
}

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

std::pair<int, std::string> ClusterTest::Braid(std::vector<std::string> words) {
  harness::ProcessOptions options;
  options.name = "braid";
  options.command = {harness::RunfilePath("cli/braid"), "--server", cluster().log_address().deduper,
                     "--stream", "main"};
  options.command.insert(options.command.end(), words.begin(), words.end());
  options.output_file = absl::StrCat(dir(), "/braid-", ++braid_runs_, ".log");
  auto process = harness::Process::Start(options);
  if (!process.ok()) return {-1, process.status().ToString()};
  absl::StatusOr<harness::ProcessExit> exit = (*process)->Wait(absl::Minutes(2));
  return {exit.ok() && !exit->signaled ? exit->code : -1,
          harness::ReadFile(options.output_file).value_or("")};
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
