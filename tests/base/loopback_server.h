// A tiny scripted HTTP server for tests of real clients: each accepted
// connection reads one request and then runs the script on the server's own
// thread; when the script returns the socket is closed.

#ifndef BRAID_TESTS_BASE_LOOPBACK_SERVER_H_
#define BRAID_TESTS_BASE_LOOPBACK_SERVER_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace braid {

// One socket of the server, after the request has been read.
class LoopbackPeer {
 public:
  LoopbackPeer(int socket, std::string request) : socket_(socket), request_(std::move(request)) {}

  const std::string& request() const { return request_; }
  int socket() const { return socket_; }
  void Send(absl::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t sent = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;  // the client went away
      bytes.remove_prefix(sent);
    }
  }
  void SendChunk(absl::string_view bytes) {
    Send(absl::StrCat(absl::Hex(bytes.size()), "\r\n", bytes, "\r\n"));
  }
  // Closing then sends RST.
  void ResetOnClose() {
    linger reset{1, 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  }
  // Blocks until the client closes.
  void AwaitClose() {
    char byte;
    while (recv(socket_, &byte, 1, 0) > 0) {
    }
  }

 private:
  const int socket_;
  const std::string request_;
};

// A loopback server: each accepted connection runs the script.
class LoopbackServer {
 public:
  explicit LoopbackServer(std::function<void(LoopbackPeer*)> script, bool reads_request = true)
      : script_(std::move(script)), reads_request_(reads_request) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(listener_, 8), 0);
    socklen_t size = sizeof(address);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Run(); });
  }

  ~LoopbackServer() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }

  std::string Url(absl::string_view path = "/") const {
    return absl::StrCat("http://127.0.0.1:", port_, path);
  }
  int port() const { return port_; }

 private:
  void Run() {
    // Clients may be gone before the script is done.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    while (true) {
      int socket = accept(listener_, nullptr, nullptr);
      if (socket < 0) return;
      std::string request;
      char byte;
      while (reads_request_ && !absl::EndsWith(request, "\r\n\r\n") &&
             recv(socket, &byte, 1, 0) == 1) {
        request.push_back(byte);
      }
      LoopbackPeer peer(socket, request);
      script_(&peer);
      close(socket);
    }
  }

  const std::function<void(LoopbackPeer*)> script_;
  const bool reads_request_;
  int listener_ = -1;
  int port_ = 0;
  std::thread thread_;
};

}  // namespace braid

#endif  // BRAID_TESTS_BASE_LOOPBACK_SERVER_H_
