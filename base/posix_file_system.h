// FileSystem over Linux. One sync thread does all fdatasyncs, so that the loop
// never waits for the disk; Syncs queued for one file meanwhile become one.
//
// Threads: as base/file_system.h says; `done` runs as a turn of the loop given
// here.
// Ownership: destroyed after all who use it and before the loop; waits for the
// syncs under way. Files may outlive it; their Syncs then never report.
// Bounds: the sync queue holds at most one entry per open file, and the
// callbacks that the callers wait for.

#ifndef BRAID_BASE_POSIX_FILE_SYSTEM_H_
#define BRAID_BASE_POSIX_FILE_SYSTEM_H_

#include <memory>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/loop.h"

namespace braid {

class PosixFileSystem final : public FileSystem {
 public:
  explicit PosixFileSystem(Loop& loop);
  ~PosixFileSystem() override;

  absl::Status CreateDir(const std::string& dir) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& dir) override;
  absl::StatusOr<std::unique_ptr<AppendFile>> Create(const std::string& path) override;
  absl::StatusOr<std::string> Read(const std::string& path, uint64_t offset,
                                   uint64_t length) override;
  absl::StatusOr<uint64_t> Size(const std::string& path) override;
  // Writes path + ".tmp" aside; a leftover of it is overwritten.
  absl::Status Replace(const std::string& path, absl::string_view bytes) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  // Not durable by itself: after a power cut a removed file may be back.
  absl::Status Remove(const std::string& path) override;
  absl::Status Truncate(const std::string& path, uint64_t size) override;
  absl::StatusOr<uint64_t> FreeBytes(const std::string& dir) override;

 private:
  const std::shared_ptr<class SyncThread> sync_thread_;
};

}  // namespace braid

#endif  // BRAID_BASE_POSIX_FILE_SYSTEM_H_
