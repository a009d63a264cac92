#include "tests/harness/process.h"

#include <gtest/gtest.h>
#include <signal.h>

#include "tests/harness/files.h"
#include "tests/harness/ready_file.h"
#include "tests/harness/run_to_end.h"
#include "tests/harness/wait.h"

namespace braid::harness {
namespace {

class ProcessTest : public testing::Test {
 protected:
  std::unique_ptr<Process> Shell(const std::string& script) {
    ProcessOptions options;
    options.name = "shell";
    options.command = {"/bin/sh", "-c", script};
    options.environment = {{"GREETING", "hello"}};
    options.output_file = dir_.path() + "/shell.log";
    absl::StatusOr<std::unique_ptr<Process>> process = Process::Start(options);
    EXPECT_TRUE(process.ok()) << process.status();
    return *std::move(process);
  }

  TempDir dir_{"process-test"};
};

TEST_F(ProcessTest, ExitCodeAndOutputAreKept) {
  std::unique_ptr<Process> process = Shell("echo $GREETING; exit 3");
  absl::StatusOr<ProcessExit> exit = process->Wait(absl::Seconds(10));
  ASSERT_TRUE(exit.ok()) << exit.status();
  EXPECT_EQ(exit->ToString(), "exit code 3");
  EXPECT_EQ(process->OutputTail(), "hello\n");
  EXPECT_FALSE(process->IsRunning());
}

TEST_F(ProcessTest, RunToEndGivesTheExitAndOnlyItsOwnOutput) {
  ProcessOptions options;
  options.name = "shell";
  options.command = {"/bin/sh", "-c", "echo first; exit 3"};
  options.output_file = dir_.path() + "/run.log";
  EXPECT_EQ(RunToEnd(options, absl::Seconds(10))->exit.code, 3);
  options.command.back() = "echo second";
  absl::StatusOr<EndedProcess> ended = RunToEnd(options, absl::Seconds(10));
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->exit.ToString(), "exit code 0");
  EXPECT_EQ(ended->output, "second\n");
  options.command.back() = "exec sleep 60";
  EXPECT_EQ(RunToEnd(options, absl::Milliseconds(30)).status().code(),
            absl::StatusCode::kDeadlineExceeded);
}

TEST_F(ProcessTest, WhatWasToSucceedFailsWithItsOutput) {
  ProcessOptions options;
  options.name = "shell";
  options.command = {"/bin/sh", "-c", "echo why; exit 3"};
  options.output_file = dir_.path() + "/run.log";
  EXPECT_EQ(RunSuccessfully(options, absl::Seconds(10)).message(), "shell: exit code 3\nwhy\n");
  options.command.back() = "exit 0";
  EXPECT_TRUE(RunSuccessfully(options, absl::Seconds(10)).ok());
}

TEST_F(ProcessTest, WaitEndsAtItsDeadline) {
  std::unique_ptr<Process> process = Shell("exec sleep 60");
  EXPECT_EQ(process->Wait(absl::Milliseconds(30)).status().code(),
            absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(process->IsRunning());
  EXPECT_TRUE(process->Usage().ok());
}

TEST_F(ProcessTest, KillTakesTheWholeGroup) {
  std::string child_file = dir_.path() + "/child";
  std::unique_ptr<Process> process =
      Shell("sleep 60 & echo $! > " + child_file + "; echo '{\"grpc_port\":7}' > " + dir_.path() +
            "/ready; wait");
  auto ready = WaitForReadyFile(*process, dir_.path() + "/ready", absl::Seconds(10));
  ASSERT_TRUE(ready.ok()) << ready.status();
  EXPECT_EQ((*ready)["grpc_port"], 7);
  process->Kill();
  pid_t child = std::stoi(*ReadFile(child_file));
  absl::Status gone = WaitUntil("child is gone, or a zombie", absl::Seconds(10), [&] {
    absl::StatusOr<std::string> status = ReadFile("/proc/" + std::to_string(child) + "/status");
    return !status.ok() || status->find("State:\tZ") != std::string::npos;
  });
  EXPECT_TRUE(gone.ok()) << gone;
  EXPECT_EQ(process->Wait(absl::ZeroDuration())->code, SIGKILL);
}

TEST_F(ProcessTest, EndBeforeReadyIsReportedWithTheOutput) {
  std::unique_ptr<Process> process = Shell("echo no such config >&2; exit 2");
  auto ready = WaitForReadyFile(*process, dir_.path() + "/ready", absl::Seconds(10));
  EXPECT_EQ(ready.status().code(), absl::StatusCode::kAborted);
  EXPECT_NE(ready.status().message().find("exit code 2\nno such config"), std::string::npos)
      << ready.status();
}

TEST_F(ProcessTest, MissingProgramIsAnError) {
  ProcessOptions options;
  options.command = {"/no/such/program"};
  options.output_file = dir_.path() + "/x.log";
  EXPECT_EQ(Process::Start(options).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace braid::harness
