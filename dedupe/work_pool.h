// A few threads for the readers' work that may block on the disk or costs CPU
// (unpacking, building batches), so that it never runs on a merger thread or
// holds up gRPC's own threads; and their timers.
//
// Threads: all methods from any thread, also from inside work.
// Ownership: work that has not started when the pool is destroyed is dropped;
// work that is under way is waited for.
// Bounds: callers have at most one piece of work and one timer waiting per
// call they serve; the number of calls is bounded by the server.

#ifndef BRAID_DEDUPE_WORK_POOL_H_
#define BRAID_DEDUPE_WORK_POOL_H_

#include <cstdint>
#include <deque>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace braid {

class WorkPool {
 public:
  using Work = absl::AnyInvocable<void()>;
  // When it runs and a number that makes it unique; {…, 0} is no timer.
  using TimerId = std::pair<int64_t, uint64_t>;

  explicit WorkPool(int thread_count);
  ~WorkPool();
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;

  void Post(Work work);
  TimerId After(absl::Duration delay, Work work);
  // Work that is under way goes on.
  void Cancel(TimerId id);

 private:
  void Run();
  bool TakeDue(Work* work) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Mutex mu_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  uint64_t last_timer_ ABSL_GUARDED_BY(mu_) = 0;
  std::deque<Work> queue_ ABSL_GUARDED_BY(mu_);
  std::map<TimerId, Work> timers_ ABSL_GUARDED_BY(mu_);
  std::vector<std::thread> threads_;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_WORK_POOL_H_
