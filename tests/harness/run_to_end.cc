#include "tests/harness/run_to_end.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/harness/binaries.h"
#include "tests/harness/files.h"

namespace braid::harness {

absl::StatusOr<EndedProcess> RunToEnd(ProcessOptions options, absl::Duration timeout) {
  const size_t before = ReadFile(options.output_file).value_or("").size();
  absl::StatusOr<std::unique_ptr<Process>> process = Process::Start(std::move(options));
  if (!process.ok()) return process.status();
  absl::StatusOr<ProcessExit> exit = (*process)->Wait(timeout);
  if (!exit.ok()) {
    return absl::Status(exit.status().code(),
                        absl::StrCat(exit.status().message(), "\n", (*process)->OutputTail()));
  }
  std::string output = ReadFile((*process)->output_file()).value_or("");
  return EndedProcess{*exit, output.substr(std::min(before, output.size()))};
}

absl::Status RunSuccessfully(ProcessOptions options, absl::Duration timeout) {
  const std::string name = options.name;
  absl::StatusOr<EndedProcess> ended = RunToEnd(std::move(options), timeout);
  if (!ended.ok()) return ended.status();
  if (!ended->exit.signaled && ended->exit.code == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(name, ": ", ended->exit.ToString(), "\n", ended->output));
}

absl::Status InitDeduper(const std::string& config_file, const std::string& output_file) {
  ProcessOptions options;
  options.name = "braid-deduper --init";
  options.command = {RunfilePath("dedupe/braid-deduper"), "--init", "--config", config_file};
  options.output_file = output_file;
  // Making a database takes less than a second, but for busy disks.
  return RunSuccessfully(std::move(options), absl::Seconds(30));
}

}  // namespace braid::harness
