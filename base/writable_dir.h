// Whether a directory of the configuration can be used, before anything is
// started there.
//
// Any thread; blocks.

#ifndef BRAID_BASE_WRITABLE_DIR_H_
#define BRAID_BASE_WRITABLE_DIR_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/file_system.h"

namespace braid {

// The directory, or the nearest one above it that is there, which is returned,
// can be written to. Leaves nothing behind. `key`: as the configuration calls it.
// FailedPrecondition with the remedy; ResourceExhausted: its disk is full.
absl::StatusOr<std::string> CheckWritableDir(FileSystem& files, absl::string_view key,
                                             const std::string& dir);

}  // namespace braid

#endif  // BRAID_BASE_WRITABLE_DIR_H_
