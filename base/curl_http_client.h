// HttpClient over libcurl: HTTP/1.1 on a reader thread of its own.
//
// Each Open uses a fresh connection and a fresh name look-up, goes to no other
// host (no redirects, no proxies, no .netrc), speaks TLS 1.2 or newer with a
// verified certificate, and lasts as long as the server likes: silence is the
// caller's business (curl's own low-speed limits kill healthy idle streams).
//
// Threads: Open and Close from any thread; handlers on the reader thread only.
// Ownership: the destructor closes all sockets and joins the thread; no OnDone
// is called for what was open.
// Bounds: head_bytes_max of headers per answer; a gzip body that grows by more
// than decoded_ratio_max is cut off as kBadEncoding; Close reads on for at most
// close_read_max.

#ifndef BRAID_BASE_CURL_HTTP_CLIENT_H_
#define BRAID_BASE_CURL_HTTP_CLIENT_H_

#include <cstdint>
#include <memory>

#include "absl/time/time.h"
#include "base/http_client.h"

namespace braid {

class CurlHttpClient final : public HttpClient {
 public:
  struct Options {
    // X sends about 2 KB; curl itself bounds one header only.
    size_t head_bytes_max = 64 * 1024;
    // JSON posts compress 3 to 10 times, deflate can do 1000. Judged once per
    // decoded_window_bytes.
    uint64_t decoded_ratio_max = 100;
    uint64_t decoded_window_bytes = 1 << 20;
    // Between two looks at the ratio at most this much is decoded: the largest
    // read (512 KiB) at the largest ratio allowed, and some.
    uint64_t decoded_round_bytes_max = 64 << 20;
    // A full socket buffer (6 MB) is read in a tenth of it; a stream that never
    // pauses must not keep its socket open.
    absl::Duration close_read_max = absl::Milliseconds(200);
  };

  CurlHttpClient() : CurlHttpClient(Options()) {}
  explicit CurlHttpClient(const Options& options);
  ~CurlHttpClient() override;

  RequestId Open(HttpRequest request, std::shared_ptr<HttpHandler> handler) override;
  void Close(RequestId id) override;

 private:
  class Reader;
  std::unique_ptr<Reader> reader_;
};

}  // namespace braid

#endif  // BRAID_BASE_CURL_HTTP_CLIENT_H_
