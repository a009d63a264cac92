#include "cli/job_calls.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/patient_watch.h"
#include "cli/recovery_text.h"
#include "proto/recovery_terms.h"

namespace braid {
namespace {

// One call, until the job has ended or the call has.
absl::StatusOr<bool> FollowOnce(const std::string& name, CommandContext& context,
                                const std::function<bool(const v1::RecoveryJob&)>& seen,
                                v1::RecoveryJob* job, absl::Time* last_answer) {
  v1::WatchRecoveryJobRequest request;
  request.set_name(name);
  grpc::ClientContext call;
  Interrupt::Scope scope(context.interrupt, [&call] { call.TryCancel(); });
  auto reader = context.client.recovery().WatchRecoveryJob(&call, request);
  v1::WatchRecoveryJobResponse answer;
  bool wants_more = true;
  while (wants_more && reader->Read(&answer)) {
    *last_answer = absl::Now();
    if (!answer.has_recovery_job()) continue;
    *job = answer.recovery_job();
    wants_more = seen(*job) && !IsEnded(job->state());
  }
  if (!wants_more) call.TryCancel();
  absl::Status status = FromGrpcStatus(reader->Finish());
  if (wants_more && !status.ok()) return status;
  if (!wants_more && !IsEnded(job->state())) return absl::CancelledError("nobody listens");
  return !wants_more;
}

}  // namespace

absl::StatusOr<bool> ListJobs(
    v1::ListRecoveryJobsRequest request, CommandContext& context,
    const std::function<bool(const v1::ListRecoveryJobsResponse& page)>& seen) {
  bool wants_more = true;
  do {
    v1::ListRecoveryJobsResponse page;
    absl::Status status = context.client.Do([&](grpc::ClientContext* call) {
      return context.client.recovery().ListRecoveryJobs(call, request, &page);
    });
    if (!status.ok()) return status;
    wants_more = seen(page);
    request.set_page_token(page.next_page_token());
  } while (wants_more && !request.page_token().empty());
  return !request.page_token().empty();
}

absl::StatusOr<v1::RecoveryJob> FollowJob(const std::string& name, CommandContext& context,
                                          const std::function<bool(const v1::RecoveryJob&)>& seen) {
  v1::RecoveryJob job;
  absl::Status status = WatchPatiently(context, [&](absl::Time* last_answer) {
    return FollowOnce(name, context, seen, &job, last_answer);
  });
  if (!status.ok()) return status;
  return job;
}

}  // namespace braid
