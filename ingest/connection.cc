#include "ingest/connection.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/log.h"
#include "proto/proto_time.h"

namespace braid {

Connection::Connection(Loop& loop, HttpClient& http, RecordSink& sink, Random& random,
                       const Options& options, TokenSource token)
    : loop_(loop),
      http_(http),
      sink_(sink),
      options_(options),
      token_(std::move(token)),
      clock_(loop.WallNow(), loop.Now()),
      cover_(options.cover),
      framer_(options.framer),
      backoff_(random, options.backoff),
      control_tokens_(options.control_burst),
      control_tokens_time_(loop.Now()) {}

Connection::~Connection() {
  for (Loop::TimerId timer : {retry_timer_, watch_timer_, frame_timer_, cover_timer_}) {
    loop_.Cancel(timer);
  }
  if (!attempt_) return;
  http_.Close(attempt_->request_id);
  attempt_->reader->Detach();
}

void Connection::Start() {
  SetState(State::STATE_CONNECTING);
  retry_timer_ = loop_.After(absl::ZeroDuration(), owner_.Wrap([this] { Connect(); }));
}

void Connection::Reconnect() {
  if (attempt_ && !draining_) CloseAndEnd({RetryClass::kImmediate, Cause::kRequested}, "");
}

void Connection::Drain(absl::AnyInvocable<void()> done) {
  BRAID_CHECK(!draining_);
  draining_ = true;
  drained_ = std::move(done);
  SetState(State::STATE_DRAINING);
  loop_.Cancel(retry_timer_);
  if (attempt_) {
    CloseAndEnd({RetryClass::kOk, Cause::kDrain}, "");
    return;
  }
  AppendEvent(CauseWord(Cause::kDrain), "");
  FinishDrain();
}

void Connection::FinishDrain() {
  // A later turn: the caller may destroy us in it.
  loop_.Post(std::move(drained_));
}

void Connection::SetState(State::State state) {
  state_ = state;
  counters_.state.Set(state);
}

void Connection::Connect() {
  BRAID_CHECK(!attempt_);
  SetState(State::STATE_CONNECTING);
  counters_.attempts.Increment();
  ++attempts_;
  int backfill_minutes = attempts_ > 1 ? options_.backfill_minutes : 0;
  absl::StatusOr<std::string> token = token_();
  absl::StatusOr<HttpRequest> request =
      token.ok() ? BuildRequest(options_.request, *token, backfill_minutes)
                 : absl::StatusOr<HttpRequest>(token.status());
  if (!request.ok()) {
    Verdict verdict{RetryClass::kHttp, Cause::kToken};
    counters_.ends[static_cast<int>(verdict.cause)].Increment();
    SetState(State::STATE_BACKING_OFF);
    AppendEvent(CauseWord(verdict.cause), request.status().ToString());
    Retry(verdict, absl::ZeroDuration(), request.status().ToString());
    return;
  }
  attempt_.emplace();
  attempt_->number = attempts_;
  attempt_->open_time = loop_.Now();
  attempt_->backfill_minutes = backfill_minutes;
  attempt_->reader =
      std::make_shared<StreamReader>(loop_, static_cast<StreamConsumer*>(this), options_.reader);
  attempt_->request_id = http_.Open(*std::move(request), attempt_->reader);
  watch_timer_ = loop_.After(options_.stall_after, owner_.Wrap([this] { Watch(); }));
}

void Connection::OnStreamHead(const HttpHead& head, absl::Time now) {
  attempt_->head = head;
  if (!attempt_->established()) {
    loop_.Cancel(watch_timer_);
    watch_timer_ = loop_.After(options_.refusal_wait, owner_.Wrap([this] {
      CloseAndEnd(ClassifyAnswer(attempt_->head, "", XNow()), "the refusal did not end");
    }));
    return;
  }
  attempt_->head_time = now;
  clock_.OnHead(DateOf(head), now);
  cover_.OnStart({clock_.At(now), attempt_->backfill_minutes, after_full_buffer_});
  after_full_buffer_ = false;
  counters_.connects.Increment();
  if (!draining_) SetState(State::STATE_RECEIVING);
  Log(LogLevel::kInfo, "connection_connected", "the stream is open",
      {{"connection", options_.request.connection},
       {"backfill_minutes", attempt_->backfill_minutes},
       {"clock_skew", loop_.WallNow() - XNow()}});
  AppendEvent(CauseWord(Cause::kConnected), "");
  cover_timer_ = loop_.After(options_.cover_interval, owner_.Wrap([this] { CoverTick(); }));
}

void Connection::OnStreamEnd(const HttpEnd& end, const std::string& body, bool cut_line) {
  if (cut_line) counters_.cut_lines.Increment();
  std::string detail = end.detail;
  if (attempt_->announced && attempt_->established()) {
    // The cause is X's word; how the socket ended is kept beside it.
    detail =
        absl::StrCat(CauseWord(ClassifyEnd(end, true).cause), detail.empty() ? "" : ": ", detail);
  } else if (attempt_->head.status != 0 && !attempt_->established()) {
    detail = body;
  }
  EndAttempt(VerdictOf(end, body), detail);
}

Verdict Connection::VerdictOf(const HttpEnd& end, const std::string& body) const {
  if (attempt_->established()) {
    bool explained =
        attempt_->announced && loop_.Now() - attempt_->announced_time <= options_.message_explains;
    return explained ? *attempt_->announced : ClassifyEnd(end, true);
  }
  bool answered = attempt_->head.status != 0 && end.kind != HttpEnd::Kind::kBadEncoding;
  return answered ? ClassifyAnswer(attempt_->head, body, XNow()) : ClassifyEnd(end, false);
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
    return;
  }
  if (!attempt_->established()) {
    CloseAndEnd({RetryClass::kNetwork, Cause::kNoAnswer}, "");
    return;
  }
  if (!draining_) SetState(State::STATE_STALLED);
  CloseAndEnd({RetryClass::kImmediate, Cause::kSilence}, "");
}

