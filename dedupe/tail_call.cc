#include "dedupe/tail_call.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "dedupe/tail_request.h"
#include "proto/reason.h"

namespace braid {
namespace {

absl::Status GoingAway() {
  return absl::UnavailableError("the deduper is shutting down: resume from the last cursor");
}

}  // namespace

void TailCalls::Add(std::shared_ptr<TailCall> call) {
  bool draining;
  {
    MutexLock lock(&mu_);
    calls_.insert(call);
    draining = draining_;
  }
  if (draining) call->Drain();
}

void TailCalls::Remove(const std::shared_ptr<TailCall>& call) {
  MutexLock lock(&mu_);
  calls_.erase(call);
}

void TailCalls::Drain() {
  std::set<std::shared_ptr<TailCall>> calls;
  {
    MutexLock lock(&mu_);
    draining_ = true;
    calls = calls_;
  }
  for (const std::shared_ptr<TailCall>& call : calls) call->Drain();
}

uint32_t TailCalls::CountOf(const ReadableStream& stream) const {
  MutexLock lock(&mu_);
  return static_cast<uint32_t>(std::count_if(
      calls_.begin(), calls_.end(), [&](const auto& call) { return &call->stream() == &stream; }));
}

grpc::ServerWriteReactor<v1::TailEventsResponse>* TailCall::Start(
    ReadableStream& stream, WorkPool& pool, TailCalls& calls,
    const v1::TailEventsRequest& request) {
  auto call = std::make_shared<TailCall>(stream, pool, calls, request);
  call->self_ = call;
  calls.Add(call);
  pool.Post([call] { call->Begin(); });
  return call.get();
}

TailCall::TailCall(ReadableStream& stream, WorkPool& pool, TailCalls& calls,
                   const v1::TailEventsRequest& request)
    : stream_(stream),
      pool_(pool),
      calls_(calls),
      request_(request),
      batch_delay_(BatchDelay(request)),
      heartbeat_interval_(HeartbeatInterval(request)),
      // So the first answer goes out at once, even if it holds no event: the
      // reader has a position to resume from.
      last_write_(absl::InfinitePast()) {}

void TailCall::Begin() {
  absl::StatusOr<std::unique_ptr<Reading>> reading = StartReading(stream_, request_, absl::Now());
  if (reading.ok()) {
    reading_ = *std::move(reading);
    Produce();
    return;
  }
  MutexLock lock(&mu_);
  if (state_ != State::kFinished) FinishWith(reading.status());
}

void TailCall::Produce() {
  bool was_empty = BatchIsEmpty();
  absl::StatusOr<Reading::Progress> progress = reading_->Fill(&batch_);
  if (was_empty) batch_begin_ = absl::Now();
  MutexLock lock(&mu_);
  if (state_ != State::kFinished) Decide(progress);
}

void TailCall::Decide(const absl::StatusOr<Reading::Progress>& progress) {
  if (!progress.ok()) return FinishWith(progress.status());
  if (*progress == Reading::Progress::kEnded) return FinishWith(absl::OkStatus());
  if (draining_) return FinishWith(GoingAway());
  if (*progress == Reading::Progress::kFull) return WriteBatch();
  absl::Time now = absl::Now();
  absl::Time due = BatchIsEmpty() ? last_write_ + heartbeat_interval_ : batch_begin_ + batch_delay_;
  if (now >= due) return WriteBatch();
  WaitFor(due - now);
}

void TailCall::WaitFor(absl::Duration delay) {
  state_ = State::kWaiting;
  uint64_t number = ++wait_number_;
  auto wake = [self = shared_from_this(), number] { self->Wake(number); };
  wait_id_ = stream_.hot_tail().Wait(reading_->seen(), wake);
  if (wait_id_ == 0) return PostProduce();
  timer_id_ = pool_.After(delay, wake);
}

void TailCall::StopWaiting() {
  stream_.hot_tail().Cancel(wait_id_);
  pool_.Cancel(timer_id_);
  wait_id_ = 0;
  timer_id_ = {};
}

void TailCall::Wake(uint64_t wait_number) {
  MutexLock lock(&mu_);
  if (state_ != State::kWaiting || wait_number != wait_number_) return;
  StopWaiting();
  PostProduce();
}

void TailCall::PostProduce() {
  state_ = State::kProducing;
  pool_.Post([self = shared_from_this()] { self->Produce(); });
}

void TailCall::WriteBatch() {
  reading_->FillPosition(&batch_);
  state_ = State::kWriting;
  last_write_ = absl::Now();
  StartWrite(&batch_);
}

void TailCall::FinishWith(const absl::Status& status) {
  state_ = State::kFinished;
  if (reading_ == nullptr) return Finish(ToGrpcStatus(status));
  reading_->FillPosition(&batch_);
  StartWriteAndFinish(&batch_, grpc::WriteOptions(), ToGrpcStatus(status));
}

bool TailCall::BatchIsEmpty() const {
  return batch_.events_size() == 0 && batch_.late_events_size() == 0 && batch_.frames_size() == 0 &&
         batch_.notices_size() == 0;
}

void TailCall::OnWriteDone(bool ok) {
  MutexLock lock(&mu_);
  if (state_ != State::kWriting) return;
  if (!ok) {
    state_ = State::kFinished;
    return Finish(grpc::Status(grpc::StatusCode::CANCELLED, "the reader is gone"));
  }
  batch_.Clear();
  if (draining_) return FinishWith(GoingAway());
  PostProduce();
}

void TailCall::OnCancel() {
  MutexLock lock(&mu_);
  if (state_ == State::kFinished) return;
  if (state_ == State::kWaiting) StopWaiting();
  // A write under way fails by itself and finishes there.
  if (state_ == State::kWriting) return;
  state_ = State::kFinished;
  Finish(grpc::Status(grpc::StatusCode::CANCELLED, "the reader is gone"));
}

void TailCall::Drain() {
  auto self = shared_from_this();
  MutexLock lock(&mu_);
  draining_ = true;
  if (state_ != State::kWaiting) return;
  StopWaiting();
  FinishWith(GoingAway());
}

void TailCall::OnDone() {
  std::shared_ptr<TailCall> self = std::move(self_);
  calls_.Remove(self);
}

}  // namespace braid
