// The shapes that the services' calls have in common: a question answered on
// the pool, a stream of answers refused at once, and a stream that looks again
// and again and tells what is new.
//
// Threads: gRPC's threads make them; looks and answers run on the work pool, of
// one call never two at a time.
// Ownership: each call owns itself until gRPC is done with it; the pool, and
// what the functions refer to, outlive the server.
// Bounds: a PolledWrites has one write under way, one timer, and what its last
// look found.

#ifndef BRAID_DEDUPE_GRPC_CALLS_H_
#define BRAID_DEDUPE_GRPC_CALLS_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "dedupe/access.h"
#include "dedupe/work_pool.h"
#include "proto/reason.h"

namespace braid {

// `function(*request)` gives the response, or why there is none; it may block on
// the disk.
template <typename Request, typename Response, typename Function>
grpc::ServerUnaryReactor* AnswerOnPool(grpc::CallbackServerContext* context, WorkPool& pool,
                                       Access access, const Request* request, Response* response,
                                       Function function) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  pool.Post([context, reactor, access, request, response, function] {
    absl::Status result = CheckAccess(*context->auth_context(), access);
    if (result.ok()) {
      absl::StatusOr<Response> answer = function(*request);
      if (answer.ok()) *response = *std::move(answer);
      result = answer.status();
    }
    reactor->Finish(ToGrpcStatus(result));
  });
  return reactor;
}

template <typename Response>
grpc::ServerWriteReactor<Response>* RefuseWrites(const absl::Status& status) {
  class Refusal final : public grpc::ServerWriteReactor<Response> {
   public:
    explicit Refusal(const absl::Status& status) { this->Finish(ToGrpcStatus(status)); }
    void OnDone() override { delete this; }
  };
  return new Refusal(status);
}

template <typename Response>
class PolledWrites final : public grpc::ServerWriteReactor<Response>,
                           public std::enable_shared_from_this<PolledWrites<Response>> {
 public:
  struct Options {
    // From the last write, or a look that found nothing, to the next look.
    absl::Duration interval;
    // An empty response after so long without any.
    absl::Duration heartbeat = absl::InfiniteDuration();
  };
  // What a look found, in the order in which it is told, and whether it was the
  // last one.
  struct Found {
    std::vector<Response> responses;
    bool is_last = false;
  };
  using Look = std::function<absl::StatusOr<Found>()>;

  // `draining`: the call ends with UNAVAILABLE at its next look.
  static grpc::ServerWriteReactor<Response>* Start(WorkPool& pool, const Options& options,
                                                   std::function<bool()> draining, Look look) {
    std::shared_ptr<PolledWrites> call(
        new PolledWrites(pool, options, std::move(draining), std::move(look)));
    call->self_ = call;
    pool.Post([call] { call->LookOnce(); });
    return call.get();
  }

  void OnWriteDone(bool ok) override {
    MutexLock lock(&mu_);
    if (finished_) return;
    if (!ok) return FinishWith(absl::CancelledError("the watcher is gone"));
    WriteNext();
  }

  void OnCancel() override {
    MutexLock lock(&mu_);
    pool_.Cancel(timer_);
    if (!finished_) FinishWith(absl::CancelledError("the watcher is gone"));
  }

  void OnDone() override { std::shared_ptr<PolledWrites> self = std::move(self_); }

 private:
  PolledWrites(WorkPool& pool, const Options& options, std::function<bool()> draining, Look look)
      : pool_(pool), options_(options), draining_(std::move(draining)), look_(std::move(look)) {}

  void LookOnce() {
    absl::StatusOr<Found> found = look_();
    MutexLock lock(&mu_);
    if (finished_) return;
    if (!found.ok()) return FinishWith(found.status());
    if (draining_()) return FinishWith(absl::UnavailableError("the deduper is shutting down"));
    for (Response& response : found->responses) waiting_.push_back(std::move(response));
    is_last_ = found->is_last;
    if (waiting_.empty() && quiet_ >= options_.heartbeat) waiting_.emplace_back();
    WriteNext();
  }

  void WriteNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (waiting_.empty()) {
      if (is_last_) return FinishWith(absl::OkStatus());
      quiet_ += options_.interval;
      timer_ = pool_.After(options_.interval, [self = self_] { self->LookOnce(); });
      return;
    }
    quiet_ = absl::ZeroDuration();
    response_ = std::move(waiting_.front());
    waiting_.pop_front();
    this->StartWrite(&response_);
  }

  void FinishWith(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    finished_ = true;
    this->Finish(ToGrpcStatus(status));
  }

  WorkPool& pool_;
  const Options options_;
  const std::function<bool()> draining_;
  const Look look_;
  Response response_;
  std::shared_ptr<PolledWrites> self_;
  Mutex mu_;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  bool is_last_ ABSL_GUARDED_BY(mu_) = false;
  std::deque<Response> waiting_ ABSL_GUARDED_BY(mu_);
  absl::Duration quiet_ ABSL_GUARDED_BY(mu_);
  WorkPool::TimerId timer_ ABSL_GUARDED_BY(mu_);
};

}  // namespace braid

#endif  // BRAID_DEDUPE_GRPC_CALLS_H_
