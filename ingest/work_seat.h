// One place of work at one deduper: leases a task, renews the lease, tells how
// the task ended until the deduper has heard it, then asks for the next. What the
// task is, is the owner's business.
//
// Threads: the loop. Ownership: client, handler and loop outlive it.
// Bounds: one task; one call of each kind under way.

#ifndef BRAID_INGEST_WORK_SEAT_H_
#define BRAID_INGEST_WORK_SEAT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "base/loop.h"
#include "base/owner.h"
#include "braid/v1/work_service.pb.h"
#include "ingest/work_client.h"

namespace braid {

// A deduper's answer that no repetition changes: the task is not ours any more.
bool IsStaleLease(const absl::Status& status);

class WorkSeat;

// Called from the loop, and from CheckLease; from no other method of a seat.
class WorkSeatHandler {
 public:
  virtual ~WorkSeatHandler() = default;
  virtual void OnTaken(WorkSeat& seat) = 0;
  // Nobody wants the task any more: stop, and complete it. Once per task.
  virtual void OnCancelled(WorkSeat& seat) = 0;
  // It is another's, or nobody's. The seat has no task any more.
  virtual void OnLost(WorkSeat& seat) = 0;
};

class WorkSeat {
 public:
  struct Options {
    // Who asks, for what.
    v1::LeaseRequest request;
    absl::Duration renew_interval = absl::Seconds(15);
    // After a call to a deduper that failed, and between two that found nothing.
    absl::Duration ask_interval = absl::Seconds(1);
  };

  WorkSeat(Loop& loop, WorkClient& client, Options options, WorkSeatHandler* handler)
      : loop_(loop), client_(client), options_(std::move(options)), handler_(handler) {}

  void Start();

  // Whether it asks for a task when it has none; true at first. One that is under
  // way to it comes all the same.
  void SetAsking(bool asks);

  // There is a task, and how it ended is not told yet.
  bool is_working() const { return work_.has_value() && !completion_.has_value(); }
  // REQUIRES: is_working().
  const v1::Work& work() const { return *work_; }
  // By our clock, from before the call that gave it was sent.
  absl::Time lease_end() const { return lease_end_; }

  // These do nothing without a task.
  void Renew();
  // Loses the task when its lease is over: somebody else may have it by now.
  void CheckLease();
  void Report(const v1::WorkProgress& progress);
  // `request`: without name and fence.
  void Complete(v1::CompleteRequest request);

 private:
  void Ask();
  void AskLater();
  void OnLease(absl::Time sent, absl::StatusOr<v1::LeaseResponse> response);
  void OnRenewed(absl::Time sent, const absl::StatusOr<v1::RenewResponse>& response);
  void Tell();
  void Lose(const absl::Status& status);
  void Watch();

  Loop& loop_;
  WorkClient& client_;
  const Options options_;
  WorkSeatHandler* const handler_;

  bool asks_ = true;
  // A call waits for a task, or the next one is planned.
  bool is_asking_ = false;
  absl::optional<v1::Work> work_;
  absl::Time lease_end_;
  bool is_renewing_ = false;
  bool is_cancelled_ = false;
  // Set when the work is done and the deduper has not heard it.
  absl::optional<v1::CompleteRequest> completion_;
  bool is_completing_ = false;
  Owner owner_;
};

}  // namespace braid

#endif  // BRAID_INGEST_WORK_SEAT_H_
