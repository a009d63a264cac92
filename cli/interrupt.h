// Ctrl-C for commands that run until then: cancels the call under way and ends
// every wait at once.
//
// Threads: all methods from any thread. Not for signal handlers: main waits
// for signals on a thread of its own and calls Trigger there.

#ifndef BRAID_CLI_INTERRUPT_H_
#define BRAID_CLI_INTERRUPT_H_

#include <functional>

#include "absl/time/time.h"
#include "base/mutex.h"

namespace braid {

class Interrupt {
 public:
  void Trigger();
  bool triggered() const;

  // Returns false at once, or as soon as, the interrupt is triggered.
  bool Sleep(absl::Duration duration);

  // While it lives, Trigger calls `cancel` (once); at once where it was
  // triggered before.
  class Scope {
   public:
    Scope(Interrupt& interrupt, std::function<void()> cancel);
    ~Scope();

   private:
    Interrupt& interrupt_;
  };

 private:
  mutable Mutex mu_;
  CondVar changed_;
  bool triggered_ ABSL_GUARDED_BY(mu_) = false;
  std::function<void()> cancel_ ABSL_GUARDED_BY(mu_);
};

}  // namespace braid

#endif  // BRAID_CLI_INTERRUPT_H_
