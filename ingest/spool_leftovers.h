// Spools of connections that the configuration no longer names: what they hold
// and no deduper has would be forgotten in silence, so a start is refused until
// somebody decides.
//
// Any thread; blocks; changes nothing.

#ifndef BRAID_INGEST_SPOOL_LEFTOVERS_H_
#define BRAID_INGEST_SPOOL_LEFTOVERS_H_

#include <set>
#include <string>

#include "absl/status/status.h"
#include "base/file_system.h"

namespace braid {

// After the spool's directory: the file beside it that says who paused the
// connection. No leftover.
inline constexpr char kPausedSuffix[] = ".paused";

// `dir` holds one spool for each of `connections`. FailedPrecondition names every
// other one that holds records, how many bytes, and the remedies. One that holds
// none is left alone and logged.
absl::Status CheckLeftovers(FileSystem& files, const std::string& dir,
                            const std::set<std::string>& connections);

}  // namespace braid

#endif  // BRAID_INGEST_SPOOL_LEFTOVERS_H_
