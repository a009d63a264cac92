#include "base/signals.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

#include "base/check.h"

namespace braid {

Signals::Signals(Loop& loop, absl::AnyInvocable<void(int)> on_stop,
                 std::function<void()> on_reload)
    : loop_(loop), on_stop_(std::move(on_stop)), on_reload_(std::move(on_reload)) {
  signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  BRAID_CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  signal_fd_ = signalfd(-1, &set, SFD_CLOEXEC);
  end_fd_ = eventfd(0, EFD_CLOEXEC);
  BRAID_CHECK(signal_fd_ >= 0 && end_fd_ >= 0);
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "signals");
    Run();
  });
}

Signals::~Signals() {
  const uint64_t one = 1;
  BRAID_CHECK(write(end_fd_, &one, sizeof(one)) == sizeof(one));
  thread_.join();
  close(signal_fd_);
  close(end_fd_);
}

void Signals::Run() {
  while (true) {
    pollfd fds[] = {{signal_fd_, POLLIN, 0}, {end_fd_, POLLIN, 0}};
    if (poll(fds, 2, -1) < 0) continue;
    if (fds[1].revents != 0) return;
    signalfd_siginfo info{};
    if (read(signal_fd_, &info, sizeof(info)) != sizeof(info)) continue;
    const int number = static_cast<int>(info.ssi_signo);
    if (number == SIGHUP) {
      if (on_reload_ && on_stop_) loop_.Post(on_reload_);
      continue;
    }
    // 128 + number: what shells report for a signal.
    if (!on_stop_) _exit(128 + number);
    loop_.Post([on_stop = std::exchange(on_stop_, nullptr), number]() mutable { on_stop(number); });
  }
}

}  // namespace braid
