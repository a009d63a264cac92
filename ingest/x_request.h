// The request that opens a stream: URL, token, who we are.
//
// Pure but for ReadToken, which reads a small local file. Secrets go into the
// Authorization header and nowhere else: not into errors, not into logs.

#ifndef BRAID_INGEST_X_REQUEST_H_
#define BRAID_INGEST_X_REQUEST_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/http_client.h"

namespace braid {

struct RequestOptions {
  // https, or http to this machine itself. May hold a query, no user name.
  std::string url;
  // Name of the connection, for X's support and ours.
  std::string connection;
  std::string version;
  // CA of the emulator; else the system's.
  std::string ca_file;
  absl::Duration connect_timeout = absl::Seconds(10);
};

// Whether the URL may be used at all: InvalidArgument says why not.
absl::Status CheckStreamUrl(absl::string_view url);

// `token` empty: no Authorization. `backfill_minutes` 0: none asked for.
// InvalidArgument for a URL that CheckStreamUrl refuses and for a token with
// control characters.
absl::StatusOr<HttpRequest> BuildRequest(const RequestOptions& options, absl::string_view token,
                                         int backfill_minutes);

// The token in the file, without surrounding white space. Empty `path`: empty
// token.
absl::StatusOr<std::string> ReadToken(const std::string& path);

}  // namespace braid

#endif  // BRAID_INGEST_X_REQUEST_H_
