#include "tests/integration/processes_test_base.h"

#include <stdlib.h>

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/harness/binaries.h"
#include "tests/harness/run_to_end.h"

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

ProcessesTest::~ProcessesTest() {
  if (HasFailure()) KeepLogs(dir());
}

Ended ProcessesTest::Run(std::vector<std::string> command, absl::Duration timeout) {
  harness::ProcessOptions options;
  options.name = std::filesystem::path(command[0]).filename().string();
  options.command = std::move(command);
  options.output_file = absl::StrCat(dir(), "/run-", ++runs_, ".log");
  absl::StatusOr<harness::EndedProcess> ended = harness::RunToEnd(std::move(options), timeout);
  if (!ended.ok()) return {-1, ended.status().ToString()};
  return {ended->exit.signaled ? -1 : ended->exit.code, ended->output};
}

Ended ProcessesTest::RunBraid(const std::string& address, std::vector<std::string> words) {
  std::vector<std::string> command = {harness::RunfilePath("cli/braid"), "--server", address,
                                      "--stream", "main"};
  command.insert(command.end(), words.begin(), words.end());
  // A drain that waits for the other connection takes a minute.
  return Run(std::move(command), absl::Minutes(2));
}

}  // namespace braid::integration
