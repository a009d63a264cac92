// The demo as people run it: wrong flags, processes that are killed, and a
// configuration of one's own.

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/harness/binaries.h"
#include "tests/harness/emulator.h"
#include "tests/harness/ports.h"
#include "tests/harness/process.h"
#include "tests/harness/wait.h"
#include "tests/integration/processes_test_base.h"

namespace braid::integration {
namespace {

class DemoTest : public ProcessesTest {
 protected:
  std::vector<std::string> Command(const std::vector<std::string>& flags) const {
    std::vector<std::string> command = {harness::RunfilePath("deploy/demo_main")};
    command.insert(command.end(), flags.begin(), flags.end());
    return command;
  }

  // A demo that has shown its first line.
  std::unique_ptr<harness::Process> Start(const std::vector<std::string>& flags) {
    harness::ProcessOptions options;
    options.name = "demo";
    options.command = Command(flags);
    options.output_file = Path("demo.log");
    auto process = harness::Process::Start(options);
    EXPECT_TRUE(process.ok()) << process.status();
    absl::Status shown = harness::WaitUntil("the demo shows something", absl::Minutes(1), [&] {
      return absl::StrContains((*process)->OutputTail(), "merged");
    });
    EXPECT_TRUE(shown.ok()) << shown << (*process)->OutputTail();
    return *std::move(process);
  }

  // The demo's child with that in its command; -1: none.
  static pid_t ChildWith(const harness::Process& demo, const std::string& word) {
    std::string task = absl::StrCat("/proc/", demo.pid(), "/task/", demo.pid());
    std::string children = harness::ReadFile(task + "/children").value_or("");
    for (absl::string_view child : absl::StrSplit(children, ' ', absl::SkipEmpty())) {
      std::string command =
          harness::ReadFile(absl::StrCat("/proc/", child, "/cmdline")).value_or("");
      int pid = -1;
      if (absl::StrContains(command, word) && absl::SimpleAtoi(child, &pid)) return pid;
    }
    return -1;
  }

  // The number of that name in a summary.
  static int NumberOf(const std::string& summary, const std::string& name) {
    std::vector<std::string> parts = absl::StrSplit(summary, absl::StrCat("\"", name, "\":"));
    EXPECT_EQ(parts.size(), 2u) << summary;
    return parts.size() == 2 ? atoi(parts[1].c_str()) : -1;
  }

  // What demos left beside this test's own directory.
  size_t DemoDirs() const {
    size_t count = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::filesystem::path(dir()).parent_path())) {
      count += absl::StartsWith(entry.path().filename().string(), "braid-demo") ? 1 : 0;
    }
    return count;
  }
};

TEST_F(DemoTest, WrongFlagsAreUsageErrorsWithARemedyAndLeaveNothing) {
  std::filesystem::create_directory(Path("empty"));
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"--for", "-5s"}, "for example 60s"},
      {{"--for", "0s"}, "for example 60s"},
      {{"--for", "soon"}, "for example 60s"},
      {{"--rate", "0"}, "for example 2000"},
      {{"--rate", "-3"}, "for example 2000"},
      {{"--rate", "nan"}, "for example 2000"},
      {{"--rate", "5", "--config", Path("empty")}, "drop one"},
      {{"--config", Path("missing")}, "missing"},
      {{"--config", Path("empty")}, "holds no connector*.yaml"},
  };
  for (const auto& [flags, remedy] : cases) {
    Ended ended = Run(Command(flags));
    EXPECT_EQ(ended.code, 2) << flags[0] << " " << flags[1] << ": " << ended.output;
    EXPECT_TRUE(absl::StrContains(ended.output, remedy)) << ended.output;
  }
  EXPECT_EQ(DemoDirs(), 0u);
}

