// What this binary is: for `--version`, the User-Agent, the first log line and
// braid_build_info.
//
// The commit is stamped into binaries that link //base:stamped_commit: a new
// commit recompiles one line and relinks those. Tests and libraries do not
// link it, so that they are not built and run again for each commit.

#ifndef BRAID_BASE_VERSION_H_
#define BRAID_BASE_VERSION_H_

#include "absl/strings/string_view.h"

namespace braid {

// "0.1.0"
absl::string_view Version();

// Twelve hex digits; "unknown" when not stamped or built outside of git.
absl::string_view Commit();

}  // namespace braid

#endif  // BRAID_BASE_VERSION_H_
