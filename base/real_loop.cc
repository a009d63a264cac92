#include "base/real_loop.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>

#include "absl/time/clock.h"
#include "base/check.h"
#include "base/monotonic_clock.h"

namespace braid {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

SteadyTime ToSteady(absl::Time time) {
  return SteadyTime(absl::ToChronoNanoseconds(time - absl::UnixEpoch()));
}

}  // namespace

RealLoop::RealLoop(std::string name) : name_(std::move(name)), now_(MonotonicNow()) {}

RealLoop::~RealLoop() {
  Stop();
  Join();
}

absl::Time RealLoop::WallNow() const { return absl::Now(); }

void RealLoop::Start() {
  MutexLock lock(&join_mu_);
  BRAID_CHECK(!thread_.joinable());
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), name_.substr(0, 15).c_str());
    Run();
  });
}

void RealLoop::RunInThisThread() { Run(); }

void RealLoop::Stop() {
  {
    MutexLock lock(&mu_);
    stopping_ = true;
    posted_or_stopped_.NotifyAll();
  }
  if (loop_thread_.load() != std::this_thread::get_id()) Join();
}

void RealLoop::Join() {
  MutexLock lock(&join_mu_);
  if (thread_.joinable()) thread_.join();
}

Loop::TimerId RealLoop::After(absl::Duration delay, Turn turn) {
  const TimerId id = ++last_timer_;
  const absl::Time when = now_ + std::max(delay, absl::ZeroDuration());
  // A timer that will never fire needs an id and nothing else.
  if (when == absl::InfiniteFuture()) return id;
  timers_.emplace(TimerKey{when, id}, std::move(turn));
  timer_times_.emplace(id, when);
  return id;
}

void RealLoop::Cancel(TimerId id) {
  const auto found = timer_times_.find(id);
  if (found == timer_times_.end()) return;
  const TimerKey key{found->second, id};
  timer_times_.erase(found);
  // Last: destroying the turn may destroy what it holds.
  const auto node = timers_.extract(key);
}

void RealLoop::Post(Turn turn) {
  pending_count_.fetch_add(1, std::memory_order_relaxed);
  MutexLock lock(&mu_);
  posted_.push_back(std::move(turn));
  // One wake-up per wait: posting to a busy loop costs no system call.
  if (!waiting_) return;
  waiting_ = false;
  posted_or_stopped_.NotifyAll();
}

void RealLoop::Run() {
  loop_thread_.store(std::this_thread::get_id());
  std::vector<Turn> batch;
  bool more = true;
  while (more) {
    more = TakePosted(&batch);
    for (Turn& turn : batch) {
      now_ = MonotonicNow();
      pending_count_.fetch_sub(1, std::memory_order_relaxed);
      turn();
      turn = nullptr;
    }
    batch.clear();
    now_ = MonotonicNow();
    if (more) RunTimers();
  }
  loop_thread_.store(std::thread::id());
}

bool RealLoop::TakePosted(std::vector<Turn>* batch) {
  MutexLock lock(&mu_);
  while (posted_.empty() && !stopping_) {
    if (!timers_.empty() && timers_.begin()->first.first <= MonotonicNow()) break;
    waiting_ = true;
    if (timers_.empty()) {
      posted_or_stopped_.Wait(&mu_);
    } else {
      posted_or_stopped_.WaitUntil(&mu_, ToSteady(timers_.begin()->first.first));
    }
  }
  waiting_ = false;
  batch->swap(posted_);
  return !stopping_;
}

// Timers due when the round began; those set meanwhile wait for the next
// round, so that a timer that renews itself can not starve posted turns.
void RealLoop::RunTimers() {
  const absl::Time due = now_;
  const TimerId newest = last_timer_;
  auto next = timers_.begin();
  while (next != timers_.end() && next->first.first <= due) {
    const TimerKey key = next->first;
    if (key.second <= newest) {
      auto node = timers_.extract(next);
      timer_times_.erase(key.second);
      node.mapped()();
      now_ = MonotonicNow();
    }
    next = timers_.upper_bound(key);
  }
}

}  // namespace braid
