#include "dedupe/work_pool.h"

#include <chrono>

namespace braid {
namespace {

int64_t NowMicros() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

WorkPool::WorkPool(int thread_count) {
  for (int i = 0; i < thread_count; ++i) threads_.emplace_back([this] { Run(); });
}

WorkPool::~WorkPool() {
  std::deque<Work> dropped;
  std::map<TimerId, Work> dropped_timers;
  {
    MutexLock lock(&mu_);
    stopping_ = true;
    dropped.swap(queue_);
    dropped_timers.swap(timers_);
    changed_.NotifyAll();
  }
  for (std::thread& thread : threads_) thread.join();
}

void WorkPool::Post(Work work) {
  MutexLock lock(&mu_);
  if (stopping_) return;
  queue_.push_back(std::move(work));
  changed_.NotifyOne();
}

WorkPool::TimerId WorkPool::After(absl::Duration delay, Work work) {
  MutexLock lock(&mu_);
  // A day stands for "never": no caller waits longer for anything.
  int64_t delay_micros = absl::ToInt64Microseconds(std::min(delay, absl::Hours(24)));
  TimerId id{NowMicros() + delay_micros, ++last_timer_};
  if (stopping_) return id;
  auto it = timers_.emplace(id, std::move(work)).first;
  if (it == timers_.begin()) changed_.NotifyOne();
  return id;
}

void WorkPool::Cancel(TimerId id) {
  Work dropped;  // destroyed after the lock: it may own its caller
  MutexLock lock(&mu_);
  auto it = timers_.find(id);
  if (it == timers_.end()) return;
  dropped = std::move(it->second);
  timers_.erase(it);
}

bool WorkPool::TakeDue(Work* work) {
  if (!timers_.empty() && timers_.begin()->first.first <= NowMicros()) {
    *work = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    return true;
  }
  if (queue_.empty()) return false;
  *work = std::move(queue_.front());
  queue_.pop_front();
  return true;
}

void WorkPool::Run() {
  while (true) {
    Work work;
    {
      MutexLock lock(&mu_);
      while (!stopping_ && !TakeDue(&work)) {
        if (timers_.empty()) {
          changed_.Wait(&mu_);
        } else {
          std::chrono::steady_clock::time_point due{
              std::chrono::microseconds(timers_.begin()->first.first)};
          changed_.WaitUntil(&mu_, due);
        }
      }
      if (stopping_) return;
    }
    work();
  }
}

}  // namespace braid
