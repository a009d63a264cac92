// A program that is to end by itself: started, waited for, and what it said.
//
// Threads: any that stays meanwhile; blocks. Bounds: the timeout.

#ifndef BRAID_TESTS_HARNESS_RUN_TO_END_H_
#define BRAID_TESTS_HARNESS_RUN_TO_END_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/harness/process.h"

namespace braid::harness {

struct EndedProcess {
  ProcessExit exit;
  // All that it wrote; what was in the file before is not in it.
  std::string output;
};

// Failure: it can not be started, or still ran after `timeout` and was killed.
[[nodiscard]] absl::StatusOr<EndedProcess> RunToEnd(ProcessOptions options, absl::Duration timeout);

// Another end than exit code 0 is a failure too; it holds the output.
[[nodiscard]] absl::Status RunSuccessfully(ProcessOptions options, absl::Duration timeout);

// `braid-deduper --init`. REQUIRES: the binary is among the caller's data.
[[nodiscard]] absl::Status InitDeduper(const std::string& config_file,
                                       const std::string& output_file);

}  // namespace braid::harness

#endif  // BRAID_TESTS_HARNESS_RUN_TO_END_H_
