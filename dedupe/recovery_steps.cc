// The part of RecoveryJobs that moves one step: waits, is work, ends.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dedupe/cover_keys.h"
#include "dedupe/recovery_jobs.h"
#include "dedupe/recovery_step_parts.h"
#include "proto/proto_time.h"
#include "proto/recovery_terms.h"
#include "proto/snowflake.h"
#include "proto/time_range.h"
#include "recovery/planner.h"

namespace braid {

using store::v1::WorkInput;
using store::v1::WorkState;
using v1::RecoveryJob;

void RecoveryJobs::TickStep(Job* job, int place, const Facts& facts, WriteSet* changes) {
  Step* step = job->mutable_job()->mutable_steps(place);
  if (IsOver(*step)) return;
  const bool reconnects = step->method() == RecoveryJob::METHOD_BACKFILL;
  const bool is_planned = step->state() == RecoveryJob::STATE_PLANNED;
  // X counts back from the connect, which takes its time.
  absl::Duration lead = reconnects && is_planned ? kReconnectTime : absl::ZeroDuration();
  bool too_late = step->has_deadline() && facts.now + lead >= ToTime(step->deadline());
  if (is_planned) {
    if (too_late) return FailStep(job, step, "X no longer has it", facts);
    if (!MayStart(*step, facts) || !StillWanted(*job, step, facts)) return;
    return Start(job, step, facts, changes);
  }
  // What it brings from now on could stand twice.
  too_late = too_late || IntervalOf(step->fetch_range()).from < absl::ToUnixMicros(facts.floor);
  const WorkTable::Entry* entry = work_->Find(step->work());
  if (entry == nullptr) return TryAgain(job, step, "its work was forgotten", facts.now, facts);
  if (reconnects && IsAutomatic(job->job()) && IsCovered(*job, *step)) {
    // Its cover came before its worker's word.
    work_->Cancel(step->work(), changes);
    return SucceedCovered(step, facts.now);
  }
  step->set_worker_id(entry->state.worker_id());
  if (entry->state.state() == WorkState::STATE_QUEUED) {
    if (step->state() == RecoveryJob::STATE_RUNNING) step->set_state(RecoveryJob::STATE_QUEUED);
    if (too_late) work_->Cancel(step->work(), changes);
  } else if (entry->state.state() == WorkState::STATE_LEASED) {
    if (step->state() == RecoveryJob::STATE_QUEUED) step->set_state(RecoveryJob::STATE_RUNNING);
    if (!step->has_start_time()) SetTime(facts.now, step->mutable_start_time());
    if (too_late) work_->Cancel(step->work(), changes);
    step->mutable_totals()->set_received_bytes(entry->state.progress().totals().received_bytes());
  } else {
    EndAttempt(job, place, *entry, facts);
  }
}

bool RecoveryJobs::IsCovered(const Job& job, const Step& step) const {
  return Missing(job.job().partition(), IntervalOf(step.range()), false).empty();
}

void RecoveryJobs::SucceedCovered(Step* step, absl::Time now) {
  step->set_state(RecoveryJob::STATE_SUCCEEDED);
  step->set_proof("covered_meanwhile");
  SetTime(now, step->mutable_end_time());
}

// Time has passed since it was planned: somebody may have brought it, and the
// floor has risen. From now on the floor waits for it.
bool RecoveryJobs::StillWanted(const Job& job, Step* step, const Facts& facts) {
  Interval range = IntervalOf(step->range());
  if (IsAutomatic(job.job()) && IsCovered(job, *step)) {
    SucceedCovered(step, facts.now);
    return false;
  }
  Interval fetch = IntervalOf(step->fetch_range());
  int64_t lowest = absl::ToUnixMicros(Lowest(facts));
  if (fetch.from >= lowest) return true;
  // X takes whole minutes at the coarsest.
  fetch.from = (lowest + kMinuteMicros - 1) / kMinuteMicros * kMinuteMicros;
  range.from = std::max(range.from, fetch.from);
  if (range.empty()) {
    step->set_state(RecoveryJob::STATE_FAILED);
    step->set_error("the log's floor has passed it: what it brings could stand twice");
    SetTime(facts.now, step->mutable_end_time());
    return false;
  }
  *step->mutable_range() = RangeOf(range);
  *step->mutable_fetch_range() = RangeOf(fetch);
  return true;
}

bool RecoveryJobs::MayStart(const Step& step, const Facts& facts) const {
  if (facts.now < ToTime(step.earliest_start_time())) return false;
  if (facts.now < NotBefore(step.method())) return false;
  const RouteLimits* route = FindRoute(*options_.policy, step.method());
  // The configuration changed: the plan is made anew when the step fails.
  if (route == nullptr) return true;
  if (route->jobs > 0 && OpenSteps(step.method()) >= route->jobs) return false;
  return route->requests == 0 || RecentRequests(*route, facts.now) < route->requests;
}

int RecoveryJobs::RecentRequests(const RouteLimits& route, absl::Time now) const {
  int64_t oldest = absl::ToUnixMicros(now - route.request_window);
  const auto& starts = RequestsBy(route.method).start_micros();
  return static_cast<int>(
      std::count_if(starts.begin(), starts.end(), [&](int64_t micros) { return micros > oldest; }));
}

void RecoveryJobs::Start(Job* job, Step* step, const Facts& facts, WriteSet* changes) {
  WorkInput input;
  input.mutable_create()->set_requester(job->job().name());
  v1::RecoveryStep* work = input.mutable_create()->mutable_recovery_step();
  work->set_stream(options_.parent.substr(0, options_.parent.size() - 1));
  work->set_recovery_job(job->job().name());
  work->set_partition(job->job().partition());
  *work->mutable_step() = *step;
  const Interval fetch = IntervalOf(step->fetch_range());
  for (uint64_t id : job->job().post_ids()) {
    const int64_t created = absl::ToUnixMicros(SnowflakeTime(id));
    if (fetch.from <= created && created < fetch.until) work->add_post_ids(id);
  }
  const Job::StepState& state = job->steps(static_cast<int>(step->number()) - 1);
  absl::Time clean_end = absl::FromUnixMicros(state.clean_end_micros());
  if (state.clean_attempts() > 0 && facts.now >= clean_end + options_.policy->repeat_after) {
    work->set_last_keys_digest(state.keys_digest());
    SetTime(clean_end, work->mutable_last_end_time());
  }
  WorkAnswer answer = work_->Apply(input, absl::ToUnixMicros(facts.now), changes);
  // A full table has room at a later tick.
  if (answer.outcome != WorkAnswer::Outcome::kDone) return;
  step->set_work(answer.number);
  step->set_state(RecoveryJob::STATE_QUEUED);
  NoteRequest(step->method(), facts.now);
}

const RecoveryJobs::Requests& RecoveryJobs::RequestsBy(RecoveryMethod method) const {
  for (const Requests& requests : state_.requests()) {
    if (requests.method() == method) return requests;
  }
  return Requests::default_instance();
}

RecoveryJobs::Requests& RecoveryJobs::MutableRequestsBy(RecoveryMethod method) {
  for (Requests& requests : *state_.mutable_requests()) {
    if (requests.method() == method) return requests;
  }
  Requests* added = state_.add_requests();
  added->set_method(method);
  return *added;
}

absl::Time RecoveryJobs::NotBefore(RecoveryMethod method) const {
  return absl::FromUnixMicros(
      std::max(state_.not_before_micros(), RequestsBy(method).not_before_micros()));
}

RecoveryJobs::Wait RecoveryJobs::LongestWait() const {
  Wait longest{absl::FromUnixMicros(state_.not_before_micros()), state_.not_before_reason()};
  for (const Requests& requests : state_.requests()) {
    absl::Time until = absl::FromUnixMicros(requests.not_before_micros());
    if (until <= longest.until) continue;
    longest = {until,
               absl::StrCat(MethodWord(requests.method()), ": ", requests.not_before_reason())};
  }
  return longest;
}

void RecoveryJobs::NoteRequest(RecoveryMethod method, absl::Time now) {
  const RouteLimits* route = FindRoute(*options_.policy, method);
  if (route == nullptr || route->requests == 0) return;
  int64_t oldest = absl::ToUnixMicros(now - route->request_window);
  auto* starts = MutableRequestsBy(method).mutable_start_micros();
  starts->erase(std::remove_if(starts->begin(), starts->end(),
                               [&](int64_t micros) { return micros <= oldest; }),
                starts->end());
  starts->Add(absl::ToUnixMicros(now));
}

void RecoveryJobs::EndAttempt(Job* job, int place, const WorkTable::Entry& entry,
                              const Facts& facts) {
  Step* step = job->mutable_job()->mutable_steps(place);
  const v1::RecoveryResult& result = entry.state.recovery_result();
  step->set_work(0);
  SetTime(facts.now, step->mutable_end_time());
  step->mutable_totals()->set_received_bytes(result.totals().received_bytes());
  if (entry.state.state() == WorkState::STATE_DONE && result.complete()) {
    step->set_attempts(step->attempts() + 1);
    step->set_proof(result.proof());
    step->set_known_posts(result.known_posts());
    step->set_known_posts_missing(result.known_posts_missing());
    step->clear_error();
    // Of a lookup, which is one step.
    *job->mutable_job()->mutable_not_had_post_ids() = result.not_had_post_ids();
    return step->set_state(RecoveryJob::STATE_SUCCEEDED);
  }
  if (step->state() == RecoveryJob::STATE_CANCELLING) {
    return step->set_state(RecoveryJob::STATE_CANCELLED);
  }
  std::string error = entry.state.error().empty() ? result.message() : entry.state.error();
  if (entry.state.state() == WorkState::STATE_REFUSED) {
    return OnRefused(job, step, result, error, facts);
  }
  step->set_attempts(step->attempts() + 1);
  if (entry.state.state() == WorkState::STATE_INCOMPLETE && result.failed_ranges_size() > 0) {
    return SplitFailed(job, place, result, facts);
  }
  absl::Duration wait = RetryWait(*step);
  if (entry.state.state() == WorkState::STATE_INCOMPLETE && result.proof() == kProofCleanEnd) {
    Job::StepState* state = job->mutable_steps(place);
    state->set_clean_attempts(state->clean_attempts() + 1);
    state->set_keys_digest(result.keys_digest());
    state->set_clean_end_micros(absl::ToUnixMicros(facts.now));
    wait = options_.policy->repeat_after;
  }
  TryAgain(job, step, error, facts.now + wait, facts);
}

absl::Duration RecoveryJobs::RetryWait(const Step& step) const {
  return options_.retry_min * (int64_t{1} << std::min(step.attempts() - 1, 4u));
}

// The rest of it is vouched for.
void RecoveryJobs::SplitFailed(Job* job, int place, const v1::RecoveryResult& result,
                               const Facts& facts) {
  Step step = job->job().steps(place);
  job->mutable_job()->mutable_steps(place)->set_state(RecoveryJob::STATE_FAILED);
  job->mutable_job()->mutable_steps(place)->set_error(
      absl::StrCat("X could not deliver ", result.failed_ranges_size(), " parts of it"));
  Interval wanted = IntervalOf(step.range());
  for (const v1::TimeRange& range : result.failed_ranges()) {
    Interval part = Intersection(IntervalOf(range), wanted);
    if (part.empty()) continue;
    if (step.attempts() >= options_.attempts_max || job->job().steps_size() >= options_.steps_max) {
      return SpendRoute(job, step.method());
    }
    Step* rest = job->mutable_job()->add_steps();
    *rest = step;
    rest->set_number(static_cast<uint32_t>(job->job().steps_size()));
    rest->set_state(RecoveryJob::STATE_PLANNED);
    rest->clear_totals();
    rest->clear_start_time();
    rest->clear_end_time();
    *rest->mutable_range() = RangeOf(part);
    *rest->mutable_fetch_range() = range;
    SetTime(facts.now + options_.retry_min, rest->mutable_earliest_start_time());
    job->add_steps();
  }
}

bool RecoveryJobs::HasOtherRoute(const Job& job, const Step& step, const Facts& facts) const {
  const RecoveryMethod asked = job.job().method();
  for (const RouteLimits* route : RangeRoutes(*options_.policy)) {
    const bool is_spent = std::count(job.spent().begin(), job.spent().end(), route->method) > 0;
    const bool reaches = ToTime(step.range().start_time()) > facts.now - route->window;
    const bool may = asked == RecoveryJob::METHOD_UNSPECIFIED || asked == route->method;
    if (route->method != step.method() && !is_spent && reaches && may) return true;
  }
  return false;
}

void RecoveryJobs::OnRefused(Job* job, Step* step, const v1::RecoveryResult& result,
                             const std::string& error, const Facts& facts) {
  const std::string& refusal = result.refusal();
  if (refusal == "not_offered") return FailStep(job, step, error, facts);
  if (refusal == "range_refused") {
    // X's own trouble may say so once: the route is spent after some attempts.
    step->set_attempts(step->attempts() + 1);
    return TryAgain(job, step, error, facts.now + RetryWait(*step), facts);
  }
  const bool is_forbidden = refusal == "forbidden";
  const bool of_account = refusal == "credentials" || refusal == "usage_capped";
  const bool by_operator = of_account || is_forbidden;
  absl::Time until = facts.now + (by_operator ? options_.operator_wait : options_.refused_wait);
  if (result.has_retry_time()) {
    // X's word, but not for ever.
    until = std::clamp(ToTime(result.retry_time()), facts.now, facts.now + absl::Hours(24));
  }
  const int64_t micros = absl::ToUnixMicros(until);
  if (of_account) {
    state_.set_not_before_micros(std::max(state_.not_before_micros(), micros));
    state_.set_not_before_reason(error);
  } else {
    Requests& by = MutableRequestsBy(step->method());
    by.set_not_before_micros(std::max(by.not_before_micros(), micros));
    by.set_not_before_reason(error);
  }
  // X said no to whatever is asked: that is no attempt. But a route that the
  // account may not use at all is left for another, if there is one.
  if (is_forbidden && HasOtherRoute(*job, *step, facts)) step->set_attempts(step->attempts() + 1);
  TryAgain(job, step, error, until, facts);
}

void RecoveryJobs::TryAgain(Job* job, Step* step, const std::string& error, absl::Time earliest,
                            const Facts& facts) {
  step->set_work(0);
  if (step->state() == RecoveryJob::STATE_CANCELLING) {
    return step->set_state(RecoveryJob::STATE_CANCELLED);
  }
  if (step->attempts() >= options_.attempts_max) return FailStep(job, step, error, facts);
  step->set_state(RecoveryJob::STATE_PLANNED);
  step->set_error(error);
  step->clear_start_time();
  SetTime(earliest, step->mutable_earliest_start_time());
}

void RecoveryJobs::FailStep(Job* job, Step* step, const std::string& error, const Facts& facts) {
  step->set_state(RecoveryJob::STATE_FAILED);
  step->set_error(error);
  SetTime(facts.now, step->mutable_end_time());
  SpendRoute(job, step->method());
}

void RecoveryJobs::SpendRoute(Job* job, RecoveryMethod method) {
  if (std::count(job->spent().begin(), job->spent().end(), method) == 0) job->add_spent(method);
}

}  // namespace braid
