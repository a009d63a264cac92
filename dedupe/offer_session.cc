#include "dedupe/offer_session.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/name.h"
#include "proto/check_times.h"
#include "proto/frame_codec.h"
#include "proto/recovery_terms.h"

namespace braid {
namespace {

using Refusal = v1::OfferResponse::Refusal;

// Sessions a source may keep: one per start within the spool's retention. A
// source that restarts every second for an hour would reach it.
constexpr int kSessionsMax = 4096;
// One per network; what each ever was called is kept.
constexpr int64_t kRecoverersMax = 64;
// Offsets count events; no source lives to send 2^62.
constexpr uint64_t kOffsetMax = uint64_t{1} << 62;

absl::Status CheckRecord(const v1::SessionRecord& record) {
  if (record.offset() > kOffsetMax) return absl::InvalidArgumentError("offset out of range");
  if (record.record_case() == v1::SessionRecord::RECORD_NOT_SET) {
    return absl::InvalidArgumentError("a record of a kind this deduper does not know");
  }
  if (record.has_loss() && record.loss().offsets() > kOffsetMax - record.offset()) {
    return absl::InvalidArgumentError("loss reaches beyond the last offset");
  }
  if (absl::Status status = CheckTimes(record); !status.ok()) return status;
  return record.has_frame() ? ValidateFrame(record.frame()) : absl::OkStatus();
}

}  // namespace

absl::Status CheckRequest(const v1::OfferRequest& request) {
  if (request.request_case() == v1::OfferRequest::REQUEST_NOT_SET) {
    return absl::InvalidArgumentError("a request of a kind this deduper does not know");
  }
  if (!request.has_record()) return CheckTimes(request);
  absl::Status status = CheckRecord(request.record());
  if (status.ok()) return status;
  return absl::InvalidArgumentError(absl::StrCat("record at offset ", request.record().offset(),
                                                 " of session ", request.record().session_epoch(),
                                                 ": ", status.message()));
}

OfferSession::OfferSession(Loop& loop, Merger& merger, SessionDirectory& directory,
                           const Options& options, OfferResponder& responder)
    : loop_(loop),
      merger_(merger),
      directory_(directory),
      options_(options),
      responder_(responder) {}

OfferSession::~OfferSession() { directory_.Close(this, hello_.source_id(), loop_.Now()); }

void OfferSession::OnRequest(v1::OfferRequest request, uint64_t request_bytes) {
  if (state_ == State::kClosed) return responder_.Consumed(request_bytes);
  switch (request.request_case()) {
    case v1::OfferRequest::kHello:
      return OnHello(std::move(*request.mutable_hello()), request_bytes);
    case v1::OfferRequest::kRecord:
      return OnRecord(std::move(*request.mutable_record()), request_bytes);
    case v1::OfferRequest::kReport:
      if (state_ == State::kOpen) {
        directory_.OnReport(hello_.source_id(), request.report(), loop_.Now());
        // It may have missed a word while it was away. Who heard of the pause in
        // this call has a turn to hear of its end.
        if (request.report().state() == v1::ConnectionReport::STATE_PAUSED && !told_pause_) {
          TellPause();
        }
      }
      return responder_.Consumed(request_bytes);
    case v1::OfferRequest::REQUEST_NOT_SET:
      return responder_.Consumed(request_bytes);
  }
}

std::string OfferSession::PartitionProblemOf(const v1::OfferRequest::Hello& hello) const {
  auto configured = options_.partitions.find(hello.source_id());
  if (configured == options_.partitions.end()) {
    if (hello.partitions_size() == 0) return "";
    return absl::StrCat("stream '", options_.stream, "' has no partitions here, and connection '",
                        hello.source_id(), "' carries partition ", hello.partitions(0),
                        ": give the stream `partitions` and each of its connections a `partition` "
                        "in the deduper's configuration");
  }
  uint32_t carried = hello.partitions_size() == 1 ? hello.partitions(0) : 0;
  if (carried == configured->second) return "";
  return absl::StrCat("connection '", hello.source_id(), "' carries ",
                      carried == 0 ? "no single partition" : absl::StrCat("partition ", carried),
                      " and is configured here for partition ", configured->second, " of stream '",
                      options_.stream, "'");
}

std::string OfferSession::ConnectionProblemOf(const v1::OfferRequest::Hello& hello) const {
  const auto& names = options_.connections;
  if (std::find(names.begin(), names.end(), hello.source_id()) == names.end()) {
    return absl::StrCat("connection '", hello.source_id(), "' is not configured for stream '",
                        options_.stream, "': add it to the deduper's configuration");
  }
  return PartitionProblemOf(hello);
}

std::string OfferSession::ProblemOf(const v1::OfferRequest::Hello& hello,
                                    Refusal::Reason* reason) const {
  *reason = Refusal::REASON_INVALID;
  bool is_recovery = IsRecoverySource(hello.source_id());
  if (!IsName(is_recovery ? RecovererOf(hello.source_id()) : hello.source_id())) {
    return "source_id is no name ([a-z0-9_-]{1,64})";
  }
  if (hello.sessions_size() == 0 || hello.sessions_size() > kSessionsMax ||
      hello.sessions(hello.sessions_size() - 1).epoch() != hello.session_epoch()) {
    return "the current session must be the last one named";
  }
  for (int i = 1; i < hello.sessions_size(); ++i) {
    if (hello.sessions(i).epoch() <= hello.sessions(i - 1).epoch()) {
      return "sessions must be named oldest first";
    }
  }
  *reason = Refusal::REASON_UNKNOWN_STREAM;
  if (hello.stream() != absl::StrCat("streams/", options_.stream)) {
    return absl::StrCat("this deduper does not carry '", hello.stream(), "' but 'streams/",
                        options_.stream, "'");
  }
  *reason = Refusal::REASON_UNKNOWN_CONNECTION;
  std::string problem = is_recovery ? RecovererProblemOf(hello) : ConnectionProblemOf(hello);
  if (!problem.empty()) return problem;
  *reason = Refusal::REASON_DISK_FULL;
  if (!merger_.accepting()) return "the deduper's disk is nearly full";
  return "";
}

// They need no configuration here, only room.
std::string OfferSession::RecovererProblemOf(const v1::OfferRequest::Hello& hello) const {
  const auto& known = merger_.core().sessions().sources();
  auto recoverers = std::count_if(known.begin(), known.end(), [](const auto& source) {
    return IsRecoverySource(source.first);
  });
  if (recoverers < kRecoverersMax || known.count(hello.source_id()) > 0) return "";
  return absl::StrCat("this deduper knows ", recoverers,
                      " recoverers already: use the name of one that is gone");
}

void OfferSession::OnHello(v1::OfferRequest::Hello hello, uint64_t bytes) {
  responder_.Consumed(bytes);
  if (state_ != State::kNew) return Refuse(Refusal::REASON_INVALID, "a second Hello");
  Refusal::Reason reason;
  std::string problem = ProblemOf(hello, &reason);
  if (!problem.empty()) return Refuse(reason, problem);
  state_ = State::kOpening;
  hello_ = std::move(hello);
  store::v1::InputRecord input;
  store::v1::SourceOpened* opened = input.mutable_opened();
  opened->set_source_id(hello_.source_id());
  opened->set_session_epoch(hello_.session_epoch());
  opened->set_session_id(hello_.session_id());
  opened->set_network(hello_.network());
  opened->set_version(hello_.version());
  *opened->mutable_sessions() = hello_.sessions();
  merger_.Admit(std::move(input), bytes,
                owner_.Wrap([this](const ApplyResult& result) { OnOpened(result); }));
}

void OfferSession::OnOpened(const ApplyResult& result) {
  if (state_ != State::kOpening) return;
  if (result.outcome == ApplyResult::Outcome::kStaleEpoch) {
    return Refuse(Refusal::REASON_STALE_EPOCH, "a newer session of this source is known",
                  result.highest_epoch);
  }
  state_ = State::kOpen;
  OfferSession* replaced = directory_.Open(this, hello_, loop_.Now());
  if (replaced != nullptr) replaced->Supersede();
  v1::OfferResponse response;
  v1::OfferResponse::Welcome* welcome = response.mutable_welcome();
  welcome->set_log_id(options_.log_id);
  for (const auto& [epoch, expected] : result.expected_by_epoch) {
    v1::OfferResponse::Ack* ack = welcome->add_expected();
    ack->set_session_epoch(epoch);
    ack->set_end_offset(expected);
  }
  responder_.Send(std::move(response));
  if (merger_.core().watch().paused() && !IsRecoverySource(hello_.source_id())) TellPause();
}

void OfferSession::OnRecord(v1::SessionRecord record, uint64_t bytes) {
  if (state_ != State::kOpen) {
    responder_.Consumed(bytes);
    return Refuse(Refusal::REASON_INVALID, "a record before the Welcome");
  }
  if (!merger_.accepting()) {
    responder_.Consumed(bytes);
    return Refuse(Refusal::REASON_DISK_FULL, "the deduper's disk is nearly full");
  }
  store::v1::InputRecord input;
  input.mutable_record()->set_source_id(hello_.source_id());
  *input.mutable_record()->mutable_record() = std::move(record);
  auto applied = owner_.Wrap([this, bytes](const ApplyResult& result) {
    responder_.Consumed(bytes);
    OnApplied(result);
  });
  const bool is_fetched = IsRecoverySource(hello_.source_id());
  merger_.Admit(std::move(input), bytes, std::move(applied),
                is_fetched ? Merger::Turn::kFetched : Merger::Turn::kLive);
}

void OfferSession::OnApplied(const ApplyResult& result) {
  uint64_t events = uint64_t{result.new_events} + result.duplicate_events;
  if (events > 0) directory_.OnApplied(hello_.source_id(), events, result.new_events);
  if (state_ != State::kOpen) return;
  switch (result.outcome) {
    case ApplyResult::Outcome::kApplied:
    case ApplyResult::Outcome::kRepeated:
      nacked_.erase(result.session_epoch);
      acks_[result.session_epoch] = result.expected_offset;
      if (std::exchange(flush_posted_, true)) return;
      return loop_.Post(owner_.Wrap([this] { FlushAcks(); }));
    case ApplyResult::Outcome::kHole: {
      // One nack per hole: what was under way behind it is dropped silently.
      if (!nacked_.insert(result.session_epoch).second) return;
      directory_.OnNack(hello_.source_id());
      v1::OfferResponse response;
      response.mutable_nack()->set_session_epoch(result.session_epoch);
      response.mutable_nack()->set_expected_offset(result.expected_offset);
      return responder_.Send(std::move(response));
    }
    case ApplyResult::Outcome::kStaleEpoch:
    case ApplyResult::Outcome::kNotOpened:
      return Refuse(Refusal::REASON_INVALID,
                    absl::StrCat("session ", result.session_epoch, " was not named in the Hello"));
  }
}

void OfferSession::Direct(v1::OfferResponse::Action action, const std::string& reason,
                          uint64_t number) {
  if (state_ != State::kOpen) return;
  v1::OfferResponse response;
  response.mutable_directive()->set_action(action);
  response.mutable_directive()->set_reason(reason);
  response.mutable_directive()->set_number(number);
  responder_.Send(std::move(response));
}

void OfferSession::TellPause() {
  const store::v1::LimitState& limits = merger_.core().watch().limits();
  if (state_ != State::kOpen || told_pause_ == limits.has_pause()) return;
  told_pause_ = limits.has_pause();
  Direct(limits.has_pause() ? v1::OfferResponse::ACTION_PAUSE : v1::OfferResponse::ACTION_RESUME,
         limits.pause().reason(), /*number=*/0);
}

void OfferSession::FlushAcks() {
  flush_posted_ = false;
  if (state_ != State::kOpen) return;
  for (const auto& [epoch, end_offset] : std::exchange(acks_, {})) {
    v1::OfferResponse response;
    response.mutable_ack()->set_session_epoch(epoch);
    response.mutable_ack()->set_end_offset(end_offset);
    responder_.Send(std::move(response));
  }
}

void OfferSession::Supersede() {
  Refuse(Refusal::REASON_SUPERSEDED,
         "a newer call of this connection took over; unless it was restarted, another process "
         "runs under its name: give each its own");
}

void OfferSession::Refuse(Refusal::Reason reason, const std::string& message,
                          uint64_t highest_epoch) {
  if (std::exchange(state_, State::kClosed) == State::kClosed) return;
  directory_.Close(this, hello_.source_id(), loop_.Now());
  v1::OfferResponse response;
  response.mutable_refusal()->set_reason(reason);
  response.mutable_refusal()->set_highest_epoch(highest_epoch);
  response.mutable_refusal()->set_message(message);
  responder_.Send(std::move(response));
  responder_.Close(absl::OkStatus());
}

}  // namespace braid
