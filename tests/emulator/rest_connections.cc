#include "tests/emulator/rest_connections.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "simdjson.h"
#include "tests/emulator/page_token.h"
#include "tests/emulator/rest_problem.h"
#include "tests/emulator/v2_parameters.h"
#include "tests/emulator/x_answers.h"

namespace braid::emulator {
namespace {

constexpr int kPageMax = 100;
constexpr int kPageDefault = 10;
constexpr size_t kKillMax = 100;

const std::vector<std::string>& EndpointIds() {
  static const std::vector<std::string> kIds = {
      "filtered_stream",         "sample_stream",           "sample10_stream",
      "firehose_stream",         "firehose_stream_lang_en", "firehose_stream_lang_ja",
      "firehose_stream_lang_ko", "firehose_stream_lang_pt", "tweets_compliance_stream",
      "users_compliance_stream", "tweet_label_stream",      "likes_firehose_stream",
      "likes_sample10_stream",   "likes_compliance_stream"};
  return kIds;
}

bool Contains(const std::vector<std::string>& list, const std::string& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// Open Gnip connections are not v2's to list or to end.
std::vector<ConnectionRecord> V2Connections(const ConnectionList& connections) {
  std::vector<ConnectionRecord> out;
  for (ConnectionRecord& record : connections.Connections()) {
    if (Contains(EndpointIds(), record.endpoint_name)) out.push_back(std::move(record));
  }
  return out;
}

std::string Describe(const ConnectionRecord& record) {
  bool is_active = record.is_active();
  return JsonObject(
      {TextMember("id", record.id), TextMember("endpoint_name", record.endpoint_name),
       TextMember("connected_at", IsoMillis(record.connected_at)),
       TextMember("client_ip", record.client_ip),
       is_active ? "" : TextMember("disconnected_at", IsoMillis(record.disconnected_at)),
       is_active ? "" : TextMember("disconnect_reason", record.disconnect_reason)});
}

HttpAnswer Kill(const std::vector<std::string>& ids, ConnectionList* connections) {
  size_t kills = 0;
  std::vector<std::string> results;
  for (const std::string& id : ids) {
    bool is_killed = connections->Kill(id);
    kills += is_killed ? 1 : 0;
    results.push_back(
        JsonObject({TextMember("uuid", id), RawMember("success", is_killed ? "true" : "false"),
                    is_killed ? "" : TextMember("error_message", "Connection not found")}));
  }
  std::string data = JsonObject({RawMember("successful_kills", absl::StrCat(kills)),
                                 RawMember("failed_kills", absl::StrCat(ids.size() - kills)),
                                 RawMember("results", JsonList(results))});
  return {200, JsonObject({RawMember("data", data)})};
}

bool ReadUuids(absl::string_view body, std::vector<std::string>* out) {
  simdjson::dom::parser parser;
  simdjson::padded_string padded(body.data(), body.size());
  simdjson::dom::array list;
  simdjson::dom::element root;
  if (parser.parse(padded).get(root) != simdjson::SUCCESS) return false;
  if (root["uuids"].get(list) != simdjson::SUCCESS) return false;
  for (simdjson::dom::element item : list) {
    std::string_view text;
    if (item.get(text) != simdjson::SUCCESS) return false;
    out->push_back(std::string(text));
  }
  return true;
}

}  // namespace

HttpAnswer ListConnections(const RouteRequest& request, const ConnectionList& connections) {
  V2Parameters parameters(request.http, {"status", "endpoints", "max_results", "pagination_token",
                                         "connection.fields"});
  std::string status = parameters.OneOf("status", {"active", "inactive", "all"}, "active");
  int count_max = parameters.Number("max_results", 1, kPageMax, kPageDefault);
  std::vector<std::string> endpoints = parameters.List("endpoints");
  for (const std::string& endpoint : endpoints) {
    if (!Contains(EndpointIds(), endpoint)) {
      parameters.Fail("endpoints", absl::StrCat("The `endpoints` query parameter value [", endpoint,
                                                "] is not valid"));
    }
  }
  std::string same = absl::StrCat(status, "\n", parameters.Text("endpoints"));
  uint64_t after = 0;
  if (parameters.Has("pagination_token")) {
    std::optional<uint64_t> read = ReadPageToken(parameters.Text("pagination_token"), same);
    if (!read) parameters.Fail("pagination_token", "The pagination token is not valid");
    after = read.value_or(0);
  }
  if (parameters.mistake()) return *parameters.mistake();
  std::vector<std::string> data;
  std::string next;
  uint32_t last = 0;
  for (const ConnectionRecord& record : V2Connections(connections)) {
    if (record.number <= after) continue;
    if (status != "all" && record.is_active() != (status == "active")) continue;
    if (!endpoints.empty() && !Contains(endpoints, record.endpoint_name)) continue;
    if (data.size() == static_cast<size_t>(count_max)) {
      next = TextMember("next_token", PageToken(last, same));
      break;
    }
    data.push_back(Describe(record));
    last = record.number;
  }
  std::string meta = JsonObject({RawMember("result_count", absl::StrCat(data.size())), next});
  return {200, JsonObject({data.empty() ? "" : RawMember("data", JsonList(data)),
                           RawMember("meta", meta)})};
}

HttpAnswer KillConnections(const RouteRequest& request, ConnectionList* connections) {
  std::vector<std::string> ids;
  if (!ReadUuids(request.http.body, &ids)) {
    return InvalidBody("The request body must be {\"uuids\":[…]}");
  }
  if (ids.empty() || ids.size() > kKillMax) {
    return InvalidBody("`uuids` must have between 1 and 100 elements");
  }
  return Kill(ids, connections);
}

HttpAnswer KillAllConnections(const RouteRequest& request, ConnectionList* connections) {
  std::vector<std::string> ids;
  for (const ConnectionRecord& record : V2Connections(*connections)) {
    if (record.is_active()) ids.push_back(record.id);
  }
  return Kill(ids, connections);
}

HttpAnswer KillEndpoint(const RouteRequest& request, ConnectionList* connections) {
  const std::string& endpoint = request.names.at("endpoint_id");
  if (!Contains(EndpointIds(), endpoint)) {
    return InvalidParameter(
        "endpoint_id", endpoint,
        absl::StrCat("The `endpoint_id` path parameter value [", endpoint, "] is not valid"));
  }
  std::vector<std::string> ids;
  for (const ConnectionRecord& record : V2Connections(*connections)) {
    if (record.is_active() && record.endpoint_name == endpoint) ids.push_back(record.id);
  }
  return Kill(ids, connections);
}

}  // namespace braid::emulator
