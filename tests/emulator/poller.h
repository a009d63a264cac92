// A thin epoll: who wants to know what about which file descriptor.
//
// Threads: one. Handlers are told by `OnEvent`; a descriptor must not be closed
// before the turn's events are all handled, so that none reaches a stranger.

#ifndef BRAID_TESTS_EMULATOR_POLLER_H_
#define BRAID_TESTS_EMULATOR_POLLER_H_

#include <cstdint>
#include <unordered_map>

#include "absl/time/time.h"

namespace braid::emulator {

class PollHandler {
 public:
  virtual ~PollHandler() = default;
  virtual void OnEvent(int fd, uint32_t epoll_events) = 0;
};

class Poller {
 public:
  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // Readable and hang-up are always watched. `handler` outlives the entry.
  void Add(int fd, PollHandler* handler);
  void SetWantsWrite(int fd, bool wants_write);
  void Remove(int fd);

  // Waits at most `timeout`, then calls the handlers of what happened.
  void Turn(absl::Duration timeout);

 private:
  struct Entry {
    PollHandler* handler = nullptr;
    bool wants_write = false;
  };
  int epoll_fd_;
  std::unordered_map<int, Entry> entries_;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_POLLER_H_
