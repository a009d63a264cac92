#include "dedupe/reconnect_worker.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dedupe/drain_desk.h"
#include "dedupe/stream_status.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

// Who may not go is asked about again at most so much later.
constexpr absl::Duration kAskAgainMax = absl::Seconds(15);

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

void ReconnectWorker::OnTaken(WorkSeat&) {
  attempt_.emplace();
  attempt_->begin = loop_.Now();
  Watch();
}

void ReconnectWorker::OnCancelled(WorkSeat&) {
  Complete(v1::CompleteRequest::OUTCOME_INCOMPLETE, "cancelled");
}

void ReconnectWorker::OnLost(WorkSeat&) { Forget(); }

// The connection comes back all the same.
void ReconnectWorker::Forget() {
  attempt_.reset();
  loop_.Cancel(std::exchange(watch_timer_, 0));
}

void ReconnectWorker::Watch() {
  watch_timer_ = 0;
  const std::vector<SourceSnapshot> sources = sources_();
  attempt_->told.has_value() ? AwaitReturn(sources) : Choose(sources);
  if (!attempt_.has_value()) return;
  watch_timer_ = loop_.After(options_.watch_interval, owner_.Wrap([this] { Watch(); }));
}

void ReconnectWorker::Choose(const std::vector<SourceSnapshot>& sources) {
  const uint32_t partition = seat_.work().recovery_step().partition();
  auto first = std::find_if(sources.begin(), sources.end(), [&](const SourceSnapshot& source) {
    return source.connected && Carries(source, partition) &&
           attempt_->given_up.count(source.source_id) == 0;
  });
  const absl::Time now = loop_.Now();
  if (first == sources.end() || now - attempt_->begin >= options_.refused_max) {
    return Complete(v1::CompleteRequest::OUTCOME_FAILED,
                    attempt_->problem.empty() ? "no connection receives that could reconnect"
                                              : attempt_->problem);
  }
  if (attempt_->connection != first->source_id) {
    attempt_->connection = first->source_id;
    attempt_->since = now;
  }
  if (IsReceiving(*first, now)) {
    attempt_->since = now;
    if (now >= attempt_->ask_at) AskToGo(*first);
  } else if (now - attempt_->since >= options_.away_max) {
    attempt_->given_up.insert(first->source_id);
  }
}

void ReconnectWorker::AskToGo(const SourceSnapshot& source) {
  DrainRequest request;
  request.connection = source.source_id;
  request.reconnect = true;
  request.by = seat_.work().recovery_step().recovery_job();
  const DrainDecision decision = ask_(request);
  attempt_->problem = ProblemOf(decision, source.source_id);
  attempt_->ask_at = loop_.Now() + std::min(decision.wait, kAskAgainMax);
  if (decision.outcome != DrainDecision::Outcome::kGranted) return;
  attempt_->told = loop_.Now();
  attempt_->session_epoch = source.session_epoch;
  attempt_->directive = decision.number;
}

void ReconnectWorker::AwaitReturn(const std::vector<SourceSnapshot>& sources) {
  const absl::Time now = loop_.Now();
  for (const SourceSnapshot& source : sources) {
    if (source.source_id != attempt_->connection) continue;
    if (source.session_epoch != attempt_->session_epoch) {
      // A new process asks for backfill too, and knows too little to vouch for it.
      return Complete(v1::CompleteRequest::OUTCOME_FAILED,
                      absl::StrCat(source.source_id, " was started again meanwhile"));
    }
    const bool is_back =
        IsReceiving(source, now) && source.report.obeyed_directive() == attempt_->directive;
    if (is_back && !attempt_->back.has_value()) attempt_->back = now;
  }
  if (attempt_->back.has_value() && now - *attempt_->back >= options_.settle) {
    return Complete(v1::CompleteRequest::OUTCOME_DONE, "");
  }
  if (!attempt_->back.has_value() && now - *attempt_->told >= options_.away_max) {
    Complete(v1::CompleteRequest::OUTCOME_FAILED,
             absl::StrCat(attempt_->connection, " was asked to reconnect and is not back"));
  }
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
