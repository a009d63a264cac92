#include "ingest/rest_worker.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "ingest/x_error.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

// Between the end of a write as we see it and the end of our lease as the
// deduper sees it: more than a packet stays under way.
constexpr absl::Duration kLeaseMargin = absl::Seconds(5);

// X's windows are of 15 minutes; beyond that its header is wrong.
constexpr absl::Duration kLimitMax = absl::Minutes(16);

// X counts by whole seconds.
constexpr absl::Duration kLimitMargin = absl::Seconds(1);

absl::optional<int64_t> NumberHeader(const HttpHead& head, const char* name) {
  auto found = head.headers.find(name);
  int64_t number = 0;
  if (found == head.headers.end() || !absl::SimpleAtoi(found->second, &number)) {
    return absl::nullopt;
  }
  return number;
}

v1::CompleteRequest::Outcome OutcomeOf(const absl::Status& status) {
  return status.ok() ? v1::CompleteRequest::OUTCOME_DONE : v1::CompleteRequest::OUTCOME_REFUSED;
}

}  // namespace

RestWorker::RestWorker(Loop& loop, HttpClient& http, std::vector<WorkClient*> dedupers,
                       Options options, Authorization authorization)
    : loop_(loop),
      http_(http),
      options_(std::move(options)),
      authorization_(std::move(authorization)) {
  WorkSeat::Options seat;
  seat.request.set_worker_id(options_.worker_id);
  seat.request.set_network(options_.network);
  seat.request.set_stream(options_.stream);
  SetDuration(options_.lease_wait, seat.request.mutable_wait());
  seat.renew_interval = options_.renew_interval;
  seat.ask_interval = options_.ask_interval;
  for (WorkClient* client : dedupers) {
    desks_.push_back(std::make_unique<Desk>());
    desks_.back()->client = client;
    desks_.back()->seat =
        std::make_unique<WorkSeat>(loop, *client, seat, static_cast<WorkSeatHandler*>(this));
  }
}

void RestWorker::Start() {
  next_list_ = loop_.Now();
  for (auto& desk : desks_) desk->seat->Start();
  Watch();
}

// --- the dedupers ---

void RestWorker::OnTaken(WorkSeat&) { StartNext(); }

void RestWorker::OnLost(WorkSeat& seat) {
  lost_leases_.Increment();
  if (desk_ != nullptr && desk_->seat.get() == &seat) FinishJob();
}

void RestWorker::Tell(Desk* desk) {
  if (!desk->news.has_value() || desk->is_telling) return;
  desk->is_telling = true;
  v1::ReportRulesRequest request;
  request.set_stream(options_.stream);
  *request.mutable_rule_set() = *std::exchange(desk->news, absl::nullopt);
  desk->client->ReportRules(
      request, owner_.Wrap([this, desk, told = request.rule_set()](auto response) {
        desk->is_telling = false;
        // Again by Watch, unless there is something newer by then.
        if (!response.ok() && !IsStaleLease(response.status()) && !desk->news.has_value()) {
          desk->news = told;
        }
      }));
}

void RestWorker::Watch() {
  for (auto& desk : desks_) Tell(desk.get());
  StartNext();
  absl::Duration until_list = std::max(next_list_ - loop_.Now(), options_.ask_interval);
  loop_.After(std::min(options_.renew_interval, until_list), owner_.Wrap([this] { Watch(); }));
}

// --- X ---

void RestWorker::StartNext() {
  if (job_ != nullptr) return;
  desk_ = nullptr;
  for (auto& desk : desks_) {
    if (desk->seat->is_working()) desk_ = desk.get();
  }
  v1::RuleAction action;
  if (desk_ != nullptr) {
    if (!desk_->seat->work().has_rule_action()) {
      return EndJob(v1::CompleteRequest::OUTCOME_FAILED, "this worker does not know such work", {});
    }
    action = desk_->seat->work().rule_action();
  } else if (next_list_ <= loop_.Now()) {
    action.set_kind(v1::RuleAction::KIND_LIST);
    next_list_ = loop_.Now() + options_.list_interval;
  } else {
    return;
  }
  job_ = std::make_unique<RuleJob>(options_.api.dialect, options_.limits, std::move(action));
  job_start_ = loop_.Now();
  failures_ = 0;
  Step();
}

bool RestWorker::OutlastsWrite(const Desk& desk) const {
  return loop_.Now() + options_.call.timeout + kLeaseMargin <= desk.seat->lease_end();
}

void RestWorker::StepLater(absl::Duration delay) {
  loop_.Cancel(step_timer_);
  step_timer_ = loop_.After(delay, owner_.Wrap([this] { Step(); }));
}

void RestWorker::Step() {
  if (job_ == nullptr || call_ != nullptr) return;
  if (job_->is_ended()) {
    RuleJob::End end = job_->TakeEnd();
    return EndJob(OutcomeOf(end.status), std::string(end.status.message()), std::move(end.result));
  }
  if (not_before_ > loop_.Now()) return StepLater(not_before_ - loop_.Now());
  absl::StatusOr<std::string> authorization = authorization_();
  if (!authorization.ok()) return GiveUp(std::string(authorization.status().message()));
  RuleApi api = options_.api;
  api.authorization = *std::move(authorization);
  absl::optional<RuleJob::Call> call = job_->Next(api);
  if (call->is_write && !OutlastsWrite(*desk_)) {
    desk_->seat->Renew();
    return StepLater(options_.ask_interval);
  }
  Send(*call);
}

