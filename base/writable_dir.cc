#include "base/writable_dir.h"

#include "absl/strings/str_cat.h"
#include "base/file_path.h"

namespace braid {
namespace {

// A spool removes it at its next start should it stay behind.
constexpr char kProbeName[] = "/write-check.tmp";

}  // namespace

absl::StatusOr<std::string> CheckWritableDir(FileSystem& files, absl::string_view key,
                                             const std::string& dir) {
  std::string there = dir;
  while (absl::IsNotFound(files.List(there).status()) && there != "." && there != "/") {
    there = ParentOf(there);
  }
  absl::Status status = files.Replace(there + kProbeName, "?");
  if (absl::IsResourceExhausted(status)) return status;
  if (status.ok()) status = files.Remove(there + kProbeName);
  if (status.ok()) return there;
  return absl::FailedPreconditionError(
      absl::StrCat(key, " '", dir, "' can not be written to: ", status.message(),
                   "; give the process's user the right to write in ", there));
}

}  // namespace braid
