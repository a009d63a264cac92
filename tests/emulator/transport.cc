#include "tests/emulator/transport.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace braid::emulator {
namespace {

IoResult FromSystem(ssize_t result) {
  if (result > 0) return {IoState::kOk, static_cast<size_t>(result)};
  if (result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
    return {IoState::kBlocked};
  }
  if (result == 0) errno = 0;  // the peer's end is no error
  return {IoState::kClosed};
}

class PlainTransport final : public Transport {
 public:
  explicit PlainTransport(int fd) : fd_(fd) {}
  ~PlainTransport() override { close(fd_); }

  IoResult Read(char* buffer, size_t size) override {
    return FromSystem(recv(fd_, buffer, size, 0));
  }
  IoResult Write(const std::vector<iovec>& pieces) override {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(pieces.data());
    message.msg_iovlen = pieces.size();
    return FromSystem(sendmsg(fd_, &message, MSG_NOSIGNAL));
  }
  void FinishWriting() override { shutdown(fd_, SHUT_WR); }
  int fd() const override { return fd_; }

 private:
  const int fd_;
};

class PlainFactory final : public TransportFactory {
 public:
  std::unique_ptr<Transport> Make(int fd) override { return MakePlainTransport(fd); }
};

}  // namespace

void Transport::ResetOnClose() {
  linger hard{1, 0};
  setsockopt(fd(), SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
}

bool ReadAll(Transport* transport, std::string* in) {
  char buffer[64 << 10];
  for (;;) {
    IoResult result = transport->Read(buffer, sizeof(buffer));
    if (result.state == IoState::kBlocked) return true;
    if (result.state == IoState::kClosed) return false;
    if (in != nullptr) in->append(buffer, result.bytes);
  }
}

std::unique_ptr<Transport> MakePlainTransport(int fd) {
  return std::make_unique<PlainTransport>(fd);
}

std::unique_ptr<TransportFactory> MakePlainFactory() { return std::make_unique<PlainFactory>(); }

}  // namespace braid::emulator
