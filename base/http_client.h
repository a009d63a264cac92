// The seam to X: a GET whose answer may last for days, and short requests of the
// JSON endpoints. CurlHttpClient is the real one; the simulator's model of X is
// the other.
//
// Threads: Open and Close may be called from any one thread. The handler is
// called on the client's own thread (the reader thread), never from inside
// Open or Close. The handler must not block: X cuts readers that fall behind.
// Ownership: the client keeps the handler alive until OnDone has returned.
// The calls of one exchange, in order: OnConnected, OnHead, OnBytes and
// OnDrained in turns, OnDone; each but the last may be missing. Every Open gets
// its OnDone, except when the client is destroyed. When OnDone is called the
// socket is closed: whoever opens the next one from there never holds two.

#ifndef BRAID_BASE_HTTP_CLIENT_H_
#define BRAID_BASE_HTTP_CLIENT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace braid {

struct HttpRequest {
  std::string url;
  std::string method = "GET";
  // Sent with any method but GET.
  std::string body;
  // Name and value. Values can hold secrets: never logged.
  std::vector<std::pair<std::string, std::string>> headers;
  bool accept_gzip = true;
  // Name resolution, TCP and TLS together.
  absl::Duration connect_timeout = absl::Seconds(10);
  // Only for a source with a certificate of its own making (the emulator).
  std::string ca_file;
};

struct HttpHead {
  int status = 0;
  // Names in lower case.
  std::map<std::string, std::string> headers;
};

// How an exchange ended. One word per kind: they are what the connection's
// life is classified by.
struct HttpEnd {
  enum class Kind {
    kClean,          // the answer ended as HTTP says: last chunk or full length
    kTruncated,      // the socket closed inside the answer
    kReset,          // RST
    kDnsFailed,      // no address
    kConnectFailed,  // refused, unreachable, or not in time
    kTlsFailed,      // certificate or handshake
    kBadEncoding,    // gzip that can not be decoded, or a decompression bomb
    kClosed,         // by us: Close
    kFailed,         // anything else; see detail
  };
  Kind kind = Kind::kFailed;
  // For people. Never holds header values of the request.
  std::string detail;
};

class HttpHandler {
 public:
  virtual ~HttpHandler() = default;

  // The peer accepted the connection, TLS included: the request goes out.
  virtual void OnConnected(absl::Time now) = 0;

  // The answer's head; at most once, before any bytes.
  virtual void OnHead(const HttpHead& head, absl::Time now) = 0;

  // Decoded bytes of the body, as they arrived: any boundaries.
  virtual void OnBytes(absl::string_view bytes, absl::Time now) = 0;

  // Everything the socket held has been passed on. What is ready is handed
  // over now.
  virtual void OnDrained(absl::Time now) = 0;

  // Last call.
  virtual void OnDone(const HttpEnd& end, absl::Time now) = 0;
};

class HttpClient {
 public:
  using RequestId = uint64_t;

  virtual ~HttpClient() = default;

  // Starts a request on a fresh connection with a fresh name look-up.
  virtual RequestId Open(HttpRequest request, std::shared_ptr<HttpHandler> handler) = 0;

  // Ends the exchange: what the socket holds is read and passed on, within a
  // bound, the socket is closed, then OnDone says kClosed. An exchange that
  // ended by itself meanwhile says how instead. Unknown ids are ignored.
  virtual void Close(RequestId id) = 0;
};

}  // namespace braid

#endif  // BRAID_BASE_HTTP_CLIENT_H_
