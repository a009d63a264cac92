// A deduper's WorkService as a worker sees it: gives out steps under a fence,
// takes note of what it is told. On request it is away, its leases are stale or
// cancelled.
//
// Threads: the loop's, but for Await and what says so.

#ifndef BRAID_TESTS_RECOVERY_FAKE_WORK_DESK_H_
#define BRAID_TESTS_RECOVERY_FAKE_WORK_DESK_H_

#include <chrono>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/loop.h"
#include "base/mutex.h"
#include "ingest/work_client.h"
#include "proto/proto_time.h"

namespace braid {

class FakeWorkDesk final : public WorkClient {
 public:
  explicit FakeWorkDesk(Loop& loop) : loop_(loop) {}

  // Leased by whoever asks next. Returns the work's name.
  std::string Add(const v1::RecoveryStep& step) {
    v1::Work work;
    work.set_name(absl::StrCat("streams/main/work/", ++last_number_));
    work.set_fence(1);
    SetDuration(lease, work.mutable_lease());
    *work.mutable_recovery_step() = step;
    std::string name = work.name();
    leasable_.push_back(std::move(work));
    Give();
    return name;
  }

  void Lease(const v1::LeaseRequest& request, Done<v1::LeaseResponse> done) override {
    last_request = request;
    if (!status.ok()) return Answer<v1::LeaseResponse>(std::move(done), status);
    waiting_.push_back(std::move(done));
    Give();
  }
  void Renew(const v1::RenewRequest& request, Done<v1::RenewResponse> done) override {
    ++renewals;
    if (!status.ok()) return Answer<v1::RenewResponse>(std::move(done), status);
    if (request.name() == stale) {
      return Answer<v1::RenewResponse>(std::move(done), absl::AbortedError("stale fence"));
    }
    v1::RenewResponse response;
    SetDuration(lease, response.mutable_lease());
    response.set_cancelled(request.name() == cancelled);
    Answer<v1::RenewResponse>(std::move(done), std::move(response));
  }
  void Report(const v1::ReportRequest& request, Done<v1::ReportResponse> done) override {
    reports.push_back(request);
    Answer<v1::ReportResponse>(std::move(done), v1::ReportResponse());
  }
  void Complete(const v1::CompleteRequest& request, Done<v1::CompleteResponse> done) override {
    if (!status.ok()) return Answer<v1::CompleteResponse>(std::move(done), status);
    Answer<v1::CompleteResponse>(std::move(done), v1::CompleteResponse());
    MutexLock lock(&mu_);
    completions_.push_back(request);
    completed_.NotifyAll();
  }
  void ReportRules(const v1::ReportRulesRequest&, Done<v1::ReportRulesResponse>) override {}
  void ReportUsage(const v1::ReportUsageRequest&, Done<v1::ReportUsageResponse>) override {}

  // Seats that ask for work.
  size_t waiting() const { return waiting_.size(); }
  // Any thread.
  std::vector<v1::CompleteRequest> completions() const {
    MutexLock lock(&mu_);
    return completions_;
  }
  // Any thread but the loop's: so many completions, or false after 30 s.
  bool Await(size_t count) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    MutexLock lock(&mu_);
    bool in_time = true;
    while (in_time && completions_.size() < count) in_time = completed_.WaitUntil(&mu_, deadline);
    return completions_.size() >= count;
  }

  absl::Duration lease = absl::Seconds(60);
  // Of every call.
  absl::Status status;
  // Names of work.
  std::string stale;
  std::string cancelled;
  v1::LeaseRequest last_request;
  std::vector<v1::ReportRequest> reports;
  int renewals = 0;

 private:
  template <typename Response>
  void Answer(Done<Response> done, absl::StatusOr<Response> answer) {
    loop_.Post([done = std::move(done), answer = std::move(answer)]() mutable {
      done(std::move(answer));
    });
  }
  void Give() {
    while (!leasable_.empty() && !waiting_.empty()) {
      v1::LeaseResponse response;
      *response.mutable_work() = std::move(leasable_.front());
      leasable_.pop_front();
      Answer<v1::LeaseResponse>(std::move(waiting_.front()), std::move(response));
      waiting_.pop_front();
    }
  }

  Loop& loop_;
  int last_number_ = 0;
  std::deque<v1::Work> leasable_;
  std::deque<Done<v1::LeaseResponse>> waiting_;
  mutable Mutex mu_;
  CondVar completed_;
  std::vector<v1::CompleteRequest> completions_ ABSL_GUARDED_BY(mu_);
};

}  // namespace braid

#endif  // BRAID_TESTS_RECOVERY_FAKE_WORK_DESK_H_