TEST_F(DemoTest, KilledProcessesAreNamedAndStartedAgainAndNothingIsLost) {
  auto demo = Start({"--for", "12s", "--rate", "500", "--summary", Path("summary")});
  for (const char* name : {"connector-a", "deduper"}) {
    pid_t child = ChildWith(*demo, absl::StrCat(name, ".yaml"));
    ASSERT_GT(child, 0) << name;
    kill(child, SIGKILL);
    std::string said = absl::StrCat(name, ": killed by signal 9; started again");
    ASSERT_STATUS_OK(harness::WaitUntil(
        said, absl::Seconds(30), [&] { return absl::StrContains(demo->OutputTail(), said); }));
  }
  absl::StatusOr<harness::ProcessExit> exit = demo->Wait(absl::Minutes(2));
  ASSERT_TRUE(exit.ok()) << exit.status();
  EXPECT_EQ(exit->ToString(), "exit code 0") << demo->OutputTail();
  std::string summary = harness::ReadFile(Path("summary")).value_or("");
  EXPECT_EQ(NumberOf(summary, "restarts"), 2);
  EXPECT_EQ(NumberOf(summary, "lost"), 0);
}

TEST_F(DemoTest, AProcessThatFailsEndsTheDemoWithASummaryAndAnExitCode) {
  auto demo = Start({"--rate", "500", "--summary", Path("summary")});
  pid_t child = ChildWith(*demo, "connector-b.yaml");
  ASSERT_GT(child, 0);
  // As a crash, but without a core file.
  kill(child, SIGALRM);
  absl::StatusOr<harness::ProcessExit> exit = demo->Wait(absl::Minutes(2));
  ASSERT_TRUE(exit.ok()) << exit.status();
  EXPECT_EQ(exit->ToString(), "exit code 1") << demo->OutputTail();
  std::string summary = harness::ReadFile(Path("summary")).value_or("");
  EXPECT_TRUE(
      absl::StrContains(summary, "\"process_faults\":[\"connector-b: killed by signal 14\"]"))
      << summary;
  EXPECT_EQ(NumberOf(summary, "lost"), 0);
}

TEST_F(DemoTest, AConfigurationShowsItsWarningsAndEachRunCountsItsOwnPosts) {
  harness::EmulatorOptions x;
  x.dir = dir();
  x.rate = 500;
  x.has_truth = false;
  harness::Emulator emulator(x);
  ASSERT_STATUS_OK(emulator.Start());
  std::filesystem::create_directory(Path("my"));
  std::string address = absl::StrCat("127.0.0.1:", harness::FreePort());
  ASSERT_STATUS_OK(harness::WriteFile(
      Path("my/deduper.yaml"),
      absl::StrCat("listen: {grpc: \"", address, "\", http: \"127.0.0.1:0\"}\ndata_dir: data\n",
                   "streams: [{name: main, connections: [{id: a}]}]\n")));
  ASSERT_STATUS_OK(harness::WriteFile(
      Path("my/connector-a.yaml"),
      absl::StrCat("connection: a\nstream: main\nworker: false\nsource: {url: \"",
                   emulator.StreamUrl("a"), "\", bearer_token_file: ", emulator.token_file(),
                   ", backfill: never}\ndedupers: [{address: \"", address,
                   "\"}]\nspool: {dir: spool}\nlisten: {http: \"127.0.0.1:0\"}\n")));
  ASSERT_EQ(chmod(emulator.token_file().c_str(), 0644), 0);
  Ended first = Run(Command({"--config", Path("my"), "--for", "7s", "--summary", Path("first")}),
                    absl::Minutes(1));
  EXPECT_EQ(first.code, 0) << first.output;
  EXPECT_TRUE(absl::StrContains(first.output, "chmod 600")) << first.output;
  EXPECT_TRUE(absl::StrContains(first.output, "receiving first 100 %")) << first.output;
  Ended second = Run(Command({"--config", Path("my"), "--for", "2s", "--summary", Path("second")}),
                     absl::Minutes(1));
  EXPECT_EQ(second.code, 0) << second.output;
  int merged = NumberOf(harness::ReadFile(Path("second")).value_or(""), "merged");
  EXPECT_GT(merged, 0);
  EXPECT_LT(merged, NumberOf(harness::ReadFile(Path("first")).value_or(""), "merged"));
  ASSERT_STATUS_OK(emulator.Stop());
}

}  // namespace
}  // namespace braid::integration
