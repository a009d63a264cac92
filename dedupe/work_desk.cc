#include "dedupe/work_desk.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/bytes.h"
#include "dedupe/keys.h"
#include "proto/proto_time.h"
#include "proto/reason.h"
#include "proto/snowflake.h"

namespace braid {
namespace {

using store::v1::WorkInput;
using store::v1::WorkState;

// Leases end with ticks, which come once a second.
constexpr absl::Duration kWatchInterval = absl::Seconds(1);
// Names and identifiers are short; they are stored and shown.
constexpr size_t kWordBytesMax = 200;
// Of each side; a fifth of them tells.
constexpr size_t kWitnessesMax = 64;
// X serves 90, and today.
constexpr int kUsageDaysMax = 100;

absl::Status StatusOf(const WorkAnswer& answer, const std::string& name) {
  switch (answer.outcome) {
    case WorkAnswer::Outcome::kStale:
      return ReasonError(absl::StatusCode::kAborted,
                         absl::StrCat(name, " was leased again: somebody else has it"),
                         {"STALE_FENCE", {{"work", name}}});
    case WorkAnswer::Outcome::kUnknown:
      return ReasonError(absl::StatusCode::kNotFound,
                         absl::StrCat("there is no ", name, "; finished work is kept for an hour"),
                         {"UNKNOWN_WORK", {{"work", name}}});
    case WorkAnswer::Outcome::kFull:
      return ReasonError(absl::StatusCode::kResourceExhausted,
                         "too much work waits; is there a worker? See braid status",
                         {"WORK_FULL", {}});
    default:
      return absl::OkStatus();
  }
}

v1::RuleTask::State ShownState(WorkState::State state) {
  switch (state) {
    case WorkState::STATE_LEASED:
      return v1::RuleTask::STATE_RUNNING;
    case WorkState::STATE_DONE:
      return v1::RuleTask::STATE_DONE;
    case WorkState::STATE_REFUSED:
      return v1::RuleTask::STATE_REFUSED;
    case WorkState::STATE_FAILED:
      return v1::RuleTask::STATE_FAILED;
    default:
      return v1::RuleTask::STATE_QUEUED;
  }
}

WorkInput::Lease LeaseOf(const v1::LeaseRequest& request) {
  WorkInput::Lease lease;
  lease.set_worker_id(request.worker_id());
  lease.set_kind(request.kind());
  *lease.mutable_methods() = request.methods();
  return lease;
}

absl::Status CheckAction(const v1::RuleAction& action, uint64_t bytes_max) {
  using Kind = v1::RuleAction;
  if (action.kind() == Kind::KIND_UNSPECIFIED || !v1::RuleAction::Kind_IsValid(action.kind())) {
    return absl::InvalidArgumentError("action.kind is not set, or is not known to this server");
  }
  if (action.ByteSizeLong() > bytes_max) {
    return absl::InvalidArgumentError(absl::StrCat("the rules take ", action.ByteSizeLong(),
                                                   " bytes, one task takes ", bytes_max,
                                                   ": split them"));
  }
  bool needs_rules = action.kind() != Kind::KIND_LIST && action.kind() != Kind::KIND_SYNC;
  if (needs_rules && action.rules().empty()) {
    return absl::InvalidArgumentError("action.rules is empty");
  }
  for (const v1::Rule& rule : action.rules()) {
    bool is_named = action.kind() == Kind::KIND_REMOVE && !(rule.id() + rule.tag()).empty();
    if (rule.value().empty() && !is_named) return absl::InvalidArgumentError("a rule has no value");
  }
  return absl::OkStatus();
}

}  // namespace

WorkDesk::WorkDesk(Loop& loop, Merger& merger, const Store& store, Options options)
    : loop_(loop), merger_(merger), store_(store), options_(std::move(options)) {}

WorkDesk::~WorkDesk() = default;

absl::Status WorkDesk::Ready() const {
  if (merger_.accepting()) return absl::OkStatus();
  return absl::UnavailableError("the deduper's disk is nearly full: nothing is taken");
}

std::string WorkDesk::NameOf(uint64_t number) const {
  return absl::StrCat("streams/", options_.stream, "/work/", number);
}

absl::StatusOr<uint64_t> WorkDesk::NumberOf(const std::string& name) const {
  absl::string_view rest = name;
  uint64_t number = 0;
  if (absl::ConsumePrefix(&rest, absl::StrCat("streams/", options_.stream, "/work/")) &&
      absl::SimpleAtoi(rest, &number)) {
    return number;
  }
  return absl::InvalidArgumentError("name is not of the form streams/{stream}/work/{number}");
}

void WorkDesk::Admit(WorkInput input, Answered answered) {
  store::v1::InputRecord record;
  *record.mutable_work() = std::move(input);
  uint64_t bytes = record.ByteSizeLong();
  merger_.Admit(
      std::move(record), bytes,
      owner_.Wrap([this, answered = std::move(answered)](const ApplyResult& result) mutable {
        answered(result.work);
        ServeWaiting();
      }));
}

void WorkDesk::Lease(const v1::LeaseRequest& request, std::function<bool()> is_gone,
                     Reply<v1::LeaseResponse> reply) {
  if (request.worker_id().empty() || request.worker_id().size() > kWordBytesMax) {
    return reply(absl::InvalidArgumentError("worker_id is empty or too long"));
  }
  absl::Duration wait = request.has_wait() ? ToDuration(request.wait()) : absl::ZeroDuration();
  wait = std::clamp(wait, absl::ZeroDuration(), options_.wait_max);
  if (draining_ || waiting_.size() >= options_.waiting_max) return reply(v1::LeaseResponse());
  waiting_.push_back({request, std::move(is_gone), std::move(reply), loop_.Now() + wait});
  ServeWaiting();
}

// First come, first served; one at a time, since one lease ends the others'
// prospects.
void WorkDesk::ServeWaiting() {
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    bool is_over = it->is_gone() || draining_ || it->until <= loop_.Now();
    bool may_lease = !leasing_ && !it->is_gone() && Ready().ok() &&
                     merger_.core().work().HasLeasable(LeaseOf(it->request));
    if (!may_lease && !is_over) {
      ++it;
      continue;
    }
    Waiting waiting = std::move(*it);
    it = waiting_.erase(it);
    if (may_lease) {
      TryLease(std::move(waiting));
    } else {
      waiting.reply(v1::LeaseResponse());
    }
  }
  ScheduleWatch();
}

