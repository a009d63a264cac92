#include "tests/emulator/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace braid::emulator {
namespace {

absl::Status Failed(absl::string_view what, absl::string_view address) {
  return absl::UnavailableError(absl::StrCat(what, " ", address, ": ", std::strerror(errno)));
}

std::string AddressText(const sockaddr_in& address) {
  char text[INET_ADDRSTRLEN] = "";
  inet_ntop(AF_INET, &address.sin_addr, text, sizeof(text));
  return absl::StrCat(text, ":", ntohs(address.sin_port));
}

}  // namespace

Listener::~Listener() {
  if (fd_ >= 0) close(fd_);
}

absl::Status Listener::Open(absl::string_view address) {
  size_t colon = address.rfind(':');
  int port = -1;
  sockaddr_in where{};
  where.sin_family = AF_INET;
  if (colon == absl::string_view::npos || !absl::SimpleAtoi(address.substr(colon + 1), &port) ||
      port < 0 || port > 65535 ||
      inet_pton(AF_INET, std::string(address.substr(0, colon)).c_str(), &where.sin_addr) != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("listen address ", address, ": want an IPv4 address, a colon and a port"));
  }
  where.sin_port = htons(static_cast<uint16_t>(port));
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int yes = 1;
  setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  if (bind(fd_, reinterpret_cast<sockaddr*>(&where), sizeof(where)) != 0) {
    return Failed("bind", address);
  }
  if (listen(fd_, 128) != 0) return Failed("listen", address);
  socklen_t size = sizeof(where);
  getsockname(fd_, reinterpret_cast<sockaddr*>(&where), &size);
  port_ = ntohs(where.sin_port);
  return absl::OkStatus();
}

std::optional<Accepted> Listener::Accept() {
  sockaddr_in peer{};
  socklen_t size = sizeof(peer);
  int fd = accept4(fd_, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return std::nullopt;
  int yes = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
  return Accepted{fd, AddressText(peer)};
}

}  // namespace braid::emulator
