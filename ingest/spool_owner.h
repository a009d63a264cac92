// Whose records a spool holds: DIR/owner names stream and source. A directory that
// is given to another one by mistake would have its records merged under the wrong
// name, or into another stream's log.
//
// Any thread; blocks. Bounds: one file of at most kOwnerBytesMax.

#ifndef BRAID_INGEST_SPOOL_OWNER_H_
#define BRAID_INGEST_SPOOL_OWNER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/file_system.h"

namespace braid {

inline constexpr char kSpoolOwnerFile[] = "owner";

// "main/fra-a".
std::string SpoolOwnerOf(const std::string& stream, const std::string& source_id);

// FailedPrecondition when the spool is another's. The value: whether
// it is known to be this one's; a spool without the file (new, or of an earlier
// version) is anybody's. Changes nothing.
absl::StatusOr<bool> IsSpoolOf(FileSystem& files, const std::string& dir, const std::string& owner);

// From now on it is this one's.
absl::Status NoteSpoolOwner(FileSystem& files, const std::string& dir, const std::string& owner);

}  // namespace braid

#endif  // BRAID_INGEST_SPOOL_OWNER_H_
