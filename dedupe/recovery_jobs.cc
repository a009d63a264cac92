#include "dedupe/recovery_jobs.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/utc_text.h"
#include "dedupe/cover_keys.h"
#include "dedupe/frame_parts.h"
#include "dedupe/keys.h"
#include "dedupe/recovery_step_parts.h"
#include "proto/proto_time.h"
#include "proto/recovery_terms.h"
#include "proto/snowflake.h"
#include "proto/time_range.h"

namespace braid {
namespace {

using store::v1::RecoveryInput;
using store::v1::StoredGap;
using v1::RecoveryJob;
using v1::StreamNotice;

// Gaps are looked through so often: X needs a minute before it has anything.
constexpr int64_t kPlanEveryMicros = 5'000'000;
// In the job; a storm of them is one job.
constexpr int kGapsShownMax = 100;

int64_t DayOf(absl::Time now) { return absl::ToUnixSeconds(now) / 86400; }

// A pause is fetched only when somebody asks for it.
bool IsWanted(const StoredGap& gap, bool by_hand) {
  bool is_missing = IsOpen(gap) && IsOfCover(gap);
  return is_missing && (by_hand || gap.kind() != v1::Gap::KIND_PAUSED);
}

// What is missing after all: gaps' spans and, of what somebody asked for, what
// no step brought.
IntervalSet Residue(const RecoveryJob& job, const IntervalSet& missing) {
  IntervalSet residue = missing;
  if (IsAutomatic(job)) return residue;
  IntervalSet wanted;
  wanted.Add(IntervalOf(job.range()));
  for (const RecoveryJob::Step& step : job.steps()) {
    if (step.state() == RecoveryJob::STATE_SUCCEEDED) wanted.Subtract(IntervalOf(step.range()));
  }
  residue.Add(wanted);
  return residue;
}

}  // namespace

void SetGapRoutes(const RecoveryPolicy& policy, absl::Duration held, GapWatch::Options* gaps) {
  gaps->routes.asked.clear();
  for (const RouteLimits* route : RangeRoutes(policy)) {
    gaps->routes.asked[MethodWord(route->method)] = route->window;
    gaps->recoverable_for = std::max(gaps->recoverable_for, std::min(route->window, held));
  }
}

std::string JobSentence(const RecoveryJob& job) {
  int done = 0;
  for (const RecoveryJob::Step& step : job.steps()) {
    done += step.state() == RecoveryJob::STATE_SUCCEEDED;
  }
  const RecoveryJob::Totals& totals = job.totals();
  std::string text = absl::StrCat(
      done, " of ", job.steps_size(), job.steps_size() == 1 ? " step" : " steps", " done; ",
      totals.received_events(), " received, ", totals.new_events(), " new");
  uint64_t refused = totals.received_events() - totals.new_events() - totals.duplicate_events();
  if (refused > 0) absl::StrAppend(&text, ", ", refused, " from below the log's floor not taken");
  if (!job.error().empty()) absl::StrAppend(&text, "; ", job.error());
  return text;
}

absl::Status RecoveryJobs::Load() {
  absl::StatusOr<std::string> bytes = store_.Get(Table::kMeta, kMetaRecovery);
  if (absl::IsNotFound(bytes.status())) return absl::OkStatus();
  if (!bytes.ok()) return bytes.status();
  bool readable = state_.ParseFromString(*bytes);
  state_bytes_ = *std::move(bytes);
  auto visit = [&](absl::string_view, absl::string_view value) {
    Job job;
    readable = readable && job.ParseFromArray(value.data(), static_cast<int>(value.size()));
    if (!readable) return false;
    if (!IsEnded(job.job().state())) unfinished_.insert(job.number());
    jobs_[job.number()] = std::move(job);
    return true;
  };
  absl::Status status =
      store_.Scan(Table::kMeta, kMetaJobPrefix, MetaPrefixEnd(kMetaJobPrefix), visit);
  if (!status.ok()) return status;
  return readable ? absl::OkStatus() : absl::DataLossError("recovery jobs can not be read");
}

IntervalSet RecoveryJobs::Missing(uint32_t partition, Interval within, bool by_hand) const {
  IntervalSet missing;
  for (const auto& [number, gap] : gaps_->ledger().gaps()) {
    if (gap.partition() != partition || !IsWanted(gap, by_hand)) continue;
    missing.Add(Intersection(within, {gap.from_micros(), gap.until_micros()}));
  }
  return missing;
}

absl::optional<absl::Time> RecoveryJobs::OldestWanted() const {
  if (!options_.policy) return absl::nullopt;
  absl::Time oldest = absl::InfiniteFuture();
  for (uint64_t number : unfinished_) {
    for (const Step& step : jobs_.at(number).job().steps()) {
      if (IsAtWork(step)) oldest = std::min(oldest, ToTime(step.fetch_range().start_time()));
    }
  }
  for (const auto& [number, gap] : gaps_->ledger().gaps()) {
    if (!IsWanted(gap, false)) continue;
    absl::Time from = absl::FromUnixMicros(gap.from_micros()) - options_.policy->pad_before;
    oldest = std::min(oldest, from - options_.floor_margin);
  }
  if (oldest == absl::InfiniteFuture()) return absl::nullopt;
  return oldest;
}

PlanFacts RecoveryJobs::FactsFor(uint32_t partition, const Facts& facts, const Job* except) const {
  PlanFacts plan;
  plan.now = facts.now;
  // As when a step starts: what would be cut off then is not planned.
  plan.floor = Lowest(facts);
  plan.not_before = absl::FromUnixMicros(state_.not_before_micros());
  if (state_.day() == DayOf(facts.now)) plan.posts_today = state_.posts_today();
  plan.may_reconnect = gaps_->Fresh(partition, facts.now) >= 2;
  for (const RouteLimits& route : options_.policy->routes) {
    PlanFacts::Use use;
    use.method = route.method;
    use.running = OpenSteps(route.method);
    const Requests& requests = RequestsBy(route.method);
    use.not_before = absl::FromUnixMicros(requests.not_before_micros());
    for (int64_t micros : requests.start_micros()) {
      use.starts.push_back(absl::FromUnixMicros(micros));
    }
    plan.use.push_back(std::move(use));
  }
  for (uint64_t number : unfinished_) {
    const Job& job = jobs_.at(number);
    for (const Step& step : job.job().steps()) {
      if (!IsOver(step)) plan.posts_planned += step.estimated_posts();
    }
    if (&job == except || job.job().partition() != partition || IsOfIds(job.job())) continue;
    plan.under_way.emplace_back(ToTime(job.job().range().start_time()),
                                ToTime(job.job().range().end_time()));
  }
  return plan;
}

int RecoveryJobs::OpenSteps(RecoveryMethod method) const {
  int open = 0;
  for (uint64_t number : unfinished_) {
    for (const Step& step : jobs_.at(number).job().steps()) {
      open += step.method() == method && IsAtWork(step);
    }
  }
  return open;
}

absl::StatusOr<RecoveryJob> RecoveryJobs::Preview(const RecoveryInput::Create& create,
                                                  const Facts& facts) const {
  if (!options_.policy) {
    return absl::FailedPreconditionError(
        "this stream's configuration has no `recovery`: nothing is fetched again");
  }
  uint32_t partition = 0;
  absl::StatusOr<PlanRequest> request = RequestOf(create, &partition);
  if (!request.ok()) return request.status();
  if (!request->post_ids.empty()) {
    absl::Status askable = CheckPostTimes(*request, facts);
    if (!askable.ok()) return askable;
  }
  bool means_now = create.gap() == 0 && create.post_ids().empty() && request->until > facts.now &&
                   request->until <= facts.now + options_.clock_error_max;
  if (means_now) request->until = facts.now;
  PlanFacts around = FactsFor(partition, facts, nullptr);
  // A post may be newer than the last tick.
  if (!request->post_ids.empty()) around.now = std::max(around.now, request->until);
  RecoveryPlan plan = PlanRecovery(*options_.policy, around, *request);
  if (plan.outcome == RecoveryPlan::Outcome::kNothing) {
    std::string who = WhoFetches(
        partition, {absl::ToUnixMicros(request->from), absl::ToUnixMicros(request->until)});
    if (!who.empty()) absl::StrAppend(&plan.reason, ": see ", who, " (braid job get)");
  }
  bool works =
      plan.outcome == RecoveryPlan::Outcome::kSteps || plan.outcome == RecoveryPlan::Outcome::kWait;
  if (!works) return absl::FailedPreconditionError(plan.reason);
  return JobOf(create.requester(), *request, partition, plan, facts);
}

std::vector<uint64_t> RecoveryJobs::JobsFor(uint32_t partition, Interval span) const {
  std::vector<uint64_t> numbers;
  for (uint64_t number : unfinished_) {
    const RecoveryJob& job = jobs_.at(number).job();
    Interval range = IntervalOf(job.range());
    bool is_its = job.partition() == partition && !IsOfIds(job) &&
                  !Intersection(range, span).empty();
    if (is_its) numbers.push_back(number);
  }
  return numbers;
}

std::string RecoveryJobs::WhoFetches(uint32_t partition, Interval span) const {
  const std::vector<uint64_t> numbers = JobsFor(partition, span);
  if (numbers.empty()) return "";
  return absl::StrCat(numbers.size() == 1 ? "job " : "jobs ", absl::StrJoin(numbers, ", "));
}

RecoveryJob RecoveryJobs::JobOf(const std::string& requester, const PlanRequest& request,
                                uint32_t partition, const RecoveryPlan& plan,
                                const Facts& facts) const {
  RecoveryJob job;
  job.set_state(RecoveryJob::STATE_PLANNED);
  job.set_requester(requester);
  job.set_method(request.method);
  job.set_partition(partition);
  job.set_residual_risk(plan.residual_risk);
  for (uint64_t id : request.post_ids) job.add_post_ids(id);
  SetTime(facts.now, job.mutable_create_time());
  *job.mutable_range() =
      RangeOf({absl::ToUnixMicros(request.from), absl::ToUnixMicros(request.until)});
  AddSteps(plan, &job);
  return job;
}

void RecoveryJobs::AddSteps(const RecoveryPlan& plan, RecoveryJob* job) const {
  bool is_new = job->steps().empty();
  job->clear_choices();
  for (const RecoveryJob::Choice& choice : plan.choices) *job->add_choices() = choice;
  for (const Step& planned : plan.steps) {
    if (job->steps_size() >= options_.steps_max) break;
    Step* step = job->add_steps();
    *step = planned;
    step->set_number(static_cast<uint32_t>(job->steps_size()));
    step->set_state(RecoveryJob::STATE_PLANNED);
  }
  if (plan.estimated_end > absl::InfinitePast()) {
    SetTime(plan.estimated_end, job->mutable_estimated_end_time());
  }
  // What it is for: a part that no route reaches is none of it.
  if (is_new && IsAutomatic(*job) && job->steps_size() > 0) {
    Interval span = IntervalOf(job->steps(0).range());
    for (const Step& step : job->steps()) {
      span.from = std::min(span.from, IntervalOf(step.range()).from);
      span.until = std::max(span.until, IntervalOf(step.range()).until);
    }
    *job->mutable_range() = RangeOf(span);
  }
}

RecoveryJobs::Job* RecoveryJobs::AddJob(RecoveryJob job, const Facts& facts) {
  uint64_t number = state_.last_number() + 1;
  state_.set_last_number(number);
  Job& stored = jobs_[number];
  stored.set_number(number);
  *stored.mutable_job() = std::move(job);
  stored.mutable_job()->set_name(absl::StrCat(options_.parent, "recoveryJobs/", number));
  for (int i = 0; i < stored.job().steps_size(); ++i) stored.add_steps();
  unfinished_.insert(number);
  changed_.insert(number);
  ShowInGaps(stored);
  Notify(StreamNotice::TYPE_RECOVERY_STARTED, stored, facts.now);
  return &stored;
}

RecoveryAnswer RecoveryJobs::Apply(const RecoveryInput& input, const Facts& facts,
                                   WriteSet* changes) {
  if (input.has_create()) return Create(input.create(), facts);
  auto found = jobs_.find(input.cancel());
  if (found == jobs_.end()) return {0, absl::NotFoundError("there is no such job")};
  Job* job = &found->second;
  if (IsEnded(job->job().state())) {
    return {job->number(),
            absl::FailedPreconditionError(absl::StrCat(job->job().name(), " has ended already"))};
  }
  job->mutable_job()->set_state(RecoveryJob::STATE_CANCELLING);
  changed_.insert(job->number());
  for (Step& step : *job->mutable_job()->mutable_steps()) {
    if (IsOver(step)) continue;
    if (IsAtWork(step)) work_->Cancel(step.work(), changes);
    step.set_state(IsAtWork(step) ? RecoveryJob::STATE_CANCELLING : RecoveryJob::STATE_CANCELLED);
  }
  return {job->number(), absl::OkStatus()};
}

RecoveryAnswer RecoveryJobs::Create(const RecoveryInput::Create& create, const Facts& facts) {
  for (const auto& [number, job] : jobs_) {
    if (!create.request_id().empty() && job.request_id() == create.request_id()) {
      return {number, absl::OkStatus()};
    }
  }
  if (unfinished_.size() >= options_.unfinished_max) {
    return {0,
            absl::ResourceExhaustedError(absl::StrCat(unfinished_.size(),
                                                      " recovery jobs are under way: cancel some, "
                                                      "or wait (braid job ls)"))};
  }
  absl::StatusOr<RecoveryJob> job = Preview(create, facts);
  if (!job.ok()) return {0, job.status()};
  job->set_reason(create.reason());
  Job* stored = AddJob(*std::move(job), facts);
  stored->set_request_id(create.request_id());
  stored->set_margin_micros(create.margin_micros());
  changed_.insert(stored->number());
  return {stored->number(), absl::OkStatus()};
}

std::string RecoveryJobs::WorkerOf(const Step& step) const {
  const WorkTable::Entry* entry = work_->Find(step.work());
  return entry == nullptr ? "" : entry->state.worker_id();
}

bool RecoveryJobs::Brings(const std::string& source_id, uint32_t partition,
                          const Step& step) const {
  if (step.method() != RecoveryJob::METHOD_BACKFILL) {
    return IsRecoverySource(source_id) && WorkerOf(step) == RecovererOf(source_id);
  }
  std::vector<std::string> sources = gaps_->lives().SourcesOf(partition);
  return std::count(sources.begin(), sources.end(), source_id) > 0;
}

void RecoveryJobs::OnFrame(const std::string& source_id, const v1::Frame& frame,
                           uint32_t new_events, uint32_t duplicate_events, absl::Time now) {
  const uint32_t received = FrameEventCount(frame);
  const bool is_recoverer = IsRecoverySource(source_id);
  const bool is_backfill = frame.origin() == v1::EVENT_ORIGIN_BACKFILL;
  if ((!is_recoverer && !is_backfill) || received == 0) return;
  if (is_recoverer) {
    if (state_.day() != DayOf(now)) {
      state_.set_day(DayOf(now));
      state_.set_posts_today(0);
    }
    state_.set_posts_today(state_.posts_today() + received);
    state_.set_received_events(state_.received_events() + received);
    state_.set_new_events(state_.new_events() + new_events);
  }
  absl::Time created = SnowflakeTime(WindowKeyTime(FrameWindowKey(frame, 0)));
  for (uint64_t number : unfinished_) {
    Job& job = jobs_.at(number);
    for (Step& step : *job.mutable_job()->mutable_steps()) {
      bool is_its = IsAtWork(step) && Brings(source_id, job.job().partition(), step) &&
                    IntervalOf(step.fetch_range()).from <= absl::ToUnixMicros(created) &&
                    absl::ToUnixMicros(created) < IntervalOf(step.fetch_range()).until;
      if (!is_its) continue;
      for (RecoveryJob::Totals* totals :
           {step.mutable_totals(), job.mutable_job()->mutable_totals()}) {
        totals->set_received_events(totals->received_events() + received);
        totals->set_new_events(totals->new_events() + new_events);
        totals->set_duplicate_events(totals->duplicate_events() + duplicate_events);
      }
      changed_.insert(number);
      return;
    }
  }
}

void RecoveryJobs::OnTick(const Facts& facts, int64_t elapsed_micros, WriteSet* changes) {
  if (!options_.policy) return;
  int64_t clock = work_->counters().clock_micros();
  bool due = clock / kPlanEveryMicros != (clock - elapsed_micros) / kPlanEveryMicros;
  for (uint64_t number : std::vector<uint64_t>(unfinished_.begin(), unfinished_.end())) {
    TickJob(&jobs_.at(number), due, facts, changes);
  }
  if (options_.policy->automatic && due) {
    for (uint32_t partition : gaps_->lives().partitions()) PlanPartition(partition, facts);
  }
  ForgetEnded(changes);
}

// Neither what a job is under way for nor what one gave up; of that only what X
// no longer has is told.
void RecoveryJobs::PlanPartition(uint32_t partition, const Facts& facts) {
  IntervalSet under_way, taken;
  for (const auto& [number, job] : jobs_) {
    if (job.job().partition() != partition || IsOfIds(job.job())) continue;
    if (job.job().state() == RecoveryJob::STATE_SUCCEEDED) continue;
    taken.Add(IntervalOf(job.job().range()));
    if (!IsEnded(job.job().state())) under_way.Add(IntervalOf(job.job().range()));
  }
  std::vector<PlanRequest> requests, given_up;
  int64_t settled = absl::ToUnixMicros(facts.now - options_.settle);
  for (const auto& [number, gap] : gaps_->ledger().gaps()) {
    if (gap.partition() != partition || !IsWanted(gap, false)) continue;
    // A connection that is back says a little later from when on it vouches.
    bool may_grow = !gap.growing() && gap.until_micros() > settled;
    if (may_grow) continue;
    const Interval all = {gap.from_micros(), gap.until_micros()};
    if (taken.Covers(all) && under_way.Measure(all) == 0) given_up.push_back(RequestOf(gap, all));
    for (const Interval& span : taken.Missing(all)) requests.push_back(RequestOf(gap, span));
  }
  PlanFacts plan_facts;
  if (!given_up.empty()) plan_facts = FactsFor(partition, facts, nullptr);
  for (const PlanRequest& request : given_up) {
    LoseGaps(partition, PlanRecovery(*options_.policy, plan_facts, request), facts);
  }
  for (PlanRequest& request : MergeNeighbours(*options_.policy, std::move(requests))) {
    if (unfinished_.size() >= options_.unfinished_max) return;
    PlanFacts around = FactsFor(partition, facts, nullptr);
    // Neighbours are merged also around what was given up.
    for (const Interval& part : taken.Intervals()) {
      around.under_way.emplace_back(absl::FromUnixMicros(part.from),
                                    absl::FromUnixMicros(part.until));
    }
    RecoveryPlan plan = PlanRecovery(*options_.policy, around, request);
    LoseGaps(partition, plan, facts);
    if (plan.outcome != RecoveryPlan::Outcome::kSteps) continue;
    AddJob(JobOf("automatic", request, partition, plan, facts), facts);
  }
}

// Gaps of which no part can be fetched any more.
void RecoveryJobs::LoseGaps(uint32_t partition, const RecoveryPlan& plan, const Facts& facts) {
  IntervalSet lost;
  for (const auto& [from, until] : plan.lost) {
    lost.Add({absl::ToUnixMicros(from), absl::ToUnixMicros(until)});
  }
  if (lost.empty()) return;
  std::vector<uint64_t> numbers;
  for (const auto& [number, gap] : gaps_->ledger().gaps()) {
    bool all_lost = gap.partition() == partition && IsWanted(gap, false) && !gap.growing() &&
                    lost.Covers({gap.from_micros(), gap.until_micros()});
    if (all_lost) numbers.push_back(number);
  }
  for (uint64_t number : numbers) {
    notices_.push_back(gaps_->Lose(number, plan.reason, facts.now));
  }
}

void RecoveryJobs::TickJob(Job* job, bool due, const Facts& facts, WriteSet* changes) {
  RecoveryJob before = job->job();
  bool was_over = true;
  bool all_over = true;
  for (int i = 0; i < job->job().steps_size(); ++i) {
    was_over = was_over && IsOver(job->job().steps(i));
    TickStep(job, i, facts, changes);
    all_over = all_over && IsOver(job->job().steps(i));
  }
  if (all_over && was_over && !due) return;
  if (all_over) {
    EndJob(job, facts);
  } else {
    Summarize(job->mutable_job());
  }
  if (before.SerializeAsString() == job->job().SerializeAsString()) return;
  changed_.insert(job->number());
  if (before.state() != job->job().state()) ShowInGaps(*job);
}

// All steps are over: it has what it was for, or goes on by what is left.
void RecoveryJobs::EndJob(Job* job, const Facts& facts) {
  RecoveryJob* shown = job->mutable_job();
  bool by_hand = !IsAutomatic(*shown);
  Interval range = IntervalOf(shown->range());
  IntervalSet missing;
  if (!IsOfIds(*shown)) missing = Missing(shown->partition(), range, by_hand);
  IntervalSet residue = Residue(*shown, missing);
  if (shown->state() == RecoveryJob::STATE_CANCELLING) {
    return Finish(job, RecoveryJob::STATE_CANCELLED, "", residue, facts);
  }
  if (residue.empty()) return Finish(job, RecoveryJob::STATE_SUCCEEDED, "", residue, facts);
  // A route that brought all that X has and did not fill it will not do so.
  for (const Step& step : shown->steps()) {
    if (step.state() == RecoveryJob::STATE_SUCCEEDED &&
        residue.Measure(IntervalOf(step.range())) > 0) {
      SpendRoute(job, step.method());
    }
  }
  std::string reason = "no route is left";
  bool goes_on = false;
  for (const Interval& span : residue.Intervals()) {
    PlanRequest request = RequestFor(*job, span);
    RecoveryPlan plan =
        PlanRecovery(*options_.policy, FactsFor(shown->partition(), facts, job), request);
    goes_on = goes_on || plan.outcome == RecoveryPlan::Outcome::kSteps ||
              plan.outcome == RecoveryPlan::Outcome::kWait;
    if (!plan.reason.empty()) reason = plan.reason;
    int before = shown->steps_size();
    AddSteps(plan, shown);
    for (int i = before; i < shown->steps_size(); ++i) job->add_steps();
  }
  if (goes_on && shown->steps_size() < options_.steps_max) return Summarize(shown);
  Finish(job, RecoveryJob::STATE_FAILED, reason, residue, facts);
}

void RecoveryJobs::Finish(Job* job, RecoveryJob::State state, const std::string& error,
                          const IntervalSet& missing, const Facts& facts) {
  RecoveryJob* shown = job->mutable_job();
  shown->set_state(state);
  shown->set_error(error);
  if (state == RecoveryJob::STATE_SUCCEEDED) shown->set_progress(1);
  SetTime(facts.now, shown->mutable_end_time());
  for (const Interval& span : missing.Intervals()) *shown->add_missing() = RangeOf(span);
  unfinished_.erase(job->number());
  Notify(StreamNotice::TYPE_RECOVERY_FINISHED, *job, facts.now);
}

void RecoveryJobs::Summarize(RecoveryJob* job) {
  bool runs = false, queued = false;
  int64_t wanted = 0, done = 0;
  for (const Step& step : job->steps()) {
    runs = runs || step.state() == RecoveryJob::STATE_RUNNING;
    queued = queued || step.state() == RecoveryJob::STATE_QUEUED;
    Interval span = IntervalOf(step.range());
    wanted += span.until - span.from;
    if (step.state() == RecoveryJob::STATE_SUCCEEDED) done += span.until - span.from;
  }
  if (wanted > 0) job->set_progress(static_cast<double>(done) / static_cast<double>(wanted));
  if (runs && !job->has_start_time()) {
    for (const Step& step : job->steps()) {
      if (step.has_start_time()) *job->mutable_start_time() = step.start_time();
    }
  }
  if (job->state() == RecoveryJob::STATE_CANCELLING) return;
  job->set_state(runs     ? RecoveryJob::STATE_RUNNING
                 : queued ? RecoveryJob::STATE_QUEUED
                          : RecoveryJob::STATE_PLANNED);
}

void RecoveryJobs::ShowInGaps(const Job& job) {
  if (IsOfIds(job.job())) return;
  Interval range = IntervalOf(job.job().range());
  std::vector<uint64_t> numbers;
  for (const auto& [number, gap] : gaps_->ledger().gaps()) {
    bool touched = gap.partition() == job.job().partition() && IsOpen(gap) && IsOfCover(gap) &&
                   gap.from_micros() < range.until && gap.until_micros() > range.from;
    if (touched) numbers.push_back(number);
  }
  for (uint64_t number : numbers) {
    // Another job may still be under way for a part of it.
    const StoredGap& gap = gaps_->ledger().gaps().at(number);
    const bool goes_on = !JobsFor(gap.partition(), {gap.from_micros(), gap.until_micros()}).empty();
    gaps_->NoteRecovery(number, job.number(), goes_on);
    std::string name = absl::StrCat(options_.parent, "gaps/", number);
    RecoveryJob* shown = jobs_.at(job.number()).mutable_job();
    bool known = std::count(shown->gaps().begin(), shown->gaps().end(), name) > 0;
    if (!known && shown->gaps_size() < kGapsShownMax) shown->add_gaps(name);
  }
}

void RecoveryJobs::Notify(StreamNotice::Type type, const Job& job, absl::Time now) {
  const RecoveryJob& shown = job.job();
  StreamNotice notice;
  notice.set_type(type);
  notice.set_resource(shown.name());
  std::string span = absl::StrCat(
      absl::FormatDuration(ToTime(shown.range().end_time()) - ToTime(shown.range().start_time())),
      " from ", UtcText(ToTime(shown.range().start_time())));
  if (type == StreamNotice::TYPE_RECOVERY_STARTED) {
    notice.set_message(absl::StrCat("recovery job ", job.number(), " of ", span, ": ",
                                    shown.steps_size(),
                                    shown.steps_size() == 1 ? " step" : " steps"));
  } else {
    std::string state =
        absl::AsciiStrToLower(RecoveryJob::State_Name(shown.state()).substr(sizeof("STATE_") - 1));
    notice.set_message(absl::StrCat("recovery job ", job.number(), " of ", span, " ", state, ": ",
                                    JobSentence(shown)));
  }
  SetTime(now, notice.mutable_notice_time());
  notices_.push_back(std::move(notice));
}

std::vector<StreamNotice> RecoveryJobs::TakeNotices() { return std::exchange(notices_, {}); }

void RecoveryJobs::ForgetEnded(WriteSet* changes) {
  while (jobs_.size() > unfinished_.size() + options_.ended_max) {
    auto oldest = std::find_if(jobs_.begin(), jobs_.end(),
                               [&](const auto& job) { return unfinished_.count(job.first) == 0; });
    changes->Delete(Table::kMeta, EncodeJobKey(oldest->first));
    changed_.erase(oldest->first);
    jobs_.erase(oldest);
  }
}

void RecoveryJobs::Seal(WriteSet* changes) {
  for (uint64_t number : changed_) {
    changes->Put(Table::kMeta, EncodeJobKey(number), jobs_.at(number).SerializeAsString());
  }
  changed_.clear();
  std::string bytes = state_.SerializeAsString();
  if (bytes == state_bytes_) return;
  state_bytes_ = bytes;
  changes->Put(Table::kMeta, kMetaRecovery, std::move(bytes));
}

v1::RecoveryQuota RecoveryJobs::Quota(absl::Time now) const {
  v1::RecoveryQuota quota;
  if (!options_.policy) return quota;
  quota.set_automatic(options_.policy->automatic);
  quota.set_posts_per_day(options_.policy->posts_per_day);
  if (state_.day() == DayOf(now)) quota.set_posts_today(state_.posts_today());
  PlanFacts facts = FactsFor(0, {now, absl::InfinitePast()}, nullptr);
  quota.set_posts_projected(quota.posts_today() + facts.posts_planned);
  for (const PlanFacts::Use& use : facts.use) {
    const RouteLimits* limits = FindRoute(*options_.policy, use.method);
    if (limits == nullptr || limits->off) continue;
    v1::RecoveryQuota::Route* route = quota.add_routes();
    route->set_method(use.method);
    route->set_jobs_in_use(static_cast<uint32_t>(use.running));
    route->set_jobs(static_cast<uint32_t>(limits->jobs));
    route->set_requests(static_cast<uint32_t>(limits->requests));
    int left = limits->requests - RecentRequests(*limits, now);
    route->set_requests_left(static_cast<uint32_t>(std::max(0, left)));
    SetDuration(limits->request_window, route->mutable_request_window());
  }
  return quota;
}

}  // namespace braid
