#include "ingest/offer_client.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "ingest/offer_end.h"

namespace braid {

OfferClient::OfferClient(Loop& loop, Random& random, OfferDialer& dialer, Spool& spool,
                         const Options& options, std::function<v1::ConnectionReport()> report)
    : loop_(loop),
      random_(random),
      dialer_(dialer),
      spool_(spool),
      options_(options),
      report_(std::move(report)),
      redial_delay_(options.redial_min),
      reader_(spool) {
  spool_.AddObserver(this);
}

OfferClient::~OfferClient() {
  spool_.RemoveObserver(this);
  if (redial_timer_.has_value()) loop_.Cancel(*redial_timer_);
  if (line_ != nullptr) line_->client = nullptr;
}

void OfferClient::Start() {
  Dial();
  loop_.After(options_.report_interval, owner_.Wrap([this] { Watch(); }));
}

// --- The call's life ---

void OfferClient::Line::OnResponse(const v1::OfferResponse& response) {
  if (client == nullptr) return;
  switch (response.response_case()) {
    case v1::OfferResponse::kWelcome:
      return client->OnWelcome(response.welcome());
    case v1::OfferResponse::kAck:
      return client->OnAck(response.ack());
    case v1::OfferResponse::kNack:
      return client->OnNack(response.nack());
    case v1::OfferResponse::kRefusal:
      return client->OnRefusal(response.refusal());
    case v1::OfferResponse::kDirective:
      return client->OnDirective(response.directive());
    case v1::OfferResponse::RESPONSE_NOT_SET:
      return;
  }
}

void OfferClient::Line::OnClosed(const absl::Status& status) {
  if (client != nullptr) client->OnClosed(status);
}

void OfferClient::Dial() {
  redial_timer_.reset();
  metrics_.dials.Increment();
  state_ = State::kDialed;
  last_progress_ = loop_.Now();
  line_ = std::make_shared<Line>(this);
  line_->call = dialer_.Dial(line_.get());
  v1::OfferRequest request;
  v1::OfferRequest::Hello* hello = request.mutable_hello();
  *hello = options_.identity;
  hello->set_session_epoch(spool_.epoch());
  hello->set_session_id(spool_.session_id());
  for (v1::OfferRequest::Session& session : spool_.Sessions()) {
    *hello->add_sessions() = std::move(session);
  }
  line_->call->Send(std::move(request));
}

void OfferClient::HangUp() {
  state_ = State::kWaiting;
  metrics_.connected.Set(0);
  in_flight_.clear();
  in_flight_bytes_ = 0;
  SetInFlightMetrics();
  if (line_ == nullptr) return;
  line_->client = nullptr;
  // We may be inside a call of its handler: it dies in a later turn.
  loop_.Post([line = std::move(line_)] {});
}

void OfferClient::RedialAfter(absl::Duration delay) {
  HangUp();
  if (redial_timer_.has_value()) loop_.Cancel(*redial_timer_);
  redial_timer_ = loop_.After(delay, owner_.Wrap([this] { Dial(); }));
}

void OfferClient::RedialWithBackoff() {
  // Half of it by chance, or all connectors would come back together.
  RedialAfter(redial_delay_ * (0.5 + random_.Unit() / 2));
  redial_delay_ = std::min(redial_delay_ * 2, options_.redial_max);
}

// Once a second: is the call alive, and how are we.
void OfferClient::Watch() {
  loop_.After(options_.report_interval, owner_.Wrap([this] { Watch(); }));
  bool waits = state_ == State::kDialed || !in_flight_.empty();
  if (waits && loop_.Now() - last_progress_ >= options_.silence_max) {
    metrics_.silences.Increment();
    Log(LogLevel::kWarn, "offer_silent", "deduper acknowledges nothing: dialing again",
        {{"deduper", options_.name}});
    return RedialWithBackoff();
  }
  SendReport();
}

void OfferClient::SendReport() {
  uint64_t unacknowledged_bytes = spool_.UnacknowledgedBytes(options_.deduper);
  metrics_.unacknowledged_bytes.Set(static_cast<double>(unacknowledged_bytes));
  if (state_ != State::kOffering) return;
  v1::OfferRequest request;
  *request.mutable_report() = report_();
  request.mutable_report()->set_obeyed_directive(obeyed_directive_);
  request.mutable_report()->set_spooled_bytes(unacknowledged_bytes);
  line_->call->Send(std::move(request));
}

void OfferClient::OnClosed(const absl::Status& status) {
  absl::string_view remedy = CertificateRemedy(status);
  if (!remedy.empty()) {
    Log(LogLevel::kWarn, "offer_closed", "the call fails over certificates",
        {{"deduper", options_.name}, {"status", status}, {"remedy", remedy}});
  } else {
    Log(state_ == State::kOffering ? LogLevel::kWarn : LogLevel::kInfo, "offer_closed",
        "call to the deduper ended", {{"deduper", options_.name}, {"status", status}});
  }
  RedialWithBackoff();
}

// Of a call that stands: one that was hung up says nothing any more, so that
// what it asked for is either done before the next Hello or never.
void OfferClient::OnDirective(const v1::OfferResponse::Directive& directive) {
  if (state_ != State::kOffering) return;
  metrics_.directives.Increment();
  Log(LogLevel::kInfo, "offer_directive", "deduper asks something of this connection",
      {{"deduper", options_.name},
       {"action", v1::OfferResponse::Action_Name(directive.action())},
       {"reason", directive.reason()}});
  if (!on_directive_) return;
  loop_.Post(owner_.Wrap([this, directive] {
    on_directive_(directive);
    if (directive.number() != 0) obeyed_directive_ = directive.number();
  }));
}

void OfferClient::OnRefusal(const v1::OfferResponse::Refusal& refusal) {
  metrics_.refusals.Increment();
  using Refusal = v1::OfferResponse::Refusal;
  bool ends_by_itself = refusal.reason() == Refusal::REASON_STALE_EPOCH ||
                        refusal.reason() == Refusal::REASON_DISK_FULL;
  Log(ends_by_itself ? LogLevel::kWarn : LogLevel::kError, "offer_refused",
      "deduper refuses this connection",
      {{"deduper", options_.name},
       {"reason", Refusal::Reason_Name(refusal.reason())},
       {"message", refusal.message()}});
  if (refusal.reason() == Refusal::REASON_STALE_EPOCH) {
    // At least above our own: an equal epoch with another id is refused too.
    spool_.RaiseEpoch(std::max(refusal.highest_epoch(), spool_.epoch()), Spool::CurrentId::kKept);
    return RedialWithBackoff();
  }
  if (ends_by_itself) return RedialAfter(options_.redial_max);
  RedialAfter(options_.refused_delay);
}

void OfferClient::OnSessionsChanged() {
  // The Hello of a call under way names epochs that are no more.
  if (state_ != State::kWaiting) RedialAfter(options_.redial_min);
}

// --- What the deduper says ---

void OfferClient::OnWelcome(const v1::OfferResponse::Welcome& welcome) {
  if (state_ != State::kDialed) return;
  metrics_.welcomes.Increment();
  metrics_.connected.Set(1);
  redial_delay_ = options_.redial_min;
  state_ = State::kOffering;
  last_progress_ = loop_.Now();
  last_rewind_ = absl::InfinitePast();
  expected_.clear();
  for (const v1::OfferRequest::Session& session : spool_.Sessions()) {
    expected_.emplace_back(session.epoch(), 0);
    for (const v1::OfferResponse::Ack& expected : welcome.expected()) {
      if (expected.session_epoch() == session.epoch()) {
        expected_.back().second = expected.end_offset();
      }
    }
    auto [epoch, offset] = expected_.back();
    // Of an older session the deduper may have more than we: it was offered
    // before it was synced, and a power cut took it from us.
    if (offset > session.end_offset() && epoch == spool_.epoch()) return OnForeign(epoch, offset);
    expected_.back().second = std::min(offset, session.end_offset());
    spool_.ResetAcknowledged(options_.deduper, epoch, offset);
  }
  Log(LogLevel::kInfo, "offer_welcomed", "deduper takes this connection",
      {{"deduper", options_.name}, {"epoch", spool_.epoch()}});
  reader_.Seek(expected_.front().first, expected_.front().second);
  SendReport();
  Push();
  CheckDrained();
}

void OfferClient::OnForeign(uint64_t epoch, uint64_t offset) {
  metrics_.foreign_offsets.Increment();
  Log(LogLevel::kError, "offer_foreign", "deduper means other records than ours by this epoch",
      {{"deduper", options_.name}, {"epoch", epoch}, {"offset", offset}});
  spool_.RaiseEpoch(spool_.epoch(), Spool::CurrentId::kNew);
  RedialWithBackoff();
}

void OfferClient::OnAck(const v1::OfferResponse::Ack& ack) {
  if (state_ != State::kOffering) return;
  // Of an older session it may have what a power cut took from us.
  if (ack.session_epoch() == spool_.epoch() &&
      ack.end_offset() > *spool_.EndOffset(spool_.epoch())) {
    return OnForeign(ack.session_epoch(), ack.end_offset());
  }
  spool_.Acknowledge(options_.deduper, ack.session_epoch(), ack.end_offset());
  while (!in_flight_.empty() && in_flight_.front().epoch == ack.session_epoch() &&
         in_flight_.front().end_offset <= ack.end_offset()) {
    last_progress_ = loop_.Now();
    metrics_.ack_delay.Record(loop_.Now() - in_flight_.front().sent);
    in_flight_bytes_ -= in_flight_.front().bytes;
    in_flight_.pop_front();
  }
  Push();
  CheckDrained();
}

void OfferClient::OnNack(const v1::OfferResponse::Nack& nack) {
  if (state_ != State::kOffering) return;
  metrics_.nacks.Increment();
  std::pair<uint64_t, uint64_t> to(nack.session_epoch(), nack.expected_offset());
  if (to == rewound_to_ && loop_.Now() - last_rewind_ < options_.rewind_interval_min) return;
  absl::optional<uint64_t> end_offset = spool_.EndOffset(nack.session_epoch());
  if (!end_offset.has_value()) return;
  if (nack.expected_offset() > *end_offset) {
    return OnForeign(nack.session_epoch(), nack.expected_offset());
  }
  rewound_to_ = to;
  last_rewind_ = loop_.Now();
  Rewind(nack.session_epoch(), nack.expected_offset());
  Push();
}

void OfferClient::Rewind(uint64_t epoch, uint64_t offset) {
  while (!in_flight_.empty() &&
         std::make_pair(in_flight_.back().epoch, in_flight_.back().end_offset) >
             std::make_pair(epoch, offset)) {
    in_flight_bytes_ -= in_flight_.back().bytes;
    in_flight_.pop_back();
  }
  reader_.Seek(epoch, offset);
}

// --- Sending ---

void OfferClient::Push() {
  while (state_ == State::kOffering && !read_retry_planned_ &&
         in_flight_.size() < options_.window_records && in_flight_bytes_ < options_.window_bytes &&
         PushOne()) {
  }
  SetInFlightMetrics();
}

bool OfferClient::PushOne() {
  absl::StatusOr<absl::optional<v1::SessionRecord>> record = reader_.Next();
  // The session expired since the Welcome: everybody has all of it.
  if (absl::IsNotFound(record.status())) return NextSession();
  if (absl::IsUnavailable(record.status())) {
    RetryRead();
    return false;
  }
  if (!record.ok()) {
    OnForeign(reader_.epoch(), reader_.offset());
    return false;
  }
  if (!record->has_value()) return NextSession();
  if (in_flight_.empty()) last_progress_ = loop_.Now();
  uint64_t bytes = (*record)->ByteSizeLong();
  in_flight_.push_back({reader_.epoch(), reader_.offset(), bytes, loop_.Now()});
  in_flight_bytes_ += bytes;
  metrics_.sent_records.Increment();
  metrics_.sent_bytes.Add(bytes);
  v1::OfferRequest request;
  *request.mutable_record() = **std::move(record);
  line_->call->Send(std::move(request));
  return true;
}

void OfferClient::RetryRead() {
  read_retry_planned_ = true;
  loop_.After(options_.read_retry_delay, owner_.Wrap([this] {
    read_retry_planned_ = false;
    Push();
  }));
}

bool OfferClient::NextSession() {
  for (const auto& [epoch, offset] : expected_) {
    if (epoch <= reader_.epoch()) continue;
    reader_.Seek(epoch, offset);
    return true;
  }
  return false;
}

void OfferClient::SetInFlightMetrics() {
  metrics_.in_flight_bytes.Set(static_cast<double>(in_flight_bytes_));
  metrics_.in_flight_records.Set(static_cast<double>(in_flight_.size()));
}

void OfferClient::Drain(absl::AnyInvocable<void()> done) {
  on_drained_ = std::move(done);
  CheckDrained();
}

void OfferClient::CheckDrained() {
  if (on_drained_ && spool_.FullyAcknowledged(options_.deduper)) {
    loop_.Post(std::exchange(on_drained_, nullptr));
  }
}

void OfferClient::CollectMetrics(MetricSink& sink, MetricLabels labels) const {
  labels.emplace_back("deduper", options_.name);
  auto counter = [&](absl::string_view name, absl::string_view help, const Counter& value) {
    sink.AddCounter(name, help, labels, static_cast<double>(value.value()));
  };
  auto gauge = [&](absl::string_view name, absl::string_view help, const Gauge& value) {
    sink.AddGauge(name, help, labels, value.value());
  };
  counter("braid_offer_dials_total", "Calls begun.", metrics_.dials);
  counter("braid_offer_welcomes_total", "Calls welcomed.", metrics_.welcomes);
  counter("braid_offer_refusals_total", "Calls refused.", metrics_.refusals);
  counter("braid_offer_directives_total", "Words of a deduper about the connection.",
          metrics_.directives);
  counter("braid_offer_sent_records_total", "Records sent.", metrics_.sent_records);
  counter("braid_offer_sent_bytes_total", "Bytes of records sent.", metrics_.sent_bytes);
  counter("braid_offer_nacks_total", "Holes the deduper saw.", metrics_.nacks);
  counter("braid_offer_silences_total", "Calls given up for silence.", metrics_.silences);
  counter("braid_offer_foreign_total", "Offsets that were not ours.", metrics_.foreign_offsets);
  gauge("braid_offer_connected", "1 while a call is welcomed.", metrics_.connected);
  gauge("braid_offer_in_flight_bytes", "Sent, not acknowledged.", metrics_.in_flight_bytes);
  gauge("braid_offer_in_flight_records", "Sent, not acknowledged.", metrics_.in_flight_records);
  gauge("braid_offer_unacknowledged_bytes", "Spooled, not acknowledged.",
        metrics_.unacknowledged_bytes);
  sink.AddHistogram("braid_offer_ack_seconds", "From sending to acknowledgement.", labels,
                    metrics_.ack_delay);
}

}  // namespace braid
