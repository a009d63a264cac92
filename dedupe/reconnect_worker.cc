#include "dedupe/reconnect_worker.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dedupe/drain_desk.h"
#include "dedupe/stream_status.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

WorkSeat::Options SeatOptions(const ReconnectWorker::Options& options) {
  WorkSeat::Options seat;
  seat.request.set_worker_id(kReconnectWorkerId);
  seat.request.set_stream(options.stream);
  seat.request.set_kind(v1::LeaseRequest::KIND_RECOVERY);
  seat.request.add_methods(v1::RecoveryJob::METHOD_BACKFILL);
  SetDuration(options.lease_wait, seat.request.mutable_wait());
  return seat;
}

bool Carries(const SourceSnapshot& source, uint32_t partition) {
  const std::vector<uint32_t>& all = source.partitions;
  return partition == 0 || source.all_partitions ||
         std::count(all.begin(), all.end(), partition) > 0;
}

}  // namespace

ReconnectWorker::ReconnectWorker(Loop& loop, WorkClient& client, const Options& options,
                                 Sources sources, AskReconnect ask)
    : loop_(loop),
      options_(options),
      sources_(std::move(sources)),
      ask_(std::move(ask)),
      seat_(loop, client, SeatOptions(options), this) {}

void ReconnectWorker::OnTaken(WorkSeat& seat) {
  const uint32_t partition = seat.work().recovery_step().partition();
  std::string problem = "no connection receives that could reconnect";
  for (const SourceSnapshot& source : sources_()) {
    if (!IsReceiving(source, loop_.Now()) || !Carries(source, partition)) continue;
    DrainRequest request;
    request.connection = source.source_id;
    request.reconnect = true;
    request.by = seat.work().recovery_step().recovery_job();
    const DrainDecision decision = ask_(request);
    problem = ProblemOf(decision, source.source_id);
    if (decision.outcome != DrainDecision::Outcome::kGranted) continue;
    asked_ = {source.source_id, source.session_epoch, source.report.connects(), loop_.Now(), {}};
    return Watch();
  }
  Complete(v1::CompleteRequest::OUTCOME_FAILED, problem);
}

void ReconnectWorker::OnCancelled(WorkSeat&) {
  Complete(v1::CompleteRequest::OUTCOME_INCOMPLETE, "cancelled");
}

void ReconnectWorker::OnLost(WorkSeat&) { Forget(); }

// The connection comes back all the same.
void ReconnectWorker::Forget() {
  asked_.reset();
  loop_.Cancel(std::exchange(watch_timer_, 0));
}

void ReconnectWorker::Watch() {
  watch_timer_ = 0;
  const absl::Time now = loop_.Now();
  for (const SourceSnapshot& source : sources_()) {
    const bool is_back = source.source_id == asked_->connection && IsReceiving(source, now) &&
                         (source.session_epoch != asked_->session_epoch ||
                          source.report.connects() != asked_->connects);
    if (is_back && !asked_->back.has_value()) asked_->back = now;
  }
  if (asked_->back.has_value() && now - *asked_->back >= options_.settle) {
    return Complete(v1::CompleteRequest::OUTCOME_DONE, "");
  }
  if (!asked_->back.has_value() && now - asked_->time >= options_.back_max) {
    return Complete(v1::CompleteRequest::OUTCOME_FAILED,
                    absl::StrCat(asked_->connection, " was asked to reconnect and is not back"));
  }
  watch_timer_ = loop_.After(options_.watch_interval, owner_.Wrap([this] { Watch(); }));
}

void ReconnectWorker::Complete(v1::CompleteRequest::Outcome outcome, const std::string& error) {
  Forget();
  v1::CompleteRequest request;
  request.set_outcome(outcome);
  request.set_error(error);
  v1::RecoveryResult* result = request.mutable_recovery_result();
  result->set_message(error);
  if (outcome == v1::CompleteRequest::OUTCOME_DONE) {
    result->set_complete(true);
    result->set_proof(kProofReconnected);
  }
  seat_.Complete(std::move(request));
}

}  // namespace braid
