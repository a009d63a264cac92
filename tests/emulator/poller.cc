#include "tests/emulator/poller.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>

#include "base/check.h"

namespace braid::emulator {
namespace {

constexpr uint32_t kAlways = EPOLLIN | EPOLLRDHUP;

}  // namespace

Poller::Poller() : epoll_fd_(epoll_create1(EPOLL_CLOEXEC)) { BRAID_CHECK(epoll_fd_ >= 0); }

Poller::~Poller() { close(epoll_fd_); }

void Poller::Add(int fd, PollHandler* handler) {
  entries_[fd] = {handler, false};
  epoll_event event{};
  event.events = kAlways;
  event.data.fd = fd;
  BRAID_CHECK(epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) == 0);
}

void Poller::SetWantsWrite(int fd, bool wants_write) {
  Entry& entry = entries_[fd];
  if (entry.wants_write == wants_write) return;
  entry.wants_write = wants_write;
  epoll_event event{};
  event.events = kAlways | (wants_write ? EPOLLOUT : 0u);
  event.data.fd = fd;
  epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, fd, &event);
}

void Poller::Remove(int fd) {
  entries_.erase(fd);
  epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr);
}

void Poller::Turn(absl::Duration timeout) {
  // One second at most, so that a wrong deadline is only late.
  timeout = std::clamp(timeout, absl::ZeroDuration(), absl::Seconds(1));
  timespec wait = absl::ToTimespec(timeout);
  epoll_event events[64];
  int count = epoll_pwait2(epoll_fd_, events, 64, &wait, nullptr);
  for (int i = 0; i < count; ++i) {
    auto found = entries_.find(events[i].data.fd);
    if (found != entries_.end()) found->second.handler->OnEvent(found->first, events[i].events);
  }
}

}  // namespace braid::emulator
