#include "tests/harness/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"

namespace braid::harness {
namespace {

class Socket final {
 public:
  Socket() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  ~Socket() { close(fd_); }
  int fd() const { return fd_; }

 private:
  const int fd_;
};

absl::Status Failed(const HttpCall& call, absl::string_view what) {
  return absl::UnavailableError(absl::StrCat(call.method, " ", call.host, ":", call.port,
                                             call.target, ": ", what, ": ", strerror(errno)));
}

absl::Status Connect(const Socket& socket, const HttpCall& call) {
  timeval timeout = absl::ToTimeval(call.timeout);
  setsockopt(socket.fd(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  setsockopt(socket.fd(), SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(call.port));
  inet_pton(AF_INET, call.host.c_str(), &address.sin_addr);
  if (connect(socket.fd(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    return Failed(call, "connect");
  }
  return absl::OkStatus();
}

absl::Status SendAll(const Socket& socket, const HttpCall& call, absl::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t sent = send(socket.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return Failed(call, "send");
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return absl::OkStatus();
}

std::string DecodeChunks(absl::string_view bytes) {
  std::string body;
  while (true) {
    size_t line_end = bytes.find("\r\n");
    if (line_end == absl::string_view::npos) return body;
    uint64_t size = strtoull(std::string(bytes.substr(0, line_end)).c_str(), nullptr, 16);
    bytes.remove_prefix(line_end + 2);
    if (size == 0 || size + 2 > bytes.size()) return body;
    absl::StrAppend(&body, bytes.substr(0, size));
    bytes.remove_prefix(size + 2);
  }
}

absl::StatusOr<HttpAnswer> ParseAnswer(const HttpCall& call, const std::string& bytes) {
  size_t head_end = bytes.find("\r\n\r\n");
  std::vector<std::string> words = absl::StrSplit(bytes.substr(0, bytes.find("\r\n")), ' ');
  HttpAnswer answer;
  if (head_end == std::string::npos || words.size() < 2 ||
      !absl::SimpleAtoi(words[1], &answer.status)) {
    errno = EPROTO;
    return Failed(call, "answer");
  }
  std::string head = absl::AsciiStrToLower(bytes.substr(0, head_end));
  answer.body = bytes.substr(head_end + 4);
  if (absl::StrContains(head, "transfer-encoding: chunked")) {
    answer.body = DecodeChunks(answer.body);
  }
  return answer;
}

}  // namespace

absl::StatusOr<HttpAnswer> CallHttp(const HttpCall& call) {
  Socket socket;
  absl::Status connected = Connect(socket, call);
  if (!connected.ok()) return connected;
  absl::Status sent = SendAll(
      socket, call,
      absl::StrCat(call.method, " ", call.target, " HTTP/1.1\r\nHost: ", call.host,
                   "\r\nConnection: close\r\nContent-Length: ", call.body.size(), "\r\n\r\n"));
  if (sent.ok()) sent = SendAll(socket, call, call.body);
  if (!sent.ok()) return sent;
  std::string bytes;
  char buffer[65536];
  while (true) {
    ssize_t count = recv(socket.fd(), buffer, sizeof(buffer), 0);
    if (count < 0 && bytes.empty()) return Failed(call, "receive");
    if (count <= 0) break;
    bytes.append(buffer, static_cast<size_t>(count));
  }
  return ParseAnswer(call, bytes);
}

Metrics::Metrics(const std::string& text) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    size_t space = line.rfind(' ');
    if (line.empty() || line[0] == '#' || space == absl::string_view::npos) continue;
    double value = 0;
    if (absl::SimpleAtod(line.substr(space + 1), &value)) {
      samples_[std::string(line.substr(0, space))] = value;
    }
  }
}

std::optional<double> Metrics::Sum(absl::string_view name, absl::string_view labels) const {
  std::optional<double> sum;
  for (const auto& [sample, value] : samples_) {
    if (!absl::StartsWith(sample, name)) continue;
    absl::string_view rest = absl::string_view(sample).substr(name.size());
    if (!rest.empty() && rest[0] != '{') continue;
    if (!labels.empty() && !absl::StrContains(rest, labels)) continue;
    sum = sum.value_or(0) + value;
  }
  return sum;
}

}  // namespace braid::harness
