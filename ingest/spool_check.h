// Whether a spool can be kept at a place, before anything is started there.
//
// Any thread; blocks.

#ifndef BRAID_INGEST_SPOOL_CHECK_H_
#define BRAID_INGEST_SPOOL_CHECK_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/dir_lock.h"
#include "base/file_system.h"

namespace braid {

// The directory, or the nearest one above it that is there, can be written to
// and its disk has `free_bytes_min` left. Leaves nothing behind. FailedPrecondition
// if it can not be written to, ResourceExhausted if there is no room.
absl::Status CheckSpoolDir(FileSystem& files, const std::string& dir, uint64_t free_bytes_min);

// Whether a spool there, if there is one, would be opened for `owner` (that of
// SpoolOwnerOf). Changes nothing. FailedPrecondition: what is in the way, and the
// remedy.
absl::Status CheckSpoolContents(FileSystem& files, const std::string& dir,
                                const std::string& owner);

// Makes the directory where spools are to be, with those above it, and takes it
// for this process. One that is short of room is taken, with an error in the log:
// its spools make room of their own.
absl::StatusOr<std::unique_ptr<DirLock>> OpenSpoolDir(FileSystem& files, const std::string& dir,
                                                      uint64_t free_bytes_min);

}  // namespace braid

#endif  // BRAID_INGEST_SPOOL_CHECK_H_