void RestWorker::Send(const RuleJob::Call& call) {
  requests_.Increment();
  call_ = std::make_unique<RestCall>(loop_, http_, call.request, options_.call,
                                     [this](RestAnswer answer) {
                                       call_.reset();
                                       OnAnswer(std::move(answer));
                                     });
}

absl::Time RestWorker::XTimeOf(const RestAnswer& answer) const {
  return DateOf(answer.head).value_or(loop_.WallNow());
}

void RestWorker::NoteLimits(const RestAnswer& answer) {
  not_before_ = std::max(not_before_, loop_.Now() + options_.request_interval);
  absl::optional<int64_t> remaining = NumberHeader(answer.head, "x-rate-limit-remaining");
  absl::optional<int64_t> reset = NumberHeader(answer.head, "x-rate-limit-reset");
  is_limited_ = reset.has_value() && (remaining.value_or(1) <= 0 || answer.status == 429);
  if (!is_limited_) return;
  absl::Duration wait = absl::FromUnixSeconds(*reset) - XTimeOf(answer) + kLimitMargin;
  wait = std::clamp(wait, absl::ZeroDuration(), kLimitMax);
  not_before_ = std::max(not_before_, loop_.Now() + wait);
}

absl::Duration RestWorker::LimitedDelay() const {
  if (is_limited_) return std::max(not_before_ - loop_.Now(), absl::ZeroDuration());
  return options_.limited_wait;
}

void RestWorker::OnAnswer(RestAnswer answer) {
  // Doubling from the least to the most.
  absl::Duration delay =
      std::min(options_.retry_max, options_.retry_min * (1 << std::min(failures_, 10)));
  if (answer.status == 0) return Retry(delay, answer.failure);
  NoteLimits(answer);
  RuleJob::Verdict verdict = job_->OnAnswer(answer.status, answer.body, XTimeOf(answer));
  if (verdict == RuleJob::Verdict::kLater) {
    return Retry(answer.status == 429 ? LimitedDelay() : delay,
                 absl::StrCat("X answered ", answer.status));
  }
  failures_ = 0;
  ReportProgress("");
  Step();
}

void RestWorker::Retry(absl::Duration delay, const std::string& why) {
  ++failures_;
  failed_requests_.Increment();
  if (loop_.Now() + delay > job_start_ + options_.job_max) return GiveUp(why);
  Log(LogLevel::kWarn, "rest_call_failed", "a request to X is tried again",
      {{"stream", options_.stream}, {"error", why}, {"delay_seconds", delay}});
  ReportProgress(absl::StrCat(why, "; tries again in ", absl::ToInt64Seconds(delay), " s"));
  StepLater(delay);
}

void RestWorker::GiveUp(const std::string& why) {
  EndJob(v1::CompleteRequest::OUTCOME_FAILED, why, {});
}

void RestWorker::ReportProgress(const std::string& message) {
  if (desk_ == nullptr || job_->is_ended()) return;
  v1::WorkProgress progress;
  progress.set_done(job_->done_requests());
  progress.set_total(job_->total_requests());
  progress.set_message(message);
  desk_->seat->Report(progress);
}

void RestWorker::EndJob(v1::CompleteRequest::Outcome outcome, const std::string& error,
                        v1::RuleResult result) {
  if (result.has_rule_set()) {
    for (auto& desk : desks_) desk->news = result.rule_set();
    // Known now; also spares X a list.
    next_list_ = loop_.Now() + options_.list_interval;
  }
  if (!error.empty()) {
    Log(LogLevel::kWarn, "work_refused", "a task ended without success",
        {{"stream", options_.stream}, {"error", error}});
  }
  if (desk_ != nullptr) {
    tasks_.Increment();
    v1::CompleteRequest request;
    request.set_outcome(outcome);
    request.set_error(error);
    *request.mutable_rule_result() = std::move(result);
    desk_->seat->Complete(std::move(request));
  }
  for (auto& desk : desks_) Tell(desk.get());
  FinishJob();
}

void RestWorker::FinishJob() {
  // Closes the socket; what X has of it is settled by the next one's list.
  call_.reset();
  loop_.Cancel(step_timer_);
  job_.reset();
  desk_ = nullptr;
  loop_.Post(owner_.Wrap([this] { StartNext(); }));
}

void RestWorker::CollectMetrics(MetricSink& sink, const MetricLabels& labels) const {
  sink.AddCounter("braid_worker_requests_total", "Requests to X's JSON endpoints.", labels,
                  static_cast<double>(requests_.value()));
  sink.AddCounter("braid_worker_failed_requests_total", "Of those, tried again.", labels,
                  static_cast<double>(failed_requests_.value()));
  sink.AddCounter("braid_worker_tasks_total", "Tasks of dedupers that ended here.", labels,
                  static_cast<double>(tasks_.value()));
  sink.AddCounter("braid_worker_lost_leases_total", "Tasks that somebody else was given.", labels,
                  static_cast<double>(lost_leases_.value()));
}

}  // namespace braid
