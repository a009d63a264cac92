// WorkService and RuleService over gRPC: checks who calls, posts to the desk of
// the stream that is named, answers once.
//
// Threads: gRPC's threads call it; the desks live on their stream's loop.
// Bounds: WorkDesk's; every call is one request and one answer.
// Ownership: drained, then the gRPC server shut down, before the desks go.

#ifndef BRAID_DEDUPE_WORK_SERVICE_H_
#define BRAID_DEDUPE_WORK_SERVICE_H_

#include <map>
#include <string>

#include "base/loop.h"
#include "braid/v1/rule_service.grpc.pb.h"
#include "braid/v1/work_service.grpc.pb.h"
#include "dedupe/work_desk.h"

namespace braid {

struct WorkStream {
  Loop* loop;
  WorkDesk* desk;
};

// By name of the stream, without "streams/"; constant while serving.
using WorkStreams = std::map<std::string, WorkStream>;

class WorkServiceImpl final : public v1::WorkService::CallbackService {
 public:
  // REQUIRES: the streams outlive it.
  explicit WorkServiceImpl(WorkStreams streams) : streams_(std::move(streams)) {}

  // Workers that wait are sent away.
  void Drain();

  grpc::ServerUnaryReactor* Lease(grpc::CallbackServerContext* context,
                                  const v1::LeaseRequest* request,
                                  v1::LeaseResponse* response) override;
  grpc::ServerUnaryReactor* Renew(grpc::CallbackServerContext* context,
                                  const v1::RenewRequest* request,
                                  v1::RenewResponse* response) override;
  grpc::ServerUnaryReactor* Report(grpc::CallbackServerContext* context,
                                   const v1::ReportRequest* request,
                                   v1::ReportResponse* response) override;
  grpc::ServerUnaryReactor* Complete(grpc::CallbackServerContext* context,
                                     const v1::CompleteRequest* request,
                                     v1::CompleteResponse* response) override;
  grpc::ServerUnaryReactor* ReportRules(grpc::CallbackServerContext* context,
                                        const v1::ReportRulesRequest* request,
                                        v1::ReportRulesResponse* response) override;
  grpc::ServerUnaryReactor* ReportUsage(grpc::CallbackServerContext* context,
                                        const v1::ReportUsageRequest* request,
                                        v1::ReportUsageResponse* response) override;

 private:
  const WorkStreams streams_;
};

class RuleServiceImpl final : public v1::RuleService::CallbackService {
 public:
  // REQUIRES: the streams outlive it.
  explicit RuleServiceImpl(WorkStreams streams) : streams_(std::move(streams)) {}

  grpc::ServerUnaryReactor* CreateRuleTask(grpc::CallbackServerContext* context,
                                           const v1::CreateRuleTaskRequest* request,
                                           v1::RuleTask* response) override;
  grpc::ServerUnaryReactor* GetRuleTask(grpc::CallbackServerContext* context,
                                        const v1::GetRuleTaskRequest* request,
                                        v1::RuleTask* response) override;

 private:
  const WorkStreams streams_;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_WORK_SERVICE_H_
