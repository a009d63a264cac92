// Calls about recovery jobs that several commands make.
//
// Threads: the caller's. Ctrl-C ends every call at once.

#ifndef BRAID_CLI_JOB_CALLS_H_
#define BRAID_CLI_JOB_CALLS_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "braid/v1/recovery_service.pb.h"
#include "cli/commands.h"

namespace braid {

// Page by page, newest first, until `seen` returns false. The value: whether there
// are more.
absl::StatusOr<bool> ListJobs(
    v1::ListRecoveryJobsRequest request, CommandContext& context,
    const std::function<bool(const v1::ListRecoveryJobsResponse& page)>& seen);

// Tells `seen` each change of the job until it has ended; the value is how. Stops
// with Cancelled when `seen` returns false or Ctrl-C is pressed. A deduper that is
// away is asked again for a minute: the job is durable.
absl::StatusOr<v1::RecoveryJob> FollowJob(const std::string& name, CommandContext& context,
                                          const std::function<bool(const v1::RecoveryJob&)>& seen);

}  // namespace braid

#endif  // BRAID_CLI_JOB_CALLS_H_
