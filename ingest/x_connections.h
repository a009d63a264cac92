// X's connections API: what an app's connections look like to X, and how one is
// ended there (docs/X-API 2.3). X keeps the slot of a connection whose socket is
// gone for seconds to hours; this is how it is freed without waiting.
//
// Only builds requests and reads answers. "DELETE /2/connections/all" is not
// here: it would end the redundant connection too.
//
// Pure. Bounds: kKillsMax ids per request; an answer is as long as the caller
// lets it be.

#ifndef BRAID_INGEST_X_CONNECTIONS_H_
#define BRAID_INGEST_X_CONNECTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "base/http_client.h"
#include "ingest/x_request.h"

namespace braid {

// What one DELETE takes (2.3).
inline constexpr size_t kKillsMax = 100;

struct XConnection {
  // A UUID.
  std::string id;
  std::string endpoint_name;
  std::string client_ip;
  absl::Time connected_at = absl::InfinitePast();
  absl::optional<absl::Time> disconnected_at;
  // An open list: only operator_disconnect is documented.
  std::string disconnect_reason;

  bool is_active() const { return !disconnected_at.has_value(); }
};

struct XConnectionPage {
  std::vector<XConnection> connections;
  // Entries that lack an id or the time they began, or hold them in another
  // form: nothing may be concluded from a list that has some.
  uint64_t unreadable = 0;
  // Empty: the last page.
  std::string next_token;
};

struct XKill {
  std::string id;
  bool success = false;
  std::string error;
};

// Whether the dialect has the API at all.
bool HasConnectionsApi(const RequestOptions& options);

// The active connections of the stream's endpoint, at the host that serves the
// stream. FailedPrecondition where the dialect has no such API; InvalidArgument
// as BuildRequest.
absl::StatusOr<HttpRequest> BuildListConnections(const RequestOptions& options,
                                                 absl::string_view token,
                                                 absl::string_view page_token);

// REQUIRES: 1 to kKillsMax ids.
absl::StatusOr<HttpRequest> BuildKillConnections(const RequestOptions& options,
                                                 absl::string_view token,
                                                 const std::vector<std::string>& ids);

// The body of a 200. InvalidArgument when it is no such answer.
absl::StatusOr<XConnectionPage> ParseConnectionPage(absl::string_view body);
absl::StatusOr<std::vector<XKill>> ParseKills(absl::string_view body);

}  // namespace braid

#endif  // BRAID_INGEST_X_CONNECTIONS_H_
