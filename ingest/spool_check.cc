#include "ingest/spool_check.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/writable_dir.h"
#include "ingest/spool_owner.h"
#include "ingest/spool_state.h"

namespace braid {

absl::Status CheckSpoolDir(FileSystem& files, const std::string& dir, uint64_t free_bytes_min) {
  absl::StatusOr<std::string> there = CheckWritableDir(files, "spool.dir", dir);
  if (!there.ok()) return there.status();
  auto free_bytes = files.FreeBytes(*there);
  if (!free_bytes.ok()) return free_bytes.status();
  if (*free_bytes >= free_bytes_min) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat("spool.dir '", dir, "' has ", *free_bytes,
                                                   " bytes of disk left and needs ", free_bytes_min,
                                                   "; make room or point it at another disk"));
}

absl::Status CheckSpoolContents(FileSystem& files, const std::string& dir,
                                const std::string& owner) {
  if (absl::IsNotFound(files.List(dir).status())) return absl::OkStatus();
  absl::StatusOr<bool> is_owned = IsSpoolOf(files, dir, owner);
  return is_owned.ok() ? LookAtSpool(files, dir) : is_owned.status();
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
