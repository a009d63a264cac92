// One stream's door to its work: checks what people and workers ask, passes it
// through the core, answers after the commit. A lease that finds nothing waits
// here until there is work.
//
// Threads: the merger loop.
// Ownership: destroyed before the merger; replies that wait then are dropped.
// Bounds: Options::waiting_max leases wait; whoever is one too many is told at
// once that there is nothing.

#ifndef BRAID_DEDUPE_WORK_DESK_H_
#define BRAID_DEDUPE_WORK_DESK_H_

#include <cstdint>
#include <functional>
#include <list>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/loop.h"
#include "base/owner.h"
#include "braid/v1/rule_service.pb.h"
#include "braid/v1/work_service.pb.h"
#include "dedupe/merger.h"

namespace braid {

class WorkDesk {
 public:
  struct Options {
    // Short: "main".
    std::string stream;
    // Workers are one per connector: a handful.
    size_t waiting_max = 64;
    absl::Duration wait_max = absl::Seconds(30);
    // What a message of 4 MiB takes, with room for its head.
    uint64_t request_bytes_max = 3 << 20;
  };

  template <typename Response>
  using Reply = absl::AnyInvocable<void(absl::StatusOr<Response>)>;

  // REQUIRES: loop, merger and store outlive it; the loop is the merger's.
  WorkDesk(Loop& loop, Merger& merger, const Store& store, Options options);
  ~WorkDesk();

  // `is_gone`: the worker waits no more; it gets nothing.
  void Lease(const v1::LeaseRequest& request, std::function<bool()> is_gone,
             Reply<v1::LeaseResponse> reply);
  void Renew(const v1::RenewRequest& request, Reply<v1::RenewResponse> reply);
  void Report(const v1::ReportRequest& request, Reply<v1::ReportResponse> reply);
  void Complete(const v1::CompleteRequest& request, Reply<v1::CompleteResponse> reply);
  void ReportRules(const v1::ReportRulesRequest& request, Reply<v1::ReportRulesResponse> reply);
  void ReportUsage(const v1::ReportUsageRequest& request, Reply<v1::ReportUsageResponse> reply);

  void CreateRuleTask(const v1::CreateRuleTaskRequest& request, const std::string& requester,
                      Reply<v1::RuleTask> reply);
  void GetRuleTask(const v1::GetRuleTaskRequest& request, Reply<v1::RuleTask> reply);

  // Who waits is told that there is nothing, and so is who comes.
  void Drain();

 private:
  struct Waiting {
    v1::LeaseRequest request;
    std::function<bool()> is_gone;
    Reply<v1::LeaseResponse> reply;
    absl::Time until;
  };

  using Answered = absl::AnyInvocable<void(const WorkAnswer&)>;
  // `answered` after the commit.
  void Admit(store::v1::WorkInput input, Answered answered);
  template <typename Response>
  void AdmitFenced(store::v1::WorkInput input, const std::string& name, Response response,
                   Reply<Response> reply);
  void TryLease(Waiting waiting);
  void ServeWaiting();
  // Posts that connections brought, of what is fetched beside what is missing.
  void AddWitnesses(v1::RecoveryStep* step) const;
  void ScheduleWatch();
  // UNAVAILABLE while nothing can be committed.
  absl::Status Ready() const;
  absl::StatusOr<uint64_t> NumberOf(const std::string& name) const;
  std::string NameOf(uint64_t number) const;
  absl::StatusOr<v1::RuleTask> TaskOf(uint64_t number) const;

  Loop& loop_;
  Merger& merger_;
  const Store& store_;
  const Options options_;
  std::list<Waiting> waiting_;
  bool draining_ = false;
  // A lease is on its way through the core: the next waits for its answer.
  bool leasing_ = false;
  bool watching_ = false;
  Owner owner_;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_WORK_DESK_H_
