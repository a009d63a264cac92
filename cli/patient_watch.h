// Watches that outlast a deduper that is started again.
//
// Threads: the caller's. Ctrl-C ends every wait at once.

#ifndef BRAID_CLI_PATIENT_WATCH_H_
#define BRAID_CLI_PATIENT_WATCH_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/commands.h"

namespace braid {

// One call, until it ends: true when nothing more is to be watched. Sets
// `last_answer` with each answer, heartbeats included.
using WatchOnce = std::function<absl::StatusOr<bool>(absl::Time* last_answer)>;

// Calls `once` again for a minute after its last answer while the deduper is away.
// OK once it says true; Cancelled after Ctrl-C.
absl::Status WatchPatiently(CommandContext& context, const WatchOnce& once);

}  // namespace braid

#endif  // BRAID_CLI_PATIENT_WATCH_H_