void WorkDesk::TryLease(Waiting waiting) {
  leasing_ = true;
  WorkInput input;
  *input.mutable_lease() = LeaseOf(waiting.request);
  Admit(std::move(input), [this, waiting = std::move(waiting)](const WorkAnswer& answer) mutable {
    leasing_ = false;
    v1::LeaseResponse response;
    const WorkTable::Entry* entry = merger_.core().work().Find(answer.number);
    if (answer.outcome == WorkAnswer::Outcome::kDone && entry != nullptr) {
      v1::Work* work = response.mutable_work();
      work->set_name(NameOf(answer.number));
      work->set_fence(answer.fence);
      SetDuration(merger_.core().work().lease(), work->mutable_lease());
      if (entry->task.request().has_recovery_step()) {
        *work->mutable_recovery_step() = entry->task.request().recovery_step();
        AddWitnesses(work->mutable_recovery_step());
      } else {
        *work->mutable_rule_action() = entry->task.request().rule_action();
      }
    }
    waiting.reply(std::move(response));
  });
}

void WorkDesk::AddWitnesses(v1::RecoveryStep* step) const {
  // The keys do not say which of X's partitions sent a post.
  if (merger_.core().gaps().lives().partitions().size() > 1) return;
  absl::Time from = ToTime(step->step().range().start_time());
  absl::Time until = ToTime(step->step().range().end_time());
  auto add = [&](absl::Time begin, absl::Time end) {
    std::vector<uint64_t> ids;
    absl::Status status = store_.Scan(Table::kIds, EncodeSequence(FirstSnowflakeAt(begin)),
                                      EncodeSequence(FirstSnowflakeAt(end)),
                                      [&](absl::string_view key, absl::string_view) {
                                        if (key.size() == sizeof(uint64_t))
                                          ids.push_back(ReadBe64(key));
                                        return ids.size() < kWitnessesMax;
                                      });
    // Without them completeness has its other proofs.
    if (!status.ok()) return;
    for (uint64_t id : ids) step->add_witness_post_ids(id);
  };
  add(ToTime(step->step().fetch_range().start_time()), from);
  add(until, ToTime(step->step().fetch_range().end_time()));
}

void WorkDesk::ScheduleWatch() {
  if (waiting_.empty() || watching_) return;
  watching_ = true;
  loop_.After(kWatchInterval, owner_.Wrap([this] {
    watching_ = false;
    ServeWaiting();
  }));
}

template <typename Response>
void WorkDesk::AdmitFenced(WorkInput input, const std::string& name, Response response,
                           Reply<Response> reply) {
  absl::StatusOr<uint64_t> number = NumberOf(name);
  if (!number.ok()) return reply(number.status());
  if (absl::Status ready = Ready(); !ready.ok()) return reply(ready);
  input.set_number(*number);
  Admit(std::move(input), [name, response = std::move(response),
                           reply = std::move(reply)](const WorkAnswer& answer) mutable {
    absl::Status status = StatusOf(answer, name);
    if (!status.ok()) return reply(status);
    reply(std::move(response));
  });
}

