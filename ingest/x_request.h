// The request that opens a stream: URL, parameters, credentials; who we are, as
// each request to X says it.
//
// Pure but for ReadToken, which reads a small local file. Secrets go into the
// Authorization header and nowhere else: not into errors, not into logs.

#ifndef BRAID_INGEST_X_REQUEST_H_
#define BRAID_INGEST_X_REQUEST_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/http_client.h"
#include "ingest/x_dialect.h"

namespace braid {

struct RequestOptions {
  // How parameters are spelled and credentials are sent. Never null.
  const Dialect* dialect = FindDialect("x-v2-filtered");
  // https, or http to this machine itself. May hold a query, no user name.
  // Empty: the dialect's, with account and label filled in.
  std::string url;
  // Of an Enterprise stream: letters, digits, '-', '_', '.'.
  std::string account;
  std::string label;
  // 1 to the dialect's; 0 where it has none.
  int partition = 0;
  // Further query parameters, e.g. tweet.fields; escaped here.
  std::vector<std::pair<std::string, std::string>> parameters;
  // Name of the connection, for X's support and ours.
  std::string connection;
  std::string version;
  // CA of the emulator; else the system's.
  std::string ca_file;
  absl::Duration connect_timeout = absl::Seconds(10);
};

// Whether the URL may be used at all: InvalidArgument says why not.
absl::Status CheckStreamUrl(absl::string_view url);

// The URL with everything but the backfill: what is shown and logged.
// InvalidArgument names the option that is missing or wrong.
absl::StatusOr<std::string> StreamUrl(const RequestOptions& options);

// The value of the Authorization header. `token`: as BuildRequest takes it.
std::string AuthorizationOf(XAuth auth, absl::string_view token);

// "braid/VERSION (+CONNECTION)".
std::string UserAgent(absl::string_view version, absl::string_view connection);

// Who asks, in the headers of every request to X. `authorization`: the header's
// value; empty: no such header.
void AddIdentity(std::string authorization, std::string user_agent, HttpRequest* request);

// `token`: what the Authorization header is made of: a bearer token, or for
// Basic "user:password"; empty: no such header. `backfill_minutes` 0: none asked
// for. InvalidArgument for what StreamUrl refuses, more minutes than the dialect
// has, and a token with control characters.
absl::StatusOr<HttpRequest> BuildRequest(const RequestOptions& options, absl::string_view token,
                                         int backfill_minutes);

// The token in the file, without surrounding white space. Empty `path`: empty
// token.
absl::StatusOr<std::string> ReadToken(const std::string& path);

}  // namespace braid

#endif  // BRAID_INGEST_X_REQUEST_H_
