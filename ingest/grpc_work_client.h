// WorkClient over gRPC, on a channel of its own: waiting for work must not get
// in the way of offers.
//
// Threads: as WorkClient; constructed and destroyed on the loop, which outlives
// it.
// Ownership: the destructor cancels what is under way and waits for its end.
// Bounds: one call of each kind at a time is what its user makes.

#ifndef BRAID_INGEST_GRPC_WORK_CLIENT_H_
#define BRAID_INGEST_GRPC_WORK_CLIENT_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/loop.h"
#include "braid/config/v1/config.pb.h"
#include "braid/v1/work_service.grpc.pb.h"
#include "ingest/work_client.h"

namespace braid {

class GrpcWorkClient final : public WorkClient {
 public:
  GrpcWorkClient(Loop& loop, const config::v1::DeduperAddress& deduper);
  ~GrpcWorkClient() override;

  void Lease(const v1::LeaseRequest& request, Done<v1::LeaseResponse> done) override;
  void Renew(const v1::RenewRequest& request, Done<v1::RenewResponse> done) override;
  void Report(const v1::ReportRequest& request, Done<v1::ReportResponse> done) override;
  void Complete(const v1::CompleteRequest& request, Done<v1::CompleteResponse> done) override;
  void ReportRules(const v1::ReportRulesRequest& request,
                   Done<v1::ReportRulesResponse> done) override;
  void ReportUsage(const v1::ReportUsageRequest& request,
                   Done<v1::ReportUsageResponse> done) override;

 private:
  class Calls;
  // Connects lazily, and anew where certificates were missing.
  absl::Status Connect();
  template <typename Request, typename Response, typename Method>
  void Begin(const Request& request, absl::Duration timeout, Done<Response> done, Method method);

  Loop& loop_;
  const config::v1::DeduperAddress deduper_;
  // Made by the first call.
  std::unique_ptr<v1::WorkService::Stub> stub_;
  std::shared_ptr<Calls> calls_;
};

}  // namespace braid

#endif  // BRAID_INGEST_GRPC_WORK_CLIENT_H_
