// Small parts of jobs and steps that recovery_jobs.cc and recovery_steps.cc
// share. Pure; any thread.

#ifndef BRAID_DEDUPE_RECOVERY_STEP_PARTS_H_
#define BRAID_DEDUPE_RECOVERY_STEP_PARTS_H_

#include "braid/v1/recovery.pb.h"
#include "proto/recovery_terms.h"

namespace braid {

inline bool IsOver(const v1::RecoveryJob::Step& step) { return IsEnded(step.state()); }

inline bool IsAtWork(const v1::RecoveryJob::Step& step) {
  return step.state() == v1::RecoveryJob::STATE_QUEUED ||
         step.state() == v1::RecoveryJob::STATE_RUNNING ||
         step.state() == v1::RecoveryJob::STATE_CANCELLING;
}

inline bool IsAutomatic(const v1::RecoveryJob& job) { return job.requester() == "automatic"; }

}  // namespace braid

#endif  // BRAID_DEDUPE_RECOVERY_STEP_PARTS_H_
