// A worker's way to the desk of its own process: the WorkClient of work that
// the deduper does itself. No call is lost on the way; while the disk is full the
// desk answers UNAVAILABLE, and what waits when it ends is not answered.
//
// Threads: the merger loop.
// Ownership: loop and desk outlive it; destroyed before the loop runs again.

#ifndef BRAID_DEDUPE_DESK_WORK_CLIENT_H_
#define BRAID_DEDUPE_DESK_WORK_CLIENT_H_

#include <utility>

#include "base/loop.h"
#include "base/owner.h"
#include "dedupe/work_desk.h"
#include "ingest/work_client.h"

namespace braid {

class DeskWorkClient final : public WorkClient {
 public:
  DeskWorkClient(Loop& loop, WorkDesk& desk) : loop_(loop), desk_(desk) {}

  void Lease(const v1::LeaseRequest& request, Done<v1::LeaseResponse> done) override {
    desk_.Lease(request, [] { return false; }, Later(std::move(done)));
  }
  void Renew(const v1::RenewRequest& request, Done<v1::RenewResponse> done) override {
    desk_.Renew(request, Later(std::move(done)));
  }
  void Report(const v1::ReportRequest& request, Done<v1::ReportResponse> done) override {
    desk_.Report(request, Later(std::move(done)));
  }
  void Complete(const v1::CompleteRequest& request, Done<v1::CompleteResponse> done) override {
    desk_.Complete(request, Later(std::move(done)));
  }
  void ReportRules(const v1::ReportRulesRequest& request,
                   Done<v1::ReportRulesResponse> done) override {
    desk_.ReportRules(request, Later(std::move(done)));
  }
  void ReportUsage(const v1::ReportUsageRequest& request,
                   Done<v1::ReportUsageResponse> done) override {
    desk_.ReportUsage(request, Later(std::move(done)));
  }

 private:
  // The desk may answer at once.
  template <typename Response>
  Done<Response> Later(Done<Response> done) {
    return owner_.Wrap([this, done = std::move(done)](absl::StatusOr<Response> response) mutable {
      loop_.Post(owner_.Wrap(
          [done = std::move(done), response = std::move(response)]() mutable {
            done(std::move(response));
          }));
    });
  }

  Loop& loop_;
  WorkDesk& desk_;
  Owner owner_;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_DESK_WORK_CLIENT_H_
