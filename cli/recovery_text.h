// What the commands about recovery print for people: pure functions of the job.
// What came from X, a worker or another caller is escaped.

#ifndef BRAID_CLI_RECOVERY_TEXT_H_
#define BRAID_CLI_RECOVERY_TEXT_H_

#include <string>

#include "absl/time/time.h"
#include "braid/v1/recovery_service.pb.h"

namespace braid {

// "12": the last word of its name.
std::string JobNumber(const v1::RecoveryJob& job);

// One line per job. `width`: columns there are, 0: any.
std::string RenderJobs(const google::protobuf::RepeatedPtrField<v1::RecoveryJob>& jobs, int width);

// Everything about one; of a plan that is no job yet, everything about that:
// steps, cost, until when, and why each route was chosen or not.
std::string RenderJob(const v1::RecoveryJob& job, absl::Time now, int width);

// A line while it runs.
std::string JobProgressLine(const v1::RecoveryJob& job, absl::Time now);
// What changes with each step of it, and not with each post.
std::string JobProgressStep(const v1::RecoveryJob& job);

// What the account may still be asked for.
std::string RenderQuota(const v1::RecoveryQuota& quota);

// How it ended: received, new, duplicate, still missing.
std::string RenderJobReport(const v1::RecoveryJob& job);

}  // namespace braid

#endif  // BRAID_CLI_RECOVERY_TEXT_H_
