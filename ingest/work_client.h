// The seam between a worker and one deduper's WorkService. GrpcWorkClient is the
// real one; the simulator's loses calls.
//
// Threads: the loop; `done` runs in a later turn of it, once, and not after the
// client is destroyed.
// Bounds: each call ends within its timeout.

#ifndef BRAID_INGEST_WORK_CLIENT_H_
#define BRAID_INGEST_WORK_CLIENT_H_

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "braid/v1/work_service.pb.h"

namespace braid {

class WorkClient {
 public:
  template <typename Response>
  using Done = absl::AnyInvocable<void(absl::StatusOr<Response>)>;

  virtual ~WorkClient() = default;

  // Waits for as long as the request says.
  virtual void Lease(const v1::LeaseRequest& request, Done<v1::LeaseResponse> done) = 0;
  virtual void Renew(const v1::RenewRequest& request, Done<v1::RenewResponse> done) = 0;
  virtual void Report(const v1::ReportRequest& request, Done<v1::ReportResponse> done) = 0;
  virtual void Complete(const v1::CompleteRequest& request, Done<v1::CompleteResponse> done) = 0;
  virtual void ReportRules(const v1::ReportRulesRequest& request,
                           Done<v1::ReportRulesResponse> done) = 0;
  virtual void ReportUsage(const v1::ReportUsageRequest& request,
                           Done<v1::ReportUsageResponse> done) = 0;
};

}  // namespace braid

#endif  // BRAID_INGEST_WORK_CLIENT_H_