void WorkDesk::Renew(const v1::RenewRequest& request, Reply<v1::RenewResponse> reply) {
  WorkInput input;
  *input.mutable_renew() = request;
  v1::RenewResponse response;
  SetDuration(merger_.core().work().lease(), response.mutable_lease());
  absl::StatusOr<uint64_t> number = NumberOf(request.name());
  const WorkTable::Entry* entry = number.ok() ? merger_.core().work().Find(*number) : nullptr;
  response.set_cancelled(entry != nullptr && entry->state.cancelled());
  AdmitFenced(std::move(input), request.name(), std::move(response), std::move(reply));
}

void WorkDesk::Report(const v1::ReportRequest& request, Reply<v1::ReportResponse> reply) {
  WorkInput input;
  *input.mutable_report() = request;
  AdmitFenced(std::move(input), request.name(), v1::ReportResponse(), std::move(reply));
}

void WorkDesk::Complete(const v1::CompleteRequest& request, Reply<v1::CompleteResponse> reply) {
  WorkInput input;
  *input.mutable_complete() = request;
  AdmitFenced(std::move(input), request.name(), v1::CompleteResponse(), std::move(reply));
}

void WorkDesk::ReportRules(const v1::ReportRulesRequest& request,
                           Reply<v1::ReportRulesResponse> reply) {
  if (!request.rule_set().has_observe_time()) {
    return reply(absl::InvalidArgumentError("rule_set.observe_time is not set"));
  }
  if (absl::Status ready = Ready(); !ready.ok()) return reply(ready);
  WorkInput input;
  *input.mutable_rule_set() = request.rule_set();
  Admit(std::move(input), [reply = std::move(reply)](const WorkAnswer&) mutable {
    reply(v1::ReportRulesResponse());
  });
}

void WorkDesk::ReportUsage(const v1::ReportUsageRequest& request,
                           Reply<v1::ReportUsageResponse> reply) {
  if (!request.usage().has_observe_time() || request.usage().days_size() > kUsageDaysMax) {
    return reply(absl::InvalidArgumentError(
        absl::StrCat("usage.observe_time is not set, or more than ", kUsageDaysMax, " days")));
  }
  for (const v1::XUsage::Day& day : request.usage().days()) {
    if (day.date().size() > kWordBytesMax) return reply(absl::InvalidArgumentError("no date"));
  }
  if (absl::Status ready = Ready(); !ready.ok()) return reply(ready);
  WorkInput input;
  *input.mutable_usage() = request.usage();
  Admit(std::move(input), [reply = std::move(reply)](const WorkAnswer&) mutable {
    reply(v1::ReportUsageResponse());
  });
}

void WorkDesk::CreateRuleTask(const v1::CreateRuleTaskRequest& request,
                              const std::string& requester, Reply<v1::RuleTask> reply) {
  absl::Status status = CheckAction(request.action(), options_.request_bytes_max);
  if (status.ok() && request.request_id().size() > kWordBytesMax) {
    status = absl::InvalidArgumentError("request_id is too long");
  }
  if (status.ok()) status = Ready();
  if (!status.ok()) return reply(status);
  WorkInput input;
  WorkInput::Create* create = input.mutable_create();
  create->set_request_id(request.request_id());
  create->set_requester(requester);
  *create->mutable_rule_action() = request.action();
  Admit(std::move(input), [this, reply = std::move(reply)](const WorkAnswer& answer) mutable {
    absl::Status refused = StatusOf(answer, NameOf(answer.number));
    if (!refused.ok()) return reply(refused);
    reply(TaskOf(answer.number));
  });
}

void WorkDesk::GetRuleTask(const v1::GetRuleTaskRequest& request, Reply<v1::RuleTask> reply) {
  absl::StatusOr<uint64_t> number = NumberOf(request.name());
  if (!number.ok()) return reply(number.status());
  reply(TaskOf(*number));
}

absl::StatusOr<v1::RuleTask> WorkDesk::TaskOf(uint64_t number) const {
  const WorkTable::Entry* entry = merger_.core().work().Find(number);
  if (entry == nullptr || !entry->task.request().has_rule_action()) {
    return StatusOf({WorkAnswer::Outcome::kUnknown, number, 0}, NameOf(number));
  }
  v1::RuleTask task;
  task.set_name(NameOf(number));
  task.set_state(ShownState(entry->state.state()));
  task.set_requester(entry->task.request().requester());
  task.set_worker_id(entry->state.worker_id());
  task.set_attempts(entry->state.attempts());
  *task.mutable_progress() = entry->state.progress();
  task.set_error(entry->state.error());
  if (entry->state.has_rule_result()) *task.mutable_result() = entry->state.rule_result();
  SetTime(absl::FromUnixMicros(entry->task.create_micros()), task.mutable_create_time());
  return task;
}

void WorkDesk::Drain() {
  draining_ = true;
  ServeWaiting();
}

}  // namespace braid
