// The daemons' small HTTP port: /metrics, /-/healthy, /-/ready. Plain text
// HTTP/1.1 over libevent; nothing that changes anything is served here.
//
// Threads: Handle before Start; Start and Stop on the owner's thread; handlers
// run on the server's own thread, one at a time, and must not block.
// Ownership: handlers are kept until the server is destroyed; what they refer
// to must outlive Stop.
// Bounds: Options. Beyond connections_max new connections wait in the kernel's
// backlog until one ends or idles out; larger headers or bodies are refused.

#ifndef BRAID_BASE_HTTP_SERVER_H_
#define BRAID_BASE_HTTP_SERVER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace braid {

struct HttpServerResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

class HttpServer {
 public:
  struct Options {
    // Monitoring systems send well under 1 KiB of headers and no body.
    size_t headers_max_bytes = 16 << 10;
    size_t body_max_bytes = 1 << 10;
    // A few scrapers, probes and people, with room.
    int connections_max = 64;
    // Longer than the usual scrape interval of 15 s, so that scrapers can
    // reuse their connection.
    absl::Duration idle_timeout = absl::Seconds(30);
  };
  using Handler = std::function<HttpServerResponse()>;

  HttpServer() : HttpServer(Options()) {}
  explicit HttpServer(const Options& options);
  // Stops.
  ~HttpServer();

  // Answers GET and HEAD of exactly this path (the query is ignored).
  void Handle(absl::string_view path, Handler handler);

  // Listens on "host:port"; port 0 takes any free one. At most once. The error
  // names the address.
  absl::Status Start(absl::string_view address);

  // Open connections are closed. May be called again.
  void Stop();

  // REQUIRES: Start returned OK.
  uint16_t port() const;

 private:
  class Impl;

  const Options options_;
  std::map<std::string, Handler> handlers_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace braid

#endif  // BRAID_BASE_HTTP_SERVER_H_
