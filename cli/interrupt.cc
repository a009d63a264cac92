#include "cli/interrupt.h"

#include <chrono>

namespace braid {

void Interrupt::Trigger() {
  MutexLock lock(&mu_);
  triggered_ = true;
  if (cancel_) cancel_();
  changed_.NotifyAll();
}

bool Interrupt::triggered() const {
  MutexLock lock(&mu_);
  return triggered_;
}

bool Interrupt::Sleep(absl::Duration duration) {
  auto deadline = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(duration);
  MutexLock lock(&mu_);
  while (!triggered_ && changed_.WaitUntil(&mu_, deadline)) {
  }
  return !triggered_;
}

Interrupt::Scope::Scope(Interrupt& interrupt, std::function<void()> cancel)
    : interrupt_(interrupt) {
  MutexLock lock(&interrupt_.mu_);
  if (interrupt_.triggered_) cancel();
  interrupt_.cancel_ = std::move(cancel);
}

Interrupt::Scope::~Scope() {
  MutexLock lock(&interrupt_.mu_);
  interrupt_.cancel_ = nullptr;
}

}  // namespace braid
