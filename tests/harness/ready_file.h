// Waits for the file that a daemon writes once it serves (--ready-file):
// `{"grpc_port":N,"http_port":N}`. Woken by the directory's inotify event or by
// the end of the process, whichever comes first.

#ifndef BRAID_TESTS_HARNESS_READY_FILE_H_
#define BRAID_TESTS_HARNESS_READY_FILE_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/harness/process.h"

namespace braid::harness {

// The file's numbers by name. Failure: the process ended first (with the end of
// its output), or time is up.
[[nodiscard]] absl::StatusOr<std::map<std::string, int>> WaitForReadyFile(Process& process,
                                                                          const std::string& path,
                                                                          absl::Duration timeout);

}  // namespace braid::harness

#endif  // BRAID_TESTS_HARNESS_READY_FILE_H_
