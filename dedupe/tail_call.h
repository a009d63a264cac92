// One TailEvents call. At most one write is under way, and the next batch is
// built only when it is done: a stalled reader costs this object and one
// batch, nobody else waits for it, and nothing queues up for it.
//
// Threads: gRPC's (reactions), the work pool's (building), the merger's (wakes,
// which only post to the pool). mu_ guards the state; the batch belongs to
// whoever the state says.
// Ownership: keeps itself alive until gRPC's OnDone and no work is under way.

#ifndef BRAID_DEDUPE_TAIL_CALL_H_
#define BRAID_DEDUPE_TAIL_CALL_H_

#include <grpcpp/support/server_callback.h>

#include <cstdint>
#include <memory>
#include <set>

#include "absl/time/time.h"
#include "base/mutex.h"
#include "braid/v1/stream_service.pb.h"
#include "dedupe/readable_stream.h"
#include "dedupe/reading.h"
#include "dedupe/work_pool.h"

namespace braid {

class TailCall;

// The calls being served, so that they can be told to go. Thread-safe.
class TailCalls {
 public:
  void Add(std::shared_ptr<TailCall> call);
  void Remove(const std::shared_ptr<TailCall>& call);
  // Each call sends its last position and ends with UNAVAILABLE; so does every
  // later one.
  void Drain();
  // Of one stream.
  uint32_t CountOf(const ReadableStream& stream) const;

 private:
  mutable Mutex mu_;
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
  std::set<std::shared_ptr<TailCall>> calls_ ABSL_GUARDED_BY(mu_);
};

class TailCall final : public grpc::ServerWriteReactor<v1::TailEventsResponse>,
                       public std::enable_shared_from_this<TailCall> {
 public:
  // REQUIRES: all outlive the server that serves the call.
  static grpc::ServerWriteReactor<v1::TailEventsResponse>* Start(
      ReadableStream& stream, WorkPool& pool, TailCalls& calls,
      const v1::TailEventsRequest& request);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // From any thread; at most once matters.
  void Drain();
  const ReadableStream& stream() const { return stream_; }

  // Use Start.
  TailCall(ReadableStream& stream, WorkPool& pool, TailCalls& calls,
           const v1::TailEventsRequest& request);

 private:
  enum class State {
    kProducing,  // work is posted or under way: the batch is the pool's
    kWaiting,    // for the log to grow or a timer
    kWriting,    // the batch is gRPC's
    kFinished,
  };

  void Begin();
  void Produce();
  void Decide(const absl::StatusOr<Reading::Progress>& progress) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void WaitFor(absl::Duration delay) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void StopWaiting() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Wake(uint64_t wait_number);
  void PostProduce() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void WriteBatch() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Sends what the batch holds, and the position, before the status.
  void FinishWith(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool BatchIsEmpty() const;

  ReadableStream& stream_;
  WorkPool& pool_;
  TailCalls& calls_;
  const v1::TailEventsRequest request_;
  const absl::Duration batch_delay_;
  const absl::Duration heartbeat_interval_;

  // The pool's while producing.
  std::unique_ptr<Reading> reading_;
  v1::TailEventsResponse batch_;
  absl::Time batch_begin_;
  absl::Time last_write_;

  Mutex mu_;
  State state_ ABSL_GUARDED_BY(mu_) = State::kProducing;
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
  uint64_t wait_number_ ABSL_GUARDED_BY(mu_) = 0;
  HotTail::WaitId wait_id_ ABSL_GUARDED_BY(mu_) = 0;
  WorkPool::TimerId timer_id_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<TailCall> self_;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_TAIL_CALL_H_
