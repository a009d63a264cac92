// RecoveryService over gRPC: jobs as they were last committed; what people
// start and stop goes through the core.
//
// Threads: gRPC's threads call it; answers are built on the work pool, plans on
// the merger thread.
// Bounds: grpc_calls.h's; the core's of jobs.

#ifndef BRAID_DEDUPE_RECOVERY_SERVICE_H_
#define BRAID_DEDUPE_RECOVERY_SERVICE_H_

#include <atomic>
#include <functional>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "braid/store/v1/recovery.pb.h"
#include "braid/v1/recovery_service.grpc.pb.h"
#include "dedupe/recovery_jobs.h"
#include "dedupe/store.h"
#include "dedupe/work_pool.h"

namespace braid {

// One stream as this service sees it. Functions answer on a thread of their own.
struct RecoveryStream {
  using Plan = absl::StatusOr<v1::RecoveryJob>;

  const Store* store = nullptr;
  // Answers once it is durable.
  std::function<void(store::v1::RecoveryInput, std::function<void(RecoveryAnswer)>)> apply;
  std::function<void(store::v1::RecoveryInput::Create, std::function<void(Plan)>)> preview;
  std::function<void(std::function<void(v1::RecoveryQuota)>)> quota;
};
// By short name; constant while serving.
using RecoveryStreams = std::map<std::string, RecoveryStream>;

class RecoveryServiceImpl final : public v1::RecoveryService::CallbackService {
 public:
  // REQUIRES: streams and pool outlive the server.
  RecoveryServiceImpl(const RecoveryStreams& streams, WorkPool& pool)
      : streams_(streams), pool_(pool) {}

  // Watches end with UNAVAILABLE at their next look.
  void Drain() { draining_ = true; }

  grpc::ServerUnaryReactor* CreateRecoveryJob(grpc::CallbackServerContext* context,
                                              const v1::CreateRecoveryJobRequest* request,
                                              v1::RecoveryJob* response) override;
  grpc::ServerUnaryReactor* GetRecoveryJob(grpc::CallbackServerContext* context,
                                           const v1::GetRecoveryJobRequest* request,
                                           v1::RecoveryJob* response) override;
  grpc::ServerUnaryReactor* ListRecoveryJobs(grpc::CallbackServerContext* context,
                                             const v1::ListRecoveryJobsRequest* request,
                                             v1::ListRecoveryJobsResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchRecoveryJobResponse>* WatchRecoveryJob(
      grpc::CallbackServerContext* context, const v1::WatchRecoveryJobRequest* request) override;
  grpc::ServerUnaryReactor* CancelRecoveryJob(grpc::CallbackServerContext* context,
                                              const v1::CancelRecoveryJobRequest* request,
                                              v1::RecoveryJob* response) override;
  grpc::ServerUnaryReactor* GetRecoveryQuota(grpc::CallbackServerContext* context,
                                             const v1::GetRecoveryQuotaRequest* request,
                                             v1::RecoveryQuota* response) override;

 private:
  const RecoveryStreams& streams_;
  WorkPool& pool_;
  std::atomic<bool> draining_{false};
};

// The calls that read, without gRPC.
absl::StatusOr<v1::RecoveryJob> GetRecoveryJob(const RecoveryStreams& streams,
                                               const std::string& name);
absl::StatusOr<v1::ListRecoveryJobsResponse> ListRecoveryJobs(
    const RecoveryStreams& streams, const v1::ListRecoveryJobsRequest& request);
// What a request asks of the core.
absl::StatusOr<store::v1::RecoveryInput::Create> CreateInputOf(
    const v1::CreateRecoveryJobRequest& request, const std::string& requester);

}  // namespace braid

#endif  // BRAID_DEDUPE_RECOVERY_SERVICE_H_