void Connection::CloseAndEnd(const Verdict& verdict, std::string detail) {
  loop_.Cancel(watch_timer_);
  http_.Close(attempt_->request_id);
  loop_.Post(owner_.Wrap([this, number = attempt_->number, verdict, detail = std::move(detail)] {
    if (attempt_ && attempt_->number == number) EndAttempt(verdict, detail);
  }));
}

void Connection::EndAttempt(const Verdict& verdict, absl::string_view detail) {
  // The old socket is closed before a new one is opened: X counts both.
  http_.Close(attempt_->request_id);
  attempt_->reader->Detach();
  loop_.Cancel(watch_timer_);
  loop_.Cancel(cover_timer_);
  CloseFrame();
  if (attempt_->established()) {
    cover_.OnEnd(XNow());
    AppendCovers();
    if (verdict.cause == Cause::kFullBuffer) after_full_buffer_ = true;
  }
  counters_.ends[static_cast<int>(verdict.cause)].Increment();
  if (!draining_ && verdict.cause != Cause::kSilence) SetState(State::STATE_BACKING_OFF);
  AppendEvent(CauseWord(verdict.cause), detail);
  absl::Duration flowed = absl::ZeroDuration();
  if (attempt_->head_time) flowed = attempt_->last_byte_time - *attempt_->head_time;
  attempt_.reset();
  if (draining_) {
    FinishDrain();
  } else {
    Retry(verdict, flowed, detail);
  }
}

void Connection::Retry(const Verdict& verdict, absl::Duration flowed, absl::string_view detail) {
  absl::Duration delay = backoff_.Next(verdict, flowed);
  LogEnd(verdict, detail, delay);
  next_attempt_time_ = loop_.Now() + delay;
  retry_timer_ = loop_.After(delay, owner_.Wrap([this] { Connect(); }));
}

void Connection::LogEnd(const Verdict& verdict, absl::string_view detail,
                        absl::Duration delay) const {
  bool terminal = verdict.retry == RetryClass::kTerminal;
  Log(terminal ? LogLevel::kError : LogLevel::kWarn,
      terminal ? "connection_refused" : "connection_ended",
      terminal ? "X refuses this connection: somebody must act" : "the connection ended",
      {{"connection", options_.request.connection},
       {"cause", CauseWord(verdict.cause)},
       {"detail", BoundedText(detail, options_.detail_bytes_max)},
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
  if (!attempt_ && next_attempt_time_ != absl::InfinitePast()) {
    SetTime(clock_.At(next_attempt_time_), report.mutable_next_attempt_time());
  }
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
