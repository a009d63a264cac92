// Small parts of jobs and steps that recovery_jobs.cc and recovery_steps.cc
// share. Pure; any thread.

#ifndef BRAID_DEDUPE_RECOVERY_STEP_PARTS_H_
#define BRAID_DEDUPE_RECOVERY_STEP_PARTS_H_

#include "base/interval_set.h"
#include "braid/v1/recovery.pb.h"
#include "proto/proto_time.h"

namespace braid {

inline int64_t MicrosOf(const google::protobuf::Timestamp& time) {
  return absl::ToUnixMicros(ToTime(time));
}

inline Interval SpanOf(const v1::TimeRange& range) {
  return {MicrosOf(range.start_time()), MicrosOf(range.end_time())};
}

inline void SetRange(Interval span, v1::TimeRange* range) {
  SetTime(absl::FromUnixMicros(span.from), range->mutable_start_time());
  SetTime(absl::FromUnixMicros(span.until), range->mutable_end_time());
}

inline bool IsEnded(v1::RecoveryJob::State state) {
  return state == v1::RecoveryJob::STATE_SUCCEEDED || state == v1::RecoveryJob::STATE_FAILED ||
         state == v1::RecoveryJob::STATE_CANCELLED;
}

inline bool IsOver(const v1::RecoveryJob::Step& step) { return IsEnded(step.state()); }

inline bool IsAtWork(const v1::RecoveryJob::Step& step) {
  return step.state() == v1::RecoveryJob::STATE_QUEUED ||
         step.state() == v1::RecoveryJob::STATE_RUNNING ||
         step.state() == v1::RecoveryJob::STATE_CANCELLING;
}

inline bool IsAutomatic(const v1::RecoveryJob& job) { return job.requester() == "automatic"; }

}  // namespace braid

#endif  // BRAID_DEDUPE_RECOVERY_STEP_PARTS_H_
