// SIGTERM and SIGINT become a turn of the loop, and so does each SIGHUP;
// SIGPIPE is ignored (writing to a closed socket is an error like others).
//
// Threads: construct in main before any other thread starts, since the signals
// are blocked for all threads that follow and taken by one of its own.
// Ownership: destroy before the loop. Afterwards the signals stay blocked.
// Bounds: a second signal while stopping ends the process at once, with exit
// status 130 for SIGINT and 143 for SIGTERM.

#ifndef BRAID_BASE_SIGNALS_H_
#define BRAID_BASE_SIGNALS_H_

#include <functional>
#include <thread>

#include "absl/functional/any_invocable.h"
#include "base/loop.h"

namespace braid {

class Signals {
 public:
  // `on_stop` runs at most once, as a turn, with the signal's number.
  // `on_reload` runs for each SIGHUP until the stop; null: they are ignored.
  Signals(Loop& loop, absl::AnyInvocable<void(int)> on_stop,
          std::function<void()> on_reload = nullptr);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

 private:
  void Run();

  Loop& loop_;
  absl::AnyInvocable<void(int)> on_stop_;
  const std::function<void()> on_reload_;
  int signal_fd_ = -1;
  int end_fd_ = -1;
  std::thread thread_;
};

}  // namespace braid

#endif  // BRAID_BASE_SIGNALS_H_
