#include "recovery/recovery_worker.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/utc_text.h"
#include "proto/enum_word.h"
#include "proto/proto_time.h"
#include "proto/recovery_terms.h"
#include "proto/time_range.h"

namespace braid {
namespace {

using Stop = FetchEvidence::Stop;

// RecoveryResult.refusal, and what an answer is that is none of them.
constexpr absl::string_view kRefusals[] = {"too_many_jobs", "rate_limited", "usage_capped",
                                           "credentials",   "forbidden",    "range_refused",
                                           "not_offered",   "other"};
constexpr absl::string_view kNotOffered = "not_offered";
constexpr absl::string_view kRangeRefused = "range_refused";

size_t RefusalIndex(absl::string_view refusal) {
  size_t index = 0;
  while (index + 1 < std::size(kRefusals) && kRefusals[index] != refusal) ++index;
  return index;
}

// No socket stood, so X counted nothing.
bool IsUnreached(const FetchEvidence& evidence) {
  Cause cause = evidence.verdict.cause;
  return evidence.stop == FetchEvidence::Stop::kFailed &&
         (cause == Cause::kDns || cause == Cause::kConnect || cause == Cause::kTls);
}

// Whether the fetch for one brings what the other wants: dedupers that heard of an
// outage at different moments may want a little less of it.
bool Serves(const v1::RecoveryStep& fetched, const v1::RecoveryStep& wanted) {
  Interval has = IntervalOf(fetched.step().fetch_range());
  Interval wants = IntervalOf(wanted.step().fetch_range());
  const auto& ids = fetched.post_ids();
  return fetched.step().method() == wanted.step().method() &&
         fetched.partition() == wanted.partition() && has.from <= wants.from &&
         wants.until <= has.until &&
         std::equal(ids.begin(), ids.end(), wanted.post_ids().begin(), wanted.post_ids().end());
}

}  // namespace

RecoveryWorker::RecoveryWorker(Loop& loop, Random& random, Spool& spool,
                               const std::vector<WorkClient*>& dedupers, const Options& options,
                               FetchMaker maker, const Windows& windows, std::function<void()> save)
    : loop_(loop),
      spool_(spool),
      options_(options),
      maker_(std::move(maker)),
      save_(std::move(save)) {
  WorkSeat::Options place;
  place.renew_interval = options.renew_interval;
  place.ask_interval = options.ask_interval;
  place.request.set_worker_id(options.worker_id);
  place.request.set_network(options.network);
  place.request.set_stream(options.stream);
  place.request.set_kind(v1::LeaseRequest::KIND_RECOVERY);
  SetDuration(options.lease_wait, place.request.mutable_wait());
  for (const auto& [method, window] : windows) {
    place.request.add_methods(method);
    routes_.emplace(std::piecewise_construct, std::forward_as_tuple(method),
                    std::forward_as_tuple(window, random, options.backoff));
  }
  for (size_t i = 0; i < dedupers.size(); ++i) {
    for (int n = 0; n < options.jobs; ++n) {
      seats_.push_back(std::make_unique<Seat>());
      seats_.back()->deduper = static_cast<int>(i);
      seats_.back()->place = std::make_unique<WorkSeat>(loop, *dedupers[i], place,
                                                        static_cast<WorkSeatHandler*>(this));
    }
  }
}

void RecoveryWorker::Start() {
  next_report_ = loop_.Now() + options_.report_interval;
  for (auto& seat : seats_) seat->place->Start();
  Tick();
}

// --- leases ---

RecoveryWorker::Seat* RecoveryWorker::SeatOf(const WorkSeat& place) {
  auto found = std::find_if(seats_.begin(), seats_.end(),
                            [&](const auto& seat) { return seat->place.get() == &place; });
  return found->get();
}

// It ended cleanly and has nothing to be compared with yet: the ordinary course
// where X ends without a record.
bool RecoveryWorker::IsFirstOfTwo(const Job& job) {
  bool has_other = job.step.has_last_end_time() ||
                   std::any_of(job.seats.begin(), job.seats.end(), [](const Seat* seat) {
                     return seat->place->work().recovery_step().has_last_end_time();
                   });
  return job.outcome->result.proof() == kProofCleanEnd && !has_other;
}

RecoveryWorker::Job* RecoveryWorker::JobOf(const Seat* seat) {
  for (Job& job : jobs_) {
    if (std::find(job.seats.begin(), job.seats.end(), seat) != job.seats.end()) return &job;
  }
  return nullptr;
}

RecoveryWorker::Job* RecoveryWorker::JobLike(const v1::RecoveryStep& step) {
  for (Job& job : jobs_) {
    // One that everybody was told of is over.
    if (!job.seats.empty() && Serves(job.step, step)) return &job;
  }
  return nullptr;
}

int RecoveryWorker::running() const {
  return static_cast<int>(std::count_if(jobs_.begin(), jobs_.end(),
                                        [](const Job& job) { return job.fetch != nullptr; }));
}

void RecoveryWorker::OnTaken(WorkSeat& place) {
  Seat* seat = SeatOf(place);
  if (!place.work().has_recovery_step()) {
    v1::CompleteRequest request;
    request.set_outcome(v1::CompleteRequest::OUTCOME_FAILED);
    request.set_error("this worker does not know such work");
    return place.Complete(std::move(request));
  }
  const v1::RecoveryStep& step = place.work().recovery_step();
  Job* job = JobLike(step);
  if (job == nullptr) {
    jobs_.emplace_back();
    job = &jobs_.back();
    job->step = step;
  }
  job->seats.push_back(seat);
  if (job->outcome.has_value()) return CompleteAcknowledged(job);
  StartNext();
}

void RecoveryWorker::OnCancelled(WorkSeat& place) {
  v1::CompleteRequest request;
  request.set_outcome(v1::CompleteRequest::OUTCOME_INCOMPLETE);
  request.set_error("cancelled");
  Leave(SeatOf(place));
  place.Complete(std::move(request));
}

void RecoveryWorker::OnLost(WorkSeat& place) {
  lost_leases_.Increment();
  Leave(SeatOf(place));
}

void RecoveryWorker::Leave(Seat* seat) {
  Job* job = JobOf(seat);
  if (job == nullptr) return;
  job->seats.erase(std::find(job->seats.begin(), job->seats.end(), seat));
  if (job->seats.empty()) Stop(job);
}

void RecoveryWorker::Stop(Job* job) {
  if (job->fetch != nullptr) {
    Log(LogLevel::kWarn, "recovery_stopped", "nobody waits for this fetch any more",
        {{"stream", options_.stream}, {"job", job->step.recovery_job()}});
    routes_.at(job->step.step().method()).window->OnReached(job->ticket, loop_.Now());
  }
  jobs_.remove_if([job](const Job& each) { return &each == job; });
  loop_.Post(owner_.Wrap([this] { StartNext(); }));
}

// --- X ---

bool RecoveryWorker::MayStart(const Job& job) {
  if (!job.is_waiting() || running() >= options_.jobs) return false;
  auto route = routes_.find(job.step.step().method());
  // What is not offered is refused at once.
  if (route == routes_.end()) return true;
  return route->second.not_before <= loop_.Now() &&
         route->second.window->Wait(loop_.Now()) == absl::ZeroDuration();
}

void RecoveryWorker::StartNext() {
  for (Job& job : jobs_) {
    if (MayStart(job)) StartFetch(&job);
  }
  running_.Set(running());
  waiting_.Set(static_cast<double>(
      std::count_if(jobs_.begin(), jobs_.end(), [](const Job& job) { return job.is_waiting(); })));
}

bool RecoveryWorker::MayTakeMore() const {
  bool one_waits =
      std::any_of(jobs_.begin(), jobs_.end(), [](const Job& job) { return job.is_waiting(); });
  return !one_waits && std::any_of(routes_.begin(), routes_.end(), [this](const auto& route) {
    return route.second.not_before <= loop_.Now();
  });
}

void RecoveryWorker::StartFetch(Job* job) {
  auto route = routes_.find(job->step.step().method());
  if (route == routes_.end()) return Refuse(job, kNotOffered, "not offered here");
  // It waited here for others.
  const v1::RecoveryJob::Step& step = job->step.step();
  bool too_late = step.has_deadline() && loop_.WallNow() >= ToTime(step.deadline());
  if (too_late) return Refuse(job, kRangeRefused, "X no longer has it");
  job->first_offset = *spool_.EndOffset(spool_.epoch());
  job->damaged_reads = spool_.metrics().damaged_reads.value();
  job->start_time = loop_.Now();
  // Written down before it is sent: X counts what a process asked that ended.
  AttemptWindow& window = *route->second.window;
  job->ticket = window.Begin(loop_.Now());
  save_();
  auto fetch = maker_(job->step, spool_, owner_.Wrap([this, job](FetchEvidence evidence) {
    OnFetchEnd(job, std::move(evidence));
  }));
  if (!fetch.ok()) {
    window.OnUnreached(job->ticket);
    return Refuse(job, kNotOffered, fetch.status().message());
  }
  job->fetch = *std::move(fetch);
  Log(LogLevel::kInfo, "recovery_started", "X is asked for a past range",
      {{"stream", options_.stream},
       {"job", job->step.recovery_job()},
       {"step", job->step.step().number()},
       {"method", v1::RecoveryJob::Method_Name(job->step.step().method())},
       {"from", UtcText(ToTime(job->step.step().fetch_range().start_time()))},
       {"until", UtcText(ToTime(job->step.step().fetch_range().end_time()))}});
}

void RecoveryWorker::Refuse(Job* job, absl::string_view refusal, absl::string_view error) {
  FetchOutcome outcome;
  outcome.outcome = v1::CompleteRequest::OUTCOME_REFUSED;
  outcome.error = std::string(error);
  outcome.result.set_refusal(std::string(refusal));
  refusals_[RefusalIndex(refusal)].Increment();
  job->outcome = std::move(outcome);
  loop_.Post(owner_.Wrap([this] { Sweep(); }));
}

void RecoveryWorker::OnFetchEnd(Job* job, FetchEvidence evidence) {
  job->fetch.reset();
  if (IsLost(*job)) evidence.stop = Stop::kLost;
  std::vector<v1::RecoveryStep> steps = {job->step};
  for (Seat* seat : job->seats) steps.push_back(seat->place->work().recovery_step());
  job->outcome = Judge(evidence, steps);
  AppendCovers(job);
  NoteEnd(*job, evidence);
  CompleteAcknowledged(job);
  StartNext();
}

absl::Duration RecoveryWorker::DelayAfter(const Job& job, const FetchEvidence& evidence,
                                          Route* route) {
  absl::Time now = loop_.Now();
  if (evidence.stop == Stop::kClean || evidence.stop == Stop::kLost) {
    // X serves us: what went wrong before is over.
    route->backoff.Next({}, absl::InfiniteDuration(), now);
    return absl::ZeroDuration();
  }
  Verdict verdict = evidence.verdict;
  // Of this range; another may be in order.
  if (verdict.cause == Cause::kBadRequest) verdict.retry = RetryClass::kHttp;
  absl::Duration delay = route->backoff.Next(verdict, now - job.start_time, now);
  route->not_before = now + delay;
  route->why = std::string(CauseWord(verdict.cause));
  return delay;
}

void RecoveryWorker::NoteEnd(const Job& job, const FetchEvidence& evidence) {
  Route& route = routes_.at(job.step.step().method());
  if (IsUnreached(evidence)) {
    route.window->OnUnreached(job.ticket);
  } else {
    route.window->OnReached(job.ticket, loop_.Now());
  }
  save_();
  absl::Duration delay = DelayAfter(job, evidence, &route);
  ends_[job.outcome->outcome].Increment();
  events_.Add(evidence.events);
  bytes_.Add(evidence.bytes);
  if (evidence.stop == Stop::kRefused) {
    refusals_[RefusalIndex(job.outcome->result.refusal())].Increment();
  }
  bool is_done = job.outcome->outcome == v1::CompleteRequest::OUTCOME_DONE;
  bool is_half = !is_done && IsFirstOfTwo(job);
  Log(is_done || is_half ? LogLevel::kInfo : LogLevel::kWarn, "recovery_ended",
      is_done   ? "everything of the range came"
      : is_half ? "X is asked once more: the same again proves that everything came"
                : "not everything of the range is proved to be here",
      {{"stream", options_.stream},
       {"job", job.step.recovery_job()},
       {"step", job.step.step().number()},
       {"events", evidence.events},
       {"proof", job.outcome->result.proof()},
       {"error", job.outcome->error},
       {"http_status", evidence.http_status},
       {"next_attempt_in", delay}});
}

void RecoveryWorker::AppendCovers(Job* job) {
  for (const Interval& interval : job->outcome->covers) {
    v1::SessionRecord record;
    v1::Cover* cover = record.mutable_cover();
    *cover->mutable_create_time_range() = RangeOf(interval);
    cover->set_origin(v1::EVENT_ORIGIN_RECOVERY);
    cover->set_partition(job->step.partition());
    cover->set_first_offset(job->first_offset);
    spool_.Append(std::move(record));
    covers_.Increment();
  }
  job->end_offset = *spool_.EndOffset(spool_.epoch());
}

bool RecoveryWorker::IsLost(const Job& job) const {
  return spool_.HasLossFrom(job.first_offset) ||
         spool_.metrics().damaged_reads.value() != job.damaged_reads;
}

// --- telling ---

void RecoveryWorker::CompleteAcknowledged(Job* job) {
  // Given up before everybody had it: its cover is void where it was not.
  bool rests_on_it =
      !job->outcome->covers.empty() || job->outcome->outcome == v1::CompleteRequest::OUTCOME_DONE;
  if (rests_on_it && IsLost(*job)) {
    GiveUp(&*job->outcome);
    rests_on_it = false;
  }
  std::vector<Seat*> seats = job->seats;
  for (Seat* seat : seats) {
    bool has_it = spool_.AcknowledgedOffset(seat->deduper) >= job->end_offset;
    if (!rests_on_it || has_it) Complete(job, seat);
  }
}

void RecoveryWorker::Complete(Job* job, Seat* seat) {
  job->seats.erase(std::find(job->seats.begin(), job->seats.end(), seat));
  v1::CompleteRequest request;
  request.set_outcome(job->outcome->outcome);
  request.set_error(job->outcome->error);
  *request.mutable_recovery_result() = job->outcome->result;
  seat->place->Complete(std::move(request));
}

void RecoveryWorker::Report() {
  if (loop_.Now() < next_report_) return;
  next_report_ = loop_.Now() + options_.report_interval;
  for (const Job& job : jobs_) {
    v1::WorkProgress progress;
    auto route = routes_.find(job.step.step().method());
    if (job.fetch != nullptr) {
      FetchProgress reached = job.fetch->Progress();
      progress.mutable_totals()->set_received_events(reached.events);
      progress.mutable_totals()->set_received_bytes(reached.bytes);
      if (reached.reached != absl::InfinitePast()) {
        SetTime(reached.reached, progress.mutable_reached_time());
      }
    } else if (job.outcome.has_value()) {
      *progress.mutable_totals() = job.outcome->result.totals();
      progress.set_message("waits until the deduper has everything");
    } else if (route != routes_.end() && route->second.not_before > loop_.Now()) {
      absl::Duration wait = route->second.not_before - loop_.Now();
      progress.set_message(
          absl::StrCat("waits for ", absl::ToInt64Seconds(wait), " s: ", route->second.why));
    } else {
      progress.set_message("waits for another fetch to end");
    }
    for (Seat* seat : job.seats) seat->place->Report(progress);
  }
}

void RecoveryWorker::Sweep() {
  for (auto& seat : seats_) {
    Job* job = JobOf(seat.get());
    if (job != nullptr && !job->outcome.has_value()) seat->place->CheckLease();
  }
  for (Job& job : jobs_) {
    if (job.outcome.has_value()) CompleteAcknowledged(&job);
  }
  jobs_.remove_if([](const Job& job) { return job.seats.empty(); });
  StartNext();
  bool asks = MayTakeMore();
  for (auto& seat : seats_) seat->place->SetAsking(asks);
}

void RecoveryWorker::Tick() {
  Sweep();
  Report();
  loop_.After(options_.tick_interval, owner_.Wrap([this] { Tick(); }));
}

void RecoveryWorker::CollectMetrics(MetricSink& sink, const MetricLabels& labels) const {
  auto with = [&](const char* name, std::string value) {
    MetricLabels all = labels;
    all.emplace_back(name, std::move(value));
    return all;
  };
  for (int i = 1; i < v1::CompleteRequest::Outcome_ARRAYSIZE; ++i) {
    auto outcome = static_cast<v1::CompleteRequest::Outcome>(i);
    sink.AddCounter(
        "braid_recovery_fetches_total", "Past ranges asked of X, by how it ended.",
        with("outcome", EnumLabel(v1::CompleteRequest::Outcome_Name(outcome), "OUTCOME_")),
        static_cast<double>(ends_[i].value()));
  }
  for (size_t i = 0; i < std::size(kRefusals); ++i) {
    sink.AddCounter("braid_recovery_refusals_total", "Of those that X refused: why.",
                    with("reason", std::string(kRefusals[i])),
                    static_cast<double>(refusals_[i].value()));
  }
  sink.AddCounter("braid_recovery_received_events_total", "Events fetched again.", labels,
                  static_cast<double>(events_.value()));
  sink.AddCounter("braid_recovery_received_bytes_total", "Bytes of them as X sent them.", labels,
                  static_cast<double>(bytes_.value()));
  sink.AddCounter("braid_recovery_covers_total", "Spans vouched for.", labels,
                  static_cast<double>(covers_.value()));
  sink.AddCounter("braid_recovery_lost_leases_total", "Steps that somebody else was given.", labels,
                  static_cast<double>(lost_leases_.value()));
  sink.AddGauge("braid_recovery_fetches_running", "Past ranges X is asked for now.", labels,
                running_.value());
  sink.AddGauge("braid_recovery_fetches_waiting", "Leased, and not begun: limits of X.", labels,
                waiting_.value());
}

}  // namespace braid
