// The Loop of production: turns and timers on one thread, either a thread of
// its own (Start) or the caller's (RunInThisThread, for main).
//
// Threads: Post and Stop from any thread; the rest on the loop. Before Start
// or RunInThisThread the constructing thread counts as the loop, after Stop
// has returned the stopping one.
// Ownership: whoever owns the loop destroys it after everything that posts to
// it. Turns that never ran are destroyed with the loop.
// Bounds: none on posted turns; whoever posts bounds what it posts.
// pending_count() feeds a metric.

#ifndef BRAID_BASE_REAL_LOOP_H_
#define BRAID_BASE_REAL_LOOP_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "base/loop.h"
#include "base/mutex.h"

namespace braid {

class RealLoop final : public Loop {
 public:
  // `name` is what the thread is called in top and gdb; 15 bytes are kept.
  explicit RealLoop(std::string name = "loop");
  // Stops.
  ~RealLoop() override;

  // Runs turns on a thread of its own. At most once, and not both.
  void Start();
  // Runs turns on this thread until Stop.
  void RunInThisThread();

  // Everything posted before runs first, timers do not. Then waits for the
  // thread that Start made; called from a turn it returns at once. Turns
  // posted later are not run. May be called again.
  void Stop();

  // Turns posted and not yet begun. Thread-safe.
  uint64_t pending_count() const { return pending_count_.load(std::memory_order_relaxed); }

  absl::Time Now() const override { return now_; }
  absl::Time WallNow() const override;
  TimerId After(absl::Duration delay, Turn turn) override;
  void Cancel(TimerId id) override;
  void Post(Turn turn) override;

 private:
  using TimerKey = std::pair<absl::Time, TimerId>;

  void Run();
  // Returns false when the loop is to end after this batch.
  bool TakePosted(std::vector<Turn>* batch);
  void RunTimers();
  void Join();

  const std::string name_;

  // Owned by the loop.
  absl::Time now_;
  TimerId last_timer_ = 0;
  // Ordered maps rather than a heap: a cancelled timer is gone, so that a
  // watchdog renewed with every packet leaves nothing behind.
  std::map<TimerKey, Turn> timers_;
  absl::flat_hash_map<TimerId, absl::Time> timer_times_;

  std::atomic<std::thread::id> loop_thread_{};
  std::atomic<uint64_t> pending_count_{0};

  Mutex mu_;
  CondVar posted_or_stopped_;
  std::vector<Turn> posted_ ABSL_GUARDED_BY(mu_);
  bool waiting_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;

  Mutex join_mu_;
  std::thread thread_ ABSL_GUARDED_BY(join_mu_);
};

}  // namespace braid

#endif  // BRAID_BASE_REAL_LOOP_H_
