#include "ingest/connection.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"
#include "base/log.h"
#include "proto/proto_time.h"

namespace braid {

Connection::Connection(Loop& loop, HttpClient& http, RecordSink& sink, Random& random,
                       const Options& options, TokenSource token, AttemptGate* gate)
    : loop_(loop),
      http_(http),
      sink_(sink),
      options_(options),
      token_(std::move(token)),
      gate_(gate),
      clock_(loop.WallNow(), loop.Now()),
      cover_(options.cover),
      framer_(options.framer),
      backoff_(random, options.backoff),
      feed_(options.request.dialect->unknown),
      reconnect_watch_(options.reconnect_watch),
      control_tokens_(options.control_burst),
      control_tokens_time_(loop.Now()) {
  SetState(State::STATE_IDLE);
}

Connection::~Connection() {
  for (Loop::TimerId timer :
       {retry_timer_, watch_timer_, frame_timer_, cover_timer_, close_timer_, hold_timer_}) {
    loop_.Cancel(timer);
  }
  if (!attempt_) return;
  http_.Close(attempt_->request_id);
  attempt_->reader->Detach();
}

void Connection::Start() { StepLater(Input::kStart, absl::ZeroDuration(), &retry_timer_); }

void Connection::Reconnect() {
  wants_all_backfill_ = true;
  CloseFor(Input::kReconnect, {RetryClass::kImmediate, Cause::kRequested});
}

void Connection::Pause() {
  if (std::exchange(pause_wanted_, true)) return;
  backfill_from_ = absl::InfiniteFuture();
  loop_.Cancel(retry_timer_);
  CloseFor(Input::kPause, {RetryClass::kImmediate, Cause::kRequested});
}

void Connection::Resume() {
  if (std::exchange(pause_wanted_, false)) Step(Input::kResume);
}

void Connection::Drain(absl::AnyInvocable<void()> done) {
  drained_ = std::move(done);
  loop_.Cancel(retry_timer_);
  CloseFor(Input::kDrain, {RetryClass::kOk, Cause::kDrain});
}

void Connection::Step(Input input) {
  absl::optional<ConnectionStep> step = NextConnectionStep(state_, input);
  BRAID_CHECK(step.has_value());
  SetState(step->next);
  const ConnectionEffects effects = step->effects;
  if (effects.close) CloseSocket();
  if (effects.lose) LoseUnread();
  if (effects.end) EndAttempt(effects.wait);
  if (effects.stop_event) AppendEvent(CauseWord(Cause::kDrain), "");
  if (effects.pause_event) AppendEvent("paused", "");
  if (effects.wait && pause_wanted_) return Step(Input::kPause);
  if (effects.wait) StepLater(Input::kDue, wait_delay_, &retry_timer_);
  if (effects.wait_rest) {
    absl::Duration left = std::max(absl::ZeroDuration(), next_attempt_time_ - loop_.Now());
    StepLater(Input::kDue, left, &retry_timer_);
  }
  // A later turn: the caller may destroy us in it.
  if (effects.tell_drained) loop_.Post(std::move(drained_));
  if (effects.open) Open();
}

void Connection::StepLater(Input input, absl::Duration delay, Loop::TimerId* timer) {
  *timer = loop_.After(delay, owner_.Wrap([this, input, timer] {
    *timer = 0;
    if (input == Input::kStart || input == Input::kDue) return BeginAttempt(input);
    Step(input);
  }));
}

void Connection::BeginAttempt(Input input) {
  held_for_.clear();
  AttemptGate::Answer answer;
  if (gate_ != nullptr) answer = gate_->Ask(loop_.Now());
  if (answer.wait <= absl::ZeroDuration()) return Step(input);
  held_for_ = std::string(answer.reason);
  wait_delay_ = answer.wait;
  next_attempt_time_ = loop_.Now() + answer.wait;
  (held_for_ == "budget" ? counters_.held_for_budget : counters_.held_for_peer).Increment();
  Log(LogLevel::kInfo, "connection_held", "the next attempt waits for others of its account",
      {{"connection", options_.request.connection},
       {"reason", held_for_},
       {"next_attempt_in", answer.wait}});
  Step(Input::kHeld);
}

int Connection::BackfillNow() const {
  absl::optional<absl::Duration> since_last_byte;
  if (last_byte_time_ != absl::InfinitePast() && !wants_all_backfill_) {
    since_last_byte = loop_.Now() - last_byte_time_;
  }
  int minutes = BackfillMinutes(options_.backfill, since_last_byte, after_full_buffer_);
  if (backfill_from_ == absl::InfinitePast() || minutes == 0) return minutes;
  if (backfill_from_ == absl::InfiniteFuture()) return 0;
  // Less than a minute of the pause is bought rather than anything after it lost.
  double since_pause =
      std::ceil(absl::FDivDuration(loop_.Now() - backfill_from_, absl::Minutes(1)));
  return static_cast<int>(std::min<double>(minutes, since_pause));
}

void Connection::SetState(ConnectionState state) {
  state_ = state;
  counters_.state.Set(state);
}

void Connection::Open() {
  BRAID_CHECK(!attempt_);
  counters_.attempts.Increment();
  ++attempts_;
  attempt_.emplace();
  attempt_->open_time = loop_.Now();
  attempt_->backfill_minutes = BackfillNow();
  attempt_->reader =
      std::make_shared<StreamReader>(loop_, static_cast<StreamConsumer*>(this), options_.reader);
  absl::StatusOr<std::string> token = token_();
  absl::StatusOr<HttpRequest> request =
      token.ok() ? BuildRequest(options_.request, *token, attempt_->backfill_minutes)
                 : absl::StatusOr<HttpRequest>(token.status());
  if (!request.ok()) {
    attempt_->closed_for = Verdict{RetryClass::kHttp, Cause::kToken};
    attempt_->remark = request.status().ToString();
    Step(Input::kNoRequest);
    return;
  }
  attempt_->request_id = http_.Open(*std::move(request), attempt_->reader);
  watch_timer_ = loop_.After(options_.stall_after, owner_.Wrap([this] { Watch(); }));
}

void Connection::OnStreamConnected() {
  CountRequest();
  Step(Input::kConnected);
}

void Connection::CountRequest() {
  if (!std::exchange(attempt_->request_counted, true)) backoff_.OnRequest(loop_.Now());
}

void Connection::OnStreamHead(const HttpHead& head, absl::Time now) {
  CountRequest();
  attempt_->head = head;
  if (gate_ != nullptr) gate_->OnReached(loop_.Now());
  Step(attempt_->established() ? Input::kAccepted : Input::kRefused);
  if (attempt_->established()) return Accept(now);
  if (state_ != State::STATE_REFUSED) return;
  loop_.Cancel(watch_timer_);
  watch_timer_ = loop_.After(options_.refusal_wait, owner_.Wrap([this] {
    attempt_->remark = "the refusal did not end";
    Step(Input::kNoSign);
  }));
}

void Connection::Accept(absl::Time now) {
  attempt_->head_time = now;
  clock_.OnHead(DateOf(attempt_->head), now);
  cover_.OnStart({clock_.At(now), attempt_->backfill_minutes, after_full_buffer_});
  after_full_buffer_ = false;
  wants_all_backfill_ = false;
  if (backfill_from_ == absl::InfiniteFuture()) backfill_from_ = now;
  counters_.connects.Increment();
  counters_.needs_operator.Set(0);
  Log(LogLevel::kInfo, "connection_connected", "the stream is open",
      {{"connection", options_.request.connection},
       {"backfill_minutes", attempt_->backfill_minutes},
       {"clock_skew", loop_.WallNow() - XNow()}});
  AppendEvent(CauseWord(Cause::kConnected), "");
  cover_timer_ = loop_.After(options_.cover_interval, owner_.Wrap([this] { CoverTick(); }));
  reconnect_watch_.OnAccepted(loop_.Now());
  WatchHold();
  if (observer_ != nullptr) observer_->OnAccepted(clock_.At(attempt_->open_time), clock_.At(now));
}

void Connection::OnStreamEnd(const HttpEnd& end, const std::string& body) {
  attempt_->end = end;
  attempt_->body = body;
  Step(Input::kEnded);
}

// Any byte is a sign of life, seen ahead of the blocks under way so that a busy
// loop does not take its own backlog for silence.
void Connection::Watch() {
  watch_timer_ = 0;
  absl::Time alive = attempt_->open_time;
  if (auto last = attempt_->reader->last_byte_time()) alive = std::max(alive, *last);
  absl::Duration left = alive + options_.stall_after - loop_.Now();
  if (left > absl::ZeroDuration()) {
    watch_timer_ = loop_.After(left, owner_.Wrap([this] { Watch(); }));
  } else if (attempt_->established()) {
    CloseFor(Input::kNoSign, {RetryClass::kImmediate, Cause::kSilence});
  } else {
    CloseFor(Input::kNoSign, {RetryClass::kNetwork, Cause::kNoAnswer});
  }
}

void Connection::CloseFor(Input input, const Verdict& verdict) {
  absl::optional<ConnectionStep> step = NextConnectionStep(state_, input);
  if (step && step->effects.close) attempt_->closed_for = verdict;
  Step(input);
}

void Connection::CloseSocket() {
  loop_.Cancel(watch_timer_);
  http_.Close(attempt_->request_id);
  close_timer_ = loop_.After(options_.close_wait, owner_.Wrap([this] {
    close_timer_ = 0;
    // Behind what a busy loop has not come to yet, which may be the end itself.
    loop_.Post(owner_.Wrap([this, number = attempts_] {
      bool waits = state_ == State::STATE_CLOSING || state_ == State::STATE_DRAINING;
      if (waits && number == attempts_) Step(Input::kOverdue);
    }));
  }));
}

// Whether anything was read since the last block nobody knows.
void Connection::LoseUnread() {
  attempt_->remark = "the reader thread did not hand over what it had read";
  bool no_stream = attempt_->head.status != 0 && !attempt_->established();
  if (no_stream || !attempt_->reader->last_byte_time()) return;
  counters_.overdue_closes.Increment();
  absl::Time from = std::max(attempt_->open_time, attempt_->last_byte_time);
  AppendLoss(v1::Loss::REASON_CLOSED, 0, from, loop_.Now());
}

// X knows of an attempt that ended without an answer where a socket stood.
void Connection::TellGate() {
  if (gate_ == nullptr || attempt_->head.status != 0) return;
  if (attempt_->request_counted) {
    gate_->OnReached(loop_.Now());
  } else {
    gate_->OnUnreached();
  }
}

void Connection::EndAttempt(bool wait) {
  TellGate();
  attempt_->reader->Detach();
  for (Loop::TimerId timer : {watch_timer_, cover_timer_, close_timer_}) loop_.Cancel(timer);
  counters_.data_silence_seconds.Set(0);
  CloseFrame();
  Verdict verdict = VerdictOfEnd();
  bool announced_discard = attempt_->announced && attempt_->announced->queue_discarded();
  absl::Duration flowed = absl::ZeroDuration();
  if (attempt_->head_time) {
    flowed = attempt_->last_byte_time - *attempt_->head_time;
    cover_.OnEnd(XNow());
    AppendCovers();
    after_full_buffer_ = verdict.queue_discarded() || announced_discard;
  }
  counters_.ends[static_cast<int>(verdict.cause)].Increment();
  absl::Duration delay =
      wait ? backoff_.Next(verdict, flowed, loop_.Now()) : absl::InfiniteDuration();
  NoteWait(verdict, delay);
  std::string detail = DetailOfEnd();
  if (wait) LogEnd(verdict, detail, delay);
  if (attempt_->cut_line_bytes > 0) {
    absl::StrAppend(&detail, detail.empty() ? "" : "; ", "cut line: ", attempt_->cut_line);
  }
  AppendEvent(CauseWord(verdict.cause), detail);
  if (attempt_->last_post_id != 0) last_post_id_ = attempt_->last_post_id;
  last_status_ = attempt_->head.status;
  attempt_.reset();
  // What we asked for ourselves is no trouble.
  bool is_ours = verdict.cause == Cause::kRequested || verdict.cause == Cause::kDrain;
  if (wait && !is_ours) Alert(reconnect_watch_.OnEnd(loop_.Now(), backoff_.at_ceiling()));
  if (observer_ != nullptr) observer_->OnEnded(verdict);
}

void Connection::WatchHold() {
  loop_.Cancel(std::exchange(hold_timer_, 0));
  absl::Duration left = reconnect_watch_.HoldLeft(loop_.Now());
  if (left == absl::InfiniteDuration()) return;
  hold_timer_ = loop_.After(left, owner_.Wrap([this] {
    hold_timer_ = 0;
    Alert(reconnect_watch_.OnTime(loop_.Now()));
  }));
}

void Connection::Alert(const std::vector<ReconnectWatch::Change>& changes) {
  for (const ReconnectWatch::Change& change : changes) {
    absl::string_view word = ReconnectAlertWord(change.alert);
    std::string event = absl::StrCat(word, change.began ? "_began" : "_ended");
    counters_.alert[static_cast<int>(change.alert)].Set(change.began ? 1 : 0);
    if (change.began) counters_.alerts[static_cast<int>(change.alert)].Increment();
    Log(change.began ? LogLevel::kError : LogLevel::kInfo, event,
        change.began ? "this connection needs attention" : "this connection held for a while",
        {{"connection", options_.request.connection},
         {"ends", change.ends},
         {"last_cause", CauseWord(last_verdict_.cause)},
         {"wait_class", RetryWord(last_verdict_.retry)},
         {"wait", wait_delay_}});
    AppendEvent(event, absl::StrCat(change.ends, " ends"));
  }
}

void Connection::Note(absl::string_view cause, absl::string_view detail) {
  if (state_ != State::STATE_STOPPED) AppendEvent(cause, detail);
}

Verdict Connection::VerdictOfEnd() const {
  if (attempt_->closed_for) return *attempt_->closed_for;
  if (attempt_->established()) {
    bool explained =
        attempt_->announced && loop_.Now() - attempt_->announced_time <= options_.message_explains;
    return explained ? *attempt_->announced : ClassifyEnd(attempt_->end, true);
  }
  bool answered = attempt_->head.status != 0 && attempt_->end.kind != HttpEnd::Kind::kBadEncoding;
  return answered ? ClassifyAnswer(attempt_->head, attempt_->body, XNow())
                  : ClassifyEnd(attempt_->end, false);
}

// The cause is X's word or ours; how the socket ended is kept beside it.
std::string Connection::DetailOfEnd() const {
  std::vector<std::string> parts;
  if (!attempt_->remark.empty()) parts.push_back(attempt_->remark);
  bool refused = attempt_->head.status != 0 && !attempt_->established();
  bool by_itself = attempt_->end.kind != HttpEnd::Kind::kClosed;
  if (attempt_->closed_for && attempt_->announced) {
    parts.push_back(absl::StrCat("X had said ", CauseWord(attempt_->announced->cause)));
  }
  if (by_itself && attempt_->established() && (attempt_->announced || attempt_->closed_for)) {
    parts.push_back(std::string(CauseWord(ClassifyEnd(attempt_->end, true).cause)));
  }
  if (refused && !attempt_->body.empty()) {
    parts.push_back(attempt_->body);
  } else if (!attempt_->end.detail.empty()) {
    parts.push_back(attempt_->end.detail);
  }
  return absl::StrJoin(parts, ": ");
}

void Connection::NoteWait(const Verdict& verdict, absl::Duration delay) {
  last_verdict_ = verdict;
  wait_delay_ = delay;
  next_attempt_time_ = loop_.Now() + delay;
  counters_.wait_class.Set(static_cast<double>(verdict.retry));
  counters_.needs_operator.Set(verdict.needs_operator() ? 1 : 0);
}

void Connection::LogEnd(const Verdict& verdict, absl::string_view detail,
                        absl::Duration delay) const {
  bool alert = verdict.needs_operator();
  if (pause_wanted_ && !alert) {
    return Log(LogLevel::kInfo, "connection_ended", "the connection ended and is paused",
               {{"connection", options_.request.connection},
                {"cause", CauseWord(verdict.cause)},
                {"detail", BoundedText(detail, options_.detail_bytes_max)}});
  }
  Log(alert ? LogLevel::kError : LogLevel::kWarn, alert ? "connection_refused" : "connection_ended",
      alert ? "X refuses this connection: somebody must act" : "the connection ended",
      {{"connection", options_.request.connection},
       {"cause", CauseWord(verdict.cause)},
       {"detail", BoundedText(detail, options_.detail_bytes_max)},
       {"wait_class", RetryWord(verdict.retry)},
       {"next_attempt_in", delay}});
}

v1::ConnectionReport Connection::Report() const {
  v1::ConnectionReport report;
  report.set_state(state_);
  SetTime(XNow(), report.mutable_report_time());
  absl::Time last_byte = last_byte_time_;
  if (attempt_) last_byte = std::max(last_byte, attempt_->last_byte_time);
  if (last_byte != absl::InfinitePast()) {
    SetTime(clock_.At(last_byte), report.mutable_last_byte_time());
  }
  if (last_heartbeat_time_ != absl::InfinitePast()) {
    SetTime(clock_.At(last_heartbeat_time_), report.mutable_last_heartbeat_time());
  }
  if (state_ == State::STATE_BACKING_OFF) {
    SetTime(clock_.At(next_attempt_time_), report.mutable_next_attempt_time());
    report.set_wait_class(held_for_.empty() ? std::string(RetryWord(last_verdict_.retry))
                                            : held_for_);
  }
  if (last_verdict_.cause != Cause::kConnected) {
    report.set_last_cause(std::string(CauseWord(last_verdict_.cause)));
  }
  if (state_ == State::STATE_RECEIVING) {
    SetTime(clock_.At(*attempt_->head_time), report.mutable_stream_start_time());
    double silence = counters_.data_silence_seconds.value();
    if (silence > 0) SetDuration(absl::Seconds(silence), report.mutable_data_silence());
  } else {
    report.set_needs_operator(last_verdict_.needs_operator());
  }
  bool answered = attempt_ && attempt_->head.status != 0;
  report.set_http_status(static_cast<uint32_t>(answered ? attempt_->head.status : last_status_));
  report.set_received_events(counters_.received_events());
  report.set_received_bytes(counters_.received_bytes.value());
  report.set_connects(counters_.connects.value());
  report.set_control_messages(counters_.control_messages());
  report.set_lost_lines(counters_.lost_lines());
  return report;
}

void Connection::RegisterMetrics(MetricsRegistry& registry) const {
  registry.AddCollector(
      [this](MetricSink& sink) { counters_.Collect(options_.request.connection, sink); });
}

}  // namespace braid
