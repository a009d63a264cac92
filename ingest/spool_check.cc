#include "ingest/spool_check.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file_path.h"
#include "base/log.h"

namespace braid {
namespace {

// Removed by the next start should it stay behind.
constexpr char kProbeName[] = "/write-check.tmp";

}  // namespace

absl::Status CheckSpoolDir(FileSystem& files, const std::string& dir, uint64_t free_bytes_min) {
  std::string there = dir;
  while (absl::IsNotFound(files.List(there).status()) && there != "." && there != "/") {
    there = ParentOf(there);
  }
  absl::Status status = files.Replace(there + kProbeName, "?");
  if (absl::IsResourceExhausted(status)) return status;
  if (status.ok()) status = files.Remove(there + kProbeName);
  if (!status.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("spool.dir '", dir, "' can not be written to: ", status.message(),
                     "; give the connector's user the right to write in ", there));
  }
  auto free_bytes = files.FreeBytes(there);
  if (!free_bytes.ok()) return free_bytes.status();
  if (*free_bytes >= free_bytes_min) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat("spool.dir '", dir, "' has ", *free_bytes,
                                                   " bytes of disk left and needs ", free_bytes_min,
                                                   "; make room or point it at another disk"));
}

absl::StatusOr<std::unique_ptr<DirLock>> OpenSpoolDir(FileSystem& files, const std::string& dir,
                                                      uint64_t free_bytes_min) {
  // CreateDir makes the last one.
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(dir).parent_path(), ignored);
  absl::Status status = files.CreateDir(dir);
  if (!status.ok()) return status;
  auto lock = DirLock::Acquire(dir);
  if (!lock.ok()) return lock.status();
  status = CheckSpoolDir(files, dir, free_bytes_min);
  // A spool that is short of room makes room of its own.
  if (!status.ok() && !absl::IsResourceExhausted(status)) return status;
  if (!status.ok()) {
    Log(LogLevel::kError, "spool_room_low", "the spool gives up its oldest records",
        {{"status", status}});
  }
  return lock;
}

}  // namespace braid
