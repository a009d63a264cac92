#include "dedupe/work_table.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dedupe/keys.h"

namespace braid {
namespace {

using store::v1::WorkInput;
using store::v1::WorkState;
using store::v1::WorkTask;

bool IsFinished(const WorkState& state) {
  return state.state() != WorkState::STATE_QUEUED && state.state() != WorkState::STATE_LEASED;
}

WorkState::State StateOf(v1::CompleteRequest::Outcome outcome) {
  switch (outcome) {
    case v1::CompleteRequest::OUTCOME_DONE:
      return WorkState::STATE_DONE;
    case v1::CompleteRequest::OUTCOME_REFUSED:
      return WorkState::STATE_REFUSED;
    case v1::CompleteRequest::OUTCOME_INCOMPLETE:
      return WorkState::STATE_INCOMPLETE;
    default:
      return WorkState::STATE_FAILED;
  }
}

bool IsRecovery(const WorkTask& task) { return task.request().has_recovery_step(); }

bool Wants(const WorkInput::Lease& lease, const WorkTask& task) {
  bool of_kind = (lease.kind() == v1::LeaseRequest::KIND_RECOVERY) == IsRecovery(task);
  if (!of_kind || !IsRecovery(task)) return of_kind;
  const auto& methods = lease.methods();
  const auto method = task.request().recovery_step().step().method();
  // Only who can let a connection go does that.
  if (methods.empty()) return method != v1::RecoveryJob::METHOD_BACKFILL;
  return std::count(methods.begin(), methods.end(), method) > 0;
}

}  // namespace

absl::Status WorkTable::Load(const Store& store, const store::v1::WorkCounters& counters) {
  counters_ = counters;
  bool readable = true;
  auto visit = [&](absl::string_view key, absl::string_view value) {
    absl::StatusOr<WorkKey> parsed = DecodeWorkKey(key);
    if (!parsed.ok()) return readable = false;
    Entry& entry = entries_[parsed->number];
    const auto size = static_cast<int>(value.size());
    readable = parsed->is_state ? entry.state.ParseFromArray(value.data(), size)
                                : entry.task.ParseFromArray(value.data(), size);
    return readable;
  };
  absl::Status status =
      store.Scan(Table::kMeta, kMetaWorkPrefix, MetaPrefixEnd(kMetaWorkPrefix), visit);
  if (!status.ok()) return status;
  return readable ? absl::OkStatus() : absl::DataLossError("meta/work can not be read");
}

const WorkTable::Entry* WorkTable::Find(uint64_t number) const {
  auto found = entries_.find(number);
  return found == entries_.end() ? nullptr : &found->second;
}

WorkAnswer WorkTable::Apply(const WorkInput& input, int64_t now_micros, WriteSet* changes) {
  WorkAnswer answer{WorkAnswer::Outcome::kDone, input.number(), 0};
  switch (input.input_case()) {
    case WorkInput::kCreate:
      return Create(input.create(), now_micros, changes);
    case WorkInput::kLease:
      return Lease(input.lease(), changes);
    case WorkInput::kComplete:
      return Complete(input.number(), input.complete(), changes);
    case WorkInput::kRenew:
      if (Entry* entry = Leased(input.number(), input.renew().fence(), &answer)) {
        entry->state.clear_lease_end_clock_micros();
        PutState(input.number(), *entry, changes);
      }
      return answer;
    case WorkInput::kReport:
      if (Entry* entry = Leased(input.number(), input.report().fence(), &answer)) {
        *entry->state.mutable_progress() = input.report().progress();
        PutState(input.number(), *entry, changes);
      }
      return answer;
    case WorkInput::kRuleSet:
    case WorkInput::kUsage:
    case WorkInput::INPUT_NOT_SET:
      break;
  }
  return answer;
}

WorkAnswer WorkTable::Create(const WorkInput::Create& create, int64_t now_micros,
                             WriteSet* changes) {
  size_t unfinished = 0;
  for (const auto& [number, entry] : entries_) {
    const std::string& id = entry.task.request().request_id();
    if (!id.empty() && id == create.request_id()) return {WorkAnswer::Outcome::kDone, number, 0};
    unfinished += IsFinished(entry.state) ? 0 : 1;
  }
  if (unfinished >= options_.unfinished_max || !MakeRoom(create.ByteSizeLong(), 0, changes)) {
    return {WorkAnswer::Outcome::kFull, 0, 0};
  }
  uint64_t number = counters_.last_number() + 1;
  counters_.set_last_number(number);
  Entry& entry = entries_[number];
  entry.task.set_create_micros(now_micros);
  entry.task.set_create_clock_micros(counters_.clock_micros());
  *entry.task.mutable_request() = create;
  changes->Put(Table::kMeta, EncodeWorkKey({number, false}), entry.task.SerializeAsString());
  PutState(number, entry, changes);
  return {WorkAnswer::Outcome::kDone, number, 0};
}

uint64_t WorkTable::FirstLeasable(const WorkInput::Lease& lease) const {
  uint64_t first = 0;
  for (const auto& [number, entry] : entries_) {
    if (!Wants(lease, entry.task)) continue;
    bool is_leased = entry.state.state() == WorkState::STATE_LEASED;
    if (is_leased && !IsRecovery(entry.task)) return 0;
    if (first == 0 && entry.state.state() == WorkState::STATE_QUEUED) first = number;
  }
  return first;
}

WorkAnswer WorkTable::Lease(const WorkInput::Lease& lease, WriteSet* changes) {
  uint64_t number = FirstLeasable(lease);
  if (number == 0) return {WorkAnswer::Outcome::kNoWork, 0, 0};
  Entry& entry = entries_[number];
  entry.state.set_state(WorkState::STATE_LEASED);
  entry.state.set_fence(entry.state.fence() + 1);
  entry.state.set_attempts(entry.state.attempts() + 1);
  entry.state.set_worker_id(lease.worker_id());
  entry.state.clear_lease_end_clock_micros();
  PutState(number, entry, changes);
  return {WorkAnswer::Outcome::kDone, number, entry.state.fence()};
}

WorkTable::Entry* WorkTable::Leased(uint64_t number, uint64_t fence, WorkAnswer* answer) {
  auto found = entries_.find(number);
  if (found == entries_.end()) {
    answer->outcome = WorkAnswer::Outcome::kUnknown;
    return nullptr;
  }
  WorkState& state = found->second.state;
  if (state.state() != WorkState::STATE_LEASED || state.fence() != fence) {
    answer->outcome = WorkAnswer::Outcome::kStale;
    return nullptr;
  }
  answer->fence = fence;
  return &found->second;
}

WorkAnswer WorkTable::Complete(uint64_t number, const v1::CompleteRequest& request,
                               WriteSet* changes) {
  auto found = entries_.find(number);
  if (found == entries_.end()) return {WorkAnswer::Outcome::kUnknown, number, 0};
  Entry& entry = found->second;
  if (entry.state.fence() != request.fence()) return {WorkAnswer::Outcome::kStale, number, 0};
  WorkAnswer done{WorkAnswer::Outcome::kDone, number, request.fence()};
  // The answer was lost on its way.
  if (IsFinished(entry.state)) return done;
  // Also of a lease that ran out, as long as nobody else got the task.
  Finish(&entry, StateOf(request.outcome()), request.error());
  if (request.has_rule_result()) *entry.state.mutable_rule_result() = request.rule_result();
  if (request.has_recovery_result()) {
    *entry.state.mutable_recovery_result() = request.recovery_result();
  }
  PutState(number, entry, changes);
  MakeRoom(0, number, changes);
  return done;
}

void WorkTable::Cancel(uint64_t number, WriteSet* changes) {
  auto found = entries_.find(number);
  if (found == entries_.end() || IsFinished(found->second.state)) return;
  found->second.state.set_cancelled(true);
  if (found->second.state.state() == WorkState::STATE_QUEUED) {
    Finish(&found->second, WorkState::STATE_FAILED, "cancelled");
  }
  PutState(number, found->second, changes);
}

void WorkTable::Finish(Entry* entry, WorkState::State state, const std::string& error) {
  entry->state.set_state(state);
  entry->state.set_error(error);
  entry->state.set_finish_clock_micros(counters_.clock_micros());
  entry->state.clear_lease_end_clock_micros();
}

void WorkTable::Tick(int64_t elapsed_micros, WriteSet* changes) {
  counters_.set_clock_micros(counters_.clock_micros() + std::max<int64_t>(0, elapsed_micros));
  int64_t oldest = counters_.clock_micros() - absl::ToInt64Microseconds(options_.finished_age_max);
  std::vector<uint64_t> old;
  for (auto& [number, entry] : entries_) {
    if (!IsFinished(entry.state)) {
      TickOne(number, &entry, changes);
    } else if (entry.state.finish_clock_micros() <= oldest) {
      old.push_back(number);
    }
  }
  for (uint64_t number : old) Drop(number, changes);
  while (FinishedCount() > options_.finished_max && DropFinished(0, changes)) {
  }
}

void WorkTable::TickOne(uint64_t number, Entry* entry, WriteSet* changes) {
  WorkState& state = entry->state;
  int64_t now = counters_.clock_micros();
  bool is_leased = state.state() == WorkState::STATE_LEASED;
  if (is_leased && state.lease_end_clock_micros() == 0) {
    state.set_lease_end_clock_micros(now + absl::ToInt64Microseconds(options_.lease));
    return PutState(number, *entry, changes);
  }
  if (is_leased && state.lease_end_clock_micros() <= now) {
    state.set_state(WorkState::STATE_QUEUED);
    if (state.cancelled()) {
      Finish(entry, WorkState::STATE_FAILED, "cancelled");
    } else if (!IsRecovery(entry->task) && state.attempts() >= options_.attempts_max) {
      Finish(entry, WorkState::STATE_FAILED,
             absl::StrCat("given to ", state.attempts(), " workers, none finished it"));
    }
    return PutState(number, *entry, changes);
  }
  if (IsRecovery(entry->task)) return;
  // A lease ends by itself first.
  int64_t age = now - entry->task.create_clock_micros();
  if (is_leased || age < absl::ToInt64Microseconds(options_.unfinished_age_max)) return;
  Finish(entry, WorkState::STATE_FAILED,
         state.attempts() > 0 ? "no worker finished it in time"
                              : "no worker asked for it: a connector of this stream with "
                                "credentials and without worker: false");
  PutState(number, *entry, changes);
}

void WorkTable::PutState(uint64_t number, const Entry& entry, WriteSet* changes) {
  changes->Put(Table::kMeta, EncodeWorkKey({number, true}), entry.state.SerializeAsString());
}

bool WorkTable::MakeRoom(uint64_t bytes, uint64_t kept, WriteSet* changes) {
  while (Bytes() + bytes > options_.bytes_max) {
    if (!DropFinished(kept, changes)) return false;
  }
  return true;
}

bool WorkTable::DropFinished(uint64_t kept, WriteSet* changes) {
  for (const auto& [number, entry] : entries_) {
    if (number == kept || !IsFinished(entry.state)) continue;
    Drop(number, changes);
    return true;
  }
  return false;
}

void WorkTable::Drop(uint64_t number, WriteSet* changes) {
  changes->Delete(Table::kMeta, EncodeWorkKey({number, false}));
  changes->Delete(Table::kMeta, EncodeWorkKey({number, true}));
  entries_.erase(number);
}

uint64_t WorkTable::FinishedCount() const {
  return static_cast<uint64_t>(
      std::count_if(entries_.begin(), entries_.end(),
                    [](const auto& entry) { return IsFinished(entry.second.state); }));
}

uint64_t WorkTable::Bytes() const {
  uint64_t bytes = 0;
  for (const auto& [number, entry] : entries_) {
    bytes += entry.task.ByteSizeLong() + entry.state.ByteSizeLong();
  }
  return bytes;
}

}  // namespace braid
