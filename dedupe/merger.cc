#include "dedupe/merger.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace braid {
namespace {

absl::Status WithContext(const absl::Status& status, absl::string_view context) {
  return absl::Status(status.code(), absl::StrCat(context, ": ", status.message()));
}

}  // namespace

Merger::Merger(Loop& loop, Store& store, Core& core, Options options,
               absl::AnyInvocable<void(absl::Status)> on_fatal)
    : loop_(loop), store_(store), core_(core), options_(options), on_fatal_(std::move(on_fatal)) {}

Merger::~Merger() { loop_.Cancel(tick_timer_); }

void Merger::Start() {
  BRAID_CHECK(!started_);
  started_ = true;
  Tick();
}

void Merger::Admit(store::v1::InputRecord input, uint64_t input_bytes, Done done, Turn turn) {
  BRAID_CHECK(started_);
  Enqueue(std::move(input), input_bytes, std::move(done), turn);
}

void Merger::Enqueue(store::v1::InputRecord input, uint64_t input_bytes, Done done, Turn turn) {
  if (failed_) return;
  input.set_admission_micros(AdmissionMicros());
  waiting_bytes_ += input_bytes;
  metrics_.waiting_bytes.Set(static_cast<double>(waiting_bytes_));
  std::deque<Waiting>& waiting = turn == Turn::kLive ? waiting_ : fetched_;
  waiting.push_back({std::move(input), input_bytes, std::move(done), loop_.Now()});
  ScheduleGroup();
}

// The core's time where it last stood plus what has passed since. The core
// lets no stamp go back.
int64_t Merger::AdmissionMicros() const {
  return anchor_micros_ + absl::ToInt64Microseconds(loop_.Now() - anchor_time_);
}

void Merger::ScheduleGroup() {
  if (group_scheduled_) return;
  group_scheduled_ = true;
  loop_.Post(owner_.Wrap([this] { RunGroup(); }));
}

void Merger::RunGroup() {
  group_scheduled_ = false;
  if (failed_ || !HasWaiting()) return;
  absl::Time first_admit = (waiting_.empty() ? fetched_ : waiting_).front().admit_time;
  Group group;
  std::vector<Applied> applied;
  absl::Status status = ApplyGroup(&group, &applied);
  if (status.ok()) status = CommitGroup(&group);
  if (!status.ok()) {
    Fail(std::move(status));
    return;
  }
  metrics_.groups.Increment();
  metrics_.inputs.Add(applied.size());
  metrics_.waiting_bytes.Set(static_cast<double>(waiting_bytes_));
  // Now is constant within a turn: the delay is read in the next one.
  loop_.Post(owner_.Wrap(
      [this, first_admit] { metrics_.commit_delay.Record(loop_.Now() - first_admit); }));
  if (HasWaiting()) ScheduleGroup();
  for (Applied& one : applied) {
    if (one.done) one.done(one.result);
  }
}

absl::Status Merger::ApplyGroup(Group* group, std::vector<Applied>* applied) {
  absl::Status status = ApplySome(&waiting_, options_.group_bytes_max, group, applied);
  if (!status.ok()) return status;
  return ApplySome(&fetched_, options_.fetched_bytes_max, group, applied);
}

absl::Status Merger::ApplySome(std::deque<Waiting>* waiting, uint64_t bytes_max, Group* group,
                               std::vector<Applied>* applied) {
  uint64_t bytes = 0;
  while (!waiting->empty()) {
    Waiting& next = waiting->front();
    if (bytes > 0 && bytes + next.bytes > bytes_max) break;
    bytes += next.bytes;
    waiting_bytes_ -= next.bytes;
    bool is_tick = next.input.has_tick();
    absl::StatusOr<ApplyResult> result = core_.Apply(std::move(next.input), group);
    if (!result.ok()) return WithContext(result.status(), "apply");
    if (is_tick) {
      anchor_micros_ = core_.state().now_micros();
      anchor_time_ = next.admit_time;
    }
    applied->push_back({std::move(next.done), *std::move(result)});
    waiting->pop_front();
  }
  metrics_.input_bytes.Add(bytes);
  return absl::OkStatus();
}

absl::Status Merger::CommitGroup(Group* group) {
  core_.Seal(group);
  absl::Status status = store_.Commit(group->changes);
  if (!status.ok()) return WithContext(status, "commit");
  core_.Committed();
  // Before anything is dropped: readers must know that it is no longer kept.
  if (observer_ && !(group->records.empty() && group->drops.empty())) observer_(group->records);
  for (const auto& [table, key] : group->drops) {
    status = store_.DropBefore(table, key);
    if (!status.ok()) return WithContext(status, absl::StrCat("drop from ", TableName(table)));
  }
  if (!group->write_out) return absl::OkStatus();
  return WithContext(store_.WriteOut(), "write out");
}

void Merger::Tick() {
  const store::v1::CoreState& state = core_.state();
  int64_t wall_micros = absl::ToUnixMicros(loop_.WallNow());
  bool first = tick_timer_ == 0;
  if (first) {
    int64_t passed =
        state.now_micros() == 0 ? 0 : std::max<int64_t>(0, wall_micros - state.last_wall_micros());
    anchor_micros_ = state.now_micros() == 0 ? wall_micros : state.now_micros() + passed;
    anchor_time_ = last_tick_ = loop_.Now();
  }
  store::v1::InputRecord input;
  store::v1::Tick* tick = input.mutable_tick();
  tick->set_wall_micros(wall_micros);
  tick->set_first_after_start(first);
  tick->set_let_go(let_go_);
  if (first) {
    *tick->mutable_sources() = {options_.sources.begin(), options_.sources.end()};
    *tick->mutable_source_partitions() = {options_.source_partitions.begin(),
                                          options_.source_partitions.end()};
  }
  if (options_.attention && !first) {
    for (auto& attention : options_.attention()) *tick->add_attention() = std::move(attention);
  }
  if (options_.listening && !first) {
    for (const std::string& source_id : options_.listening()) tick->add_listening(source_id);
  }
  tick->set_elapsed_micros(first && state.now_micros() != 0
                               ? anchor_micros_ - state.now_micros()
                               : absl::ToInt64Microseconds(loop_.Now() - last_tick_));
  last_tick_ = loop_.Now();
  Enqueue(std::move(input), 0, nullptr, Turn::kLive);
  ScheduleTick();
}

void Merger::ScheduleTick() {
  tick_timer_ = loop_.After(options_.tick_interval, owner_.Wrap([this] {
    // Held back: the next one carries all the time that passed. What makes room
    // is let through.
    bool makes_room = let_go_ && core_.held_back() > absl::ZeroDuration();
    if ((accepting_ || makes_room) && !failed_) {
      Tick();
    } else if (!failed_) {
      ScheduleTick();
    }
  }));
}

void Merger::SetAccepting(bool accepting) { accepting_ = accepting; }

void Merger::Fail(absl::Status status) {
  failed_ = true;
  waiting_.clear();
  fetched_.clear();
  waiting_bytes_ = 0;
  if (on_fatal_) on_fatal_(std::move(status));
}

}  // namespace braid
