// The seam to the connector's disk: what a spool needs and no more.
// PosixFileSystem is the real one; MemFileSystem (tests) forgets what was not
// synced when its process is "killed by a power cut".
//
// Threads: all calls on the loop. Only AppendFile::Sync works elsewhere and
// reports back by a turn of the loop.

#ifndef BRAID_BASE_FILE_SYSTEM_H_
#define BRAID_BASE_FILE_SYSTEM_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace braid {

class AppendFile {
 public:
  virtual ~AppendFile() = default;

  // Appends to the page cache. An error leaves the file in an unknown state:
  // stop.
  virtual absl::Status Append(absl::string_view bytes) = 0;

  // Makes everything appended so far durable (fdatasync) without blocking the
  // loop, then runs `done` as a turn of the loop, also after this file object
  // is gone. An error is final: never try again, stop.
  virtual void Sync(absl::AnyInvocable<void(absl::Status)> done) = 0;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // Makes the directory and its parents, mode 0700.
  virtual absl::Status CreateDir(const std::string& dir) = 0;

  // Names (not paths) of the entries, sorted. NotFound if there is no such
  // directory.
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& dir) = 0;

  // A new, empty file whose name is durable before this returns (fsync of the
  // directory). AlreadyExists if there is one.
  virtual absl::StatusOr<std::unique_ptr<AppendFile>> Create(const std::string& path) = 0;

  // At most `length` bytes from `offset`; fewer at the end of the file.
  virtual absl::StatusOr<std::string> Read(const std::string& path, uint64_t offset,
                                           uint64_t length) = 0;

  // Size in bytes; NotFound if there is none.
  virtual absl::StatusOr<uint64_t> Size(const std::string& path) = 0;

  // Replaces the file's content atomically and durably (write aside, fsync,
  // rename, fsync of the directory). Blocks: for small files only.
  virtual absl::Status Replace(const std::string& path, absl::string_view bytes) = 0;

  // Moves a file or directory, durably.
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;

  // Removes a file, or an empty directory.
  virtual absl::Status Remove(const std::string& path) = 0;

  // Shortens the file durably.
  virtual absl::Status Truncate(const std::string& path, uint64_t size) = 0;

  // Free bytes of the file system that holds `dir`.
  virtual absl::StatusOr<uint64_t> FreeBytes(const std::string& dir) = 0;
};

}  // namespace braid

#endif  // BRAID_BASE_FILE_SYSTEM_H_
