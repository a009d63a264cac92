// Where a tail has come to, in a file: read at its start, replaced as it goes.
// What it names was written out before, so that a tail in a loop repeats at
// most its last second and skips nothing, also after a power cut.
//
// Threads: one. One tail per file.

#ifndef BRAID_CLI_CURSOR_FILE_H_
#define BRAID_CLI_CURSOR_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace braid {

class CursorFile {
 public:
  explicit CursorFile(std::string path) : path_(std::move(path)) {}

  // Empty where there is no file yet. An empty or ill-formed one is an error:
  // to take it for "from now" would skip.
  absl::StatusOr<std::string> Read() const;

  // Replaces the file, at most once a second unless `at_once`; `output_fd` is
  // made durable first where that is possible.
  absl::Status Write(const std::string& cursor, int output_fd, bool at_once);

  const std::string& path() const { return path_; }

 private:
  const std::string path_;
  std::string written_;
  absl::Time written_time_ = absl::InfinitePast();
};

}  // namespace braid

#endif  // BRAID_CLI_CURSOR_FILE_H_
