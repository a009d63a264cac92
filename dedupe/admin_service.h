// AdminService over gRPC: the state of the service itself.
//
// Threads: gRPC's threads call it; answers are built on the work pool.
// Bounds: a WatchStatus call has one write under way and one timer.

#ifndef BRAID_DEDUPE_ADMIN_SERVICE_H_
#define BRAID_DEDUPE_ADMIN_SERVICE_H_

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "braid/store/v1/log.pb.h"
#include "braid/v1/admin_service.grpc.pb.h"
#include "dedupe/drain_desk.h"
#include "dedupe/work_pool.h"

namespace braid {

// The status of each stream, by short name; constant while serving. Thread-safe
// functions.
using StatusSources = std::map<std::string, std::function<v1::StreamStatus()>>;

// Asks a stream for a drain; the answer comes on a thread of its own. By short
// name; constant while serving.
using DrainDesks =
    std::map<std::string, std::function<void(DrainRequest, std::function<void(DrainDecision)>)>>;

// What can be asked of a stream beside its status, by short name; constant
// while serving. Thread-safe functions.
struct StreamControl {
  std::function<absl::StatusOr<v1::Usage>(const v1::GetUsageRequest&)> usage;
  // `done` runs on a thread of its own.
  std::function<void(store::v1::Command, std::function<void()> done)> command;
};
using StreamControls = std::map<std::string, StreamControl>;

class AdminServiceImpl final : public v1::AdminService::CallbackService {
 public:
  // REQUIRES: sources, desks, controls and pool outlive the server.
  AdminServiceImpl(const StatusSources& sources, const DrainDesks& desks,
                   const StreamControls& controls, WorkPool& pool, v1::ServerInfo info)
      : sources_(sources),
        desks_(desks),
        controls_(controls),
        pool_(pool),
        info_(std::move(info)) {}

  // Watches end with UNAVAILABLE at their next sample.
  void Drain() { draining_ = true; }
  bool draining() const { return draining_; }

  grpc::ServerUnaryReactor* GetServerInfo(grpc::CallbackServerContext* context,
                                          const v1::GetServerInfoRequest* request,
                                          v1::ServerInfo* response) override;
  grpc::ServerUnaryReactor* GetStatus(grpc::CallbackServerContext* context,
                                      const v1::GetStatusRequest* request,
                                      v1::StreamStatus* response) override;
  grpc::ServerWriteReactor<v1::WatchStatusResponse>* WatchStatus(
      grpc::CallbackServerContext* context, const v1::WatchStatusRequest* request) override;
  grpc::ServerUnaryReactor* ListConnections(grpc::CallbackServerContext* context,
                                            const v1::ListConnectionsRequest* request,
                                            v1::ListConnectionsResponse* response) override;
  grpc::ServerUnaryReactor* DrainConnection(grpc::CallbackServerContext* context,
                                            const v1::DrainConnectionRequest* request,
                                            v1::DrainConnectionResponse* response) override;
  grpc::ServerUnaryReactor* GetUsage(grpc::CallbackServerContext* context,
                                     const v1::GetUsageRequest* request,
                                     v1::Usage* response) override;
  grpc::ServerUnaryReactor* PauseStream(grpc::CallbackServerContext* context,
                                        const v1::PauseStreamRequest* request,
                                        v1::PauseStreamResponse* response) override;
  grpc::ServerUnaryReactor* ResumeStream(grpc::CallbackServerContext* context,
                                         const v1::ResumeStreamRequest* request,
                                         v1::ResumeStreamResponse* response) override;

 private:
  grpc::ServerUnaryReactor* Command(grpc::CallbackServerContext* context,
                                    const std::string& stream, store::v1::Command command);

  const StatusSources& sources_;
  const DrainDesks& desks_;
  const StreamControls& controls_;
  WorkPool& pool_;
  const v1::ServerInfo info_;
  std::atomic<bool> draining_{false};
};

// The unary calls without gRPC. "streams/main".
absl::StatusOr<v1::StreamStatus> GetStatus(const StatusSources& sources,
                                           const std::string& stream);
absl::StatusOr<v1::ListConnectionsResponse> ListConnections(
    const StatusSources& sources, const v1::ListConnectionsRequest& request);

// "streams/main/connections/fra-a" → "main", "fra-a".
absl::StatusOr<std::pair<std::string, std::string>> ParseConnectionName(const std::string& name);
// OK where it is granted; else with a reason for programs.
absl::Status StatusOf(const DrainDecision& decision, const std::string& connection);

absl::StatusOr<v1::Usage> GetUsage(const StreamControls& controls,
                                   const v1::GetUsageRequest& request);

}  // namespace braid

#endif  // BRAID_DEDUPE_ADMIN_SERVICE_H_
