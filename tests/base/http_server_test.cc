#include "base/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/host_port.h"
#include "gtest/gtest.h"

namespace braid {
namespace {

int Connect(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  return fd;
}

std::string ReadToEnd(int fd) {
  std::string out;
  char buffer[4096];
  for (ssize_t n; (n = read(fd, buffer, sizeof(buffer))) > 0;) {
    out.append(buffer, static_cast<size_t>(n));
  }
  close(fd);
  return out;
}

void Send(int fd, const std::string& bytes) {
  EXPECT_EQ(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
}

std::string Ask(uint16_t port, const std::string& request_line, const std::string& headers = "") {
  const int fd = Connect(port);
  Send(fd, absl::StrCat(request_line, " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", headers,
                        "\r\n"));
  return ReadToEnd(fd);
}

TEST(HttpServer, AnswersRegisteredPathsAndNothingElse) {
  HttpServer server;
  server.Handle("/metrics", [] { return HttpServerResponse{200, "text/x", "hello 1\n"}; });
  server.Handle("/-/ready", [] { return HttpServerResponse{.status = 503, .body = "no\n"}; });
  ASSERT_TRUE(server.Start("127.0.0.1:0").ok());
  const std::string metrics = Ask(server.port(), "GET /metrics?x=1");
  EXPECT_TRUE(absl::StartsWith(metrics, "HTTP/1.1 200 ")) << metrics;
  EXPECT_TRUE(absl::StrContains(metrics, "Content-Type: text/x\r\n")) << metrics;
  EXPECT_TRUE(absl::EndsWith(metrics, "\r\n\r\nhello 1\n")) << metrics;
  EXPECT_TRUE(absl::StartsWith(Ask(server.port(), "GET /-/ready"), "HTTP/1.1 503 "));
  EXPECT_TRUE(absl::StartsWith(Ask(server.port(), "GET /other"), "HTTP/1.1 404 "));
  const std::string head = Ask(server.port(), "HEAD /metrics");
  EXPECT_TRUE(absl::StartsWith(head, "HTTP/1.1 200 ")) << head;
  EXPECT_TRUE(absl::EndsWith(head, "\r\n\r\n")) << head;
}

TEST(HttpServer, RefusesMethodsThatCouldChangeSomething) {
  HttpServer server;
  server.Handle("/metrics", [] { return HttpServerResponse(); });
  ASSERT_TRUE(server.Start("127.0.0.1:0").ok());
  for (const char* method : {"POST", "PUT", "DELETE"}) {
    const std::string answer =
        Ask(server.port(), absl::StrCat(method, " /metrics"), "Content-Length: 0\r\n");
    EXPECT_FALSE(absl::StartsWith(answer, "HTTP/1.1 2")) << answer;
  }
}

TEST(HttpServer, RefusesHeadersAndBodiesBeyondTheMaximum) {
  HttpServer server(HttpServer::Options{.headers_max_bytes = 1000, .body_max_bytes = 10});
  server.Handle("/metrics", [] { return HttpServerResponse(); });
  ASSERT_TRUE(server.Start("127.0.0.1:0").ok());
  const std::string big_header = absl::StrCat("X: ", std::string(2000, 'x'), "\r\n");
  EXPECT_FALSE(absl::StartsWith(Ask(server.port(), "GET /metrics", big_header), "HTTP/1.1 2"));
  EXPECT_FALSE(absl::StartsWith(Ask(server.port(), "GET /metrics", "Content-Length: 100000\r\n"),
                                "HTTP/1.1 2"));
  EXPECT_TRUE(absl::StartsWith(Ask(server.port(), "GET /metrics"), "HTTP/1.1 200 "));
}

TEST(HttpServer, ConnectionsBeyondTheMaximumWaitUntilOneEnds) {
  HttpServer server(HttpServer::Options{.connections_max = 1});
  server.Handle("/x", [] { return HttpServerResponse{.body = "x"}; });
  ASSERT_TRUE(server.Start("127.0.0.1:0").ok());
  const std::string request = "GET /x HTTP/1.1\r\nHost: x\r\n";
  const int first = Connect(server.port());
  Send(first, absl::StrCat(request, "\r\n"));
  char byte;
  ASSERT_EQ(recv(first, &byte, 1, 0), 1);
  const int second = Connect(server.port());
  Send(second, absl::StrCat(request, "Connection: close\r\n\r\n"));
  EXPECT_EQ(recv(second, &byte, 1, MSG_DONTWAIT), -1);
  close(first);
  EXPECT_TRUE(absl::StartsWith(ReadToEnd(second), "HTTP/1.1 200 "));
}

TEST(HttpServer, IdleConnectionsAreClosed) {
  HttpServer server(HttpServer::Options{.idle_timeout = absl::Milliseconds(20)});
  ASSERT_TRUE(server.Start("127.0.0.1:0").ok());
  ReadToEnd(Connect(server.port()));
}

TEST(HttpServer, StopEndsOpenConnections) {
  HttpServer server;
  ASSERT_TRUE(server.Start("127.0.0.1:0").ok());
  const int fd = Connect(server.port());
  server.Stop();
  EXPECT_EQ(ReadToEnd(fd), "");
}

TEST(HttpServer, TakenPortIsAnErrorThatNamesTheAddress) {
  HttpServer first;
  ASSERT_TRUE(first.Start("127.0.0.1:0").ok());
  HttpServer second;
  const std::string address = absl::StrCat("127.0.0.1:", first.port());
  const absl::Status status = second.Start(address);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(absl::StrContains(status.message(), address)) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "Address already in use; end the process")) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "listen.http")) << status;
}

TEST(HostPort, ParsesNamesAndAddresses) {
  EXPECT_EQ(ParseHostPort("[::1]:7400")->host, "::1");
  EXPECT_EQ(ParseHostPort("a.example:1")->port, 1);
  for (const char* bad : {"", "host", "host:", ":1", "::1:1", "h:65536", "h:-1", "h:x"}) {
    EXPECT_FALSE(ParseHostPort(bad).ok()) << bad;
  }
}

TEST(HostPort, LoopbackIsOnlyThisMachine) {
  for (const char* host : {"127.0.0.1", "127.9.9.9", "::1", "localhost", "LocalHost"}) {
    EXPECT_TRUE(IsLoopbackHost(host)) << host;
  }
  for (const char* host : {"0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example", "localhost.example",
                           "128.0.0.1", "", "::ffff:10.0.0.1"}) {
    EXPECT_FALSE(IsLoopbackHost(host)) << host;
  }
}

}  // namespace
}  // namespace braid
