#include "ingest/x_connections.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"
#include "ingest/x_time.h"
#include "simdjson.h"

namespace braid {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

constexpr size_t kIdBytesMax = 64;
// Those of X have 30 to 100 characters.
constexpr size_t kTokenBytesMax = 512;
// v2 leaves out what is not asked for.
constexpr absl::string_view kFields =
    "id,endpoint_name,connected_at,client_ip,disconnected_at,disconnect_reason";

// Ids go into requests and log lines: letters, digits and dashes.
bool IsId(absl::string_view id) {
  return !id.empty() && id.size() <= kIdBytesMax && std::all_of(id.begin(), id.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-';
  });
}

// May stand in a URL as it is.
bool IsPageToken(absl::string_view token) {
  return token.size() <= kTokenBytesMax && std::all_of(token.begin(), token.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.' ||
           c == '=';
  });
}

std::string TextOf(const element& of, const char* name) {
  std::string_view text;
  if (of[name].get(text) != simdjson::SUCCESS) return "";
  return std::string(text);
}

absl::optional<absl::Time> TimeOf(const element& of, const char* name) {
  return ParseXTime(TextOf(of, name));
}

absl::optional<XConnection> ReadConnection(const element& entry) {
  XConnection connection;
  connection.id = TextOf(entry, "id");
  absl::optional<absl::Time> begin = TimeOf(entry, "connected_at");
  if (!IsId(connection.id) || !begin) return {};
  connection.connected_at = *begin;
  connection.endpoint_name = TextOf(entry, "endpoint_name");
  connection.client_ip = TextOf(entry, "client_ip");
  connection.disconnected_at = TimeOf(entry, "disconnected_at");
  connection.disconnect_reason = TextOf(entry, "disconnect_reason");
  return connection;
}

absl::StatusOr<element> ParseObject(simdjson::dom::parser& parser, absl::string_view body) {
  element root;
  object is_object;
  if (parser.parse(body.data(), body.size()).get(root) != simdjson::SUCCESS ||
      root.get(is_object) != simdjson::SUCCESS) {
    return absl::InvalidArgumentError("the answer is no JSON object");
  }
  return root;
}

// "https://api.x.com", whatever stream is asked for there.
absl::string_view OriginOf(absl::string_view url) {
  size_t authority = url.find("://") + 3;
  return url.substr(0, std::min(url.size(), url.find_first_of("/?", authority)));
}

absl::StatusOr<HttpRequest> BuildBase(const RequestOptions& options, absl::string_view token) {
  if (!HasConnectionsApi(options)) {
    return absl::FailedPreconditionError(
        absl::StrCat(options.dialect->name, " has no connections API"));
  }
  absl::StatusOr<HttpRequest> request = BuildRequest(options, token, 0);
  if (request.ok()) request->url = absl::StrCat(OriginOf(request->url), "/2/connections");
  return request;
}

}  // namespace

bool HasConnectionsApi(const RequestOptions& options) {
  return !options.dialect->endpoint_id.empty();
}

absl::StatusOr<HttpRequest> BuildListConnections(const RequestOptions& options,
                                                 absl::string_view token,
                                                 absl::string_view page_token) {
  absl::StatusOr<HttpRequest> request = BuildBase(options, token);
  if (!request.ok()) return request;
  absl::StrAppend(&request->url, "?status=active&endpoints=", options.dialect->endpoint_id,
                  "&max_results=100&connection.fields=", kFields);
  if (page_token.empty()) return request;
  if (!IsPageToken(page_token)) return absl::InvalidArgumentError("X's page token is none");
  absl::StrAppend(&request->url, "&pagination_token=", page_token);
  return request;
}

absl::StatusOr<HttpRequest> BuildKillConnections(const RequestOptions& options,
                                                 absl::string_view token,
                                                 const std::vector<std::string>& ids) {
  BRAID_CHECK(!ids.empty() && ids.size() <= kKillsMax);
  absl::StatusOr<HttpRequest> request = BuildBase(options, token);
  if (!request.ok()) return request;
  for (const std::string& id : ids) BRAID_CHECK(IsId(id));
  request->method = "DELETE";
  request->headers.push_back({"Content-Type", "application/json"});
  request->body = absl::StrCat("{\"uuids\":[\"", absl::StrJoin(ids, "\",\""), "\"]}");
  return request;
}

absl::StatusOr<XConnectionPage> ParseConnectionPage(absl::string_view body) {
  simdjson::dom::parser parser;
  absl::StatusOr<element> root = ParseObject(parser, body);
  if (!root.ok()) return root.status();
  XConnectionPage page;
  element meta;
  bool has_meta = (*root)["meta"].get(meta) == simdjson::SUCCESS && meta.is_object();
  if (has_meta) page.next_token = TextOf(meta, "next_token");
  element data;
  // X leaves `data` out where there is nothing, but never without `meta`.
  if ((*root)["data"].get(data) != simdjson::SUCCESS) {
    if (has_meta) return page;
    return absl::InvalidArgumentError("the answer lists no connections");
  }
  array entries;
  if (data.get(entries) != simdjson::SUCCESS) {
    return absl::InvalidArgumentError("the answer's data is no list");
  }
  for (element entry : entries) {
    if (auto connection = ReadConnection(entry)) {
      page.connections.push_back(*std::move(connection));
    } else {
      ++page.unreadable;
    }
  }
  return page;
}

absl::StatusOr<std::vector<XKill>> ParseKills(absl::string_view body) {
  simdjson::dom::parser parser;
  absl::StatusOr<element> root = ParseObject(parser, body);
  if (!root.ok()) return root.status();
  array results;
  if ((*root)["data"]["results"].get(results) != simdjson::SUCCESS) {
    return absl::InvalidArgumentError("the answer names no results");
  }
  std::vector<XKill> kills;
  for (element result : results) {
    XKill kill;
    kill.id = TextOf(result, "uuid");
    kill.error = TextOf(result, "error_message");
    bool success = false;
    kill.success = result["success"].get(success) == simdjson::SUCCESS && success;
    kills.push_back(std::move(kill));
  }
  return kills;
}

}  // namespace braid
