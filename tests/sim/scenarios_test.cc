// Runs tests/sim/scenarios/*.yaml, each a test of its own:
//   bazel test //tests/sim:scenarios_test --test_filter='*lost_spool*'
// BRAID_SEEDS=N runs each with so many seeds, BRAID_LOG=1 shows what the simulated
// processes log. A failing one tells its whole run.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/numbers.h"
#include "base/log.h"
#include "tests/sim/scenario.h"

namespace braid {
namespace {

constexpr char kDir[] = "tests/sim/scenarios";
// Failures per file.
constexpr size_t kShown = 10;

std::vector<std::string> Files() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kDir)) {
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

uint64_t Seeds() {
  uint64_t seeds = 1;
  const char* text = std::getenv("BRAID_SEEDS");
  if (text != nullptr && !absl::SimpleAtoi(text, &seeds)) seeds = 1;
  return seeds;
}

class ScenariosTest : public testing::TestWithParam<std::string> {};

TEST_P(ScenariosTest, EndsAsItsFileSays) {
  std::ifstream file(std::filesystem::path(kDir) / (GetParam() + ".yaml"));
  std::stringstream text;
  text << file.rdbuf();
  absl::StatusOr<Scenario> scenario = ParseScenario(text.str());
  ASSERT_TRUE(scenario.ok()) << scenario.status();
  for (uint64_t seed = 1; seed <= Seeds(); ++seed) {
    WorldReport report = RunWorldOf(scenario->world, seed);
    std::vector<std::string> failures = CompareScenario(*scenario, report);
    failures.insert(failures.end(), report.failures.begin(), report.failures.end());
    if (failures.empty()) continue;
    if (failures.size() > kShown) failures.resize(kShown);
    for (const std::string& failure : failures) {
      ADD_FAILURE() << "seed " << seed << ": " << failure;
    }
    std::cout << TellRun(report);
    return;
  }
}

INSTANTIATE_TEST_SUITE_P(Files, ScenariosTest, testing::ValuesIn(Files()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace braid

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  // What the simulated processes log is no news, but to who asks.
  bool is_asked = std::getenv("BRAID_LOG") != nullptr;
  braid::InitLog({is_asked ? braid::LogLevel::kInfo : braid::LogLevel::kError, braid::LogOptions::Format::kText, "sim"});
  return RUN_ALL_TESTS();
}
