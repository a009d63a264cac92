#include "tests/emulator/x_answers.h"

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/hash.h"

namespace braid::emulator {
namespace {

struct Row {
  const char* name;
  int status;
  const char* v2_body;
  const char* gnip_message;
};

constexpr Row kRows[] = {
    {"400", 400,
     R"({"errors":[{"parameters":{},"message":"Invalid Request"}],"title":"Invalid Request","detail":"One or more parameters to your request was invalid.","type":"https://api.x.com/2/problems/invalid-request"})",
     "Invalid request."},
    {"401", 401,
     R"({"title":"Unauthorized","type":"about:blank","status":401,"detail":"Unauthorized"})",
     "Invalid credentials. Please check your username and password."},
    {"402", 402,
     R"({"account_id":1,"title":"CreditsDepleted","detail":"Your enrolled account does not have any credits to fulfill this request.","type":"https://api.x.com/2/problems/credits"})",
     "Payment required."},
    {"402-spend-cap", 402,
     R"({"account_id":1,"title":"SpendCapReached","detail":"Your enrolled account has reached its spend cap.","type":"https://api.x.com/2/problems/credits"})",
     "Payment required."},
    {"403", 403,
     R"({"client_id":"1","required_enrollment":"Appropriate Level of API Access","registration_url":"https://developer.x.com/en/docs/projects/overview","title":"Client Forbidden","detail":"This request must be made using an approved developer account that is enrolled in the requested endpoint.","reason":"client-not-enrolled","type":"https://api.x.com/2/problems/client-forbidden"})",
     "You do not have access to this stream."},
    {"403-authentication", 403,
     R"({"title":"Unsupported Authentication","detail":"Authenticating with OAuth 1.0a User Context is forbidden for this endpoint.  Supported authentication types are [OAuth 2.0 Application-Only].","type":"https://api.x.com/2/problems/unsupported-authentication","status":403})",
     "You do not have access to this stream."},
    {"404", 404,
     R"({"title":"Not Found Error","type":"https://api.x.com/2/problems/resource-not-found","status":404,"detail":"Not Found"})",
     "Unknown URL."},
    {"405", 405,
     R"({"title":"Method Not Allowed","type":"about:blank","status":405,"detail":"Method Not Allowed"})",
     "Method not allowed."},
    {"406", 406,
     R"({"title":"Not Acceptable","type":"about:blank","status":406,"detail":"Not Acceptable"})",
     "Connection must be compressed. Please set the 'Accept-Encoding: gzip' header."},
    {"409", 409,
     R"({"title":"ConnectionException","detail":"Your stream currently has no rules; add at least one rule before connecting.","connection_issue":"RuleConfigurationIssue","type":"https://api.x.com/2/problems/streaming-connection"})",
     "Conflict."},
    {"409-rules-invalid", 409,
     R"({"title":"ConnectionException","detail":"The rules of this stream are invalid.","connection_issue":"RulesInvalidIssue","type":"https://api.x.com/2/problems/streaming-connection"})",
     "Conflict."},
    {"409-provisioning", 409,
     R"({"title":"ConnectionException","detail":"Your subscription is currently being provisioned, please try again in a minute.","connection_issue":"ProvisioningSubscription","type":"https://api.x.com/2/problems/streaming-connection"})",
     "Conflict."},
    {"413", 413,
     R"({"title":"Request Entity Too Large","type":"about:blank","status":413,"detail":"Request Entity Too Large"})",
     "The request is too long."},
    {"416", 416,
     R"({"title":"Range Unacceptable","type":"about:blank","status":416,"detail":"Range Unacceptable"})",
     "Range unacceptable."},
    {"420", 420, R"({"errors":[{"code":420,"message":"Enhance Your Calm"}]})",
     "Enhance your calm."},
    {"429", 429,
     R"({"title":"ConnectionException","detail":"This stream is currently at the maximum allowed connection limit.","connection_issue":"TooManyConnections","type":"https://api.x.com/2/problems/streaming-connection"})",
     "Too many connections."},
    {"429-rate", 429,
     R"({"title":"Too Many Requests","detail":"Too Many Requests","type":"about:blank","status":429})",
     "Exceeded connection limit for this stream. Please try again later."},
    {"429-code-88", 429, R"({"errors":[{"code":88,"message":"Rate limit exceeded"}]})",
     "Exceeded connection limit for this stream. Please try again later."},
    {"429-usage", 429,
     R"({"account_id":1,"product_name":"standard-basic","title":"UsageCapExceeded","period":"Monthly","scope":"Product","detail":"Usage cap exceeded: Monthly product cap","type":"https://api.x.com/2/problems/usage-capped"})",
     "Usage cap exceeded."},
    {"500", 500,
     R"({"title":"Internal Server Error","detail":"Internal Server Error","type":"about:blank","status":500})",
     "Internal server error."},
    {"502", 502,
     R"({"title":"Bad Gateway","detail":"Bad Gateway","type":"about:blank","status":502})",
     "Bad gateway."},
    {"503", 503,
     R"({"title":"Service Unavailable","detail":"Service Unavailable","type":"about:blank","status":503})",
     "Service unavailable. Please try again later."},
    {"504", 504,
     R"({"title":"Gateway Timeout","detail":"Gateway Timeout","type":"about:blank","status":504})",
     "Gateway timeout."},
};

// 16 hex digits, as X shows them.
std::string TransactionId(absl::Time now) {
  return absl::StrCat(absl::Hex(Hash64(absl::StrCat(absl::ToUnixNanos(now))), absl::kZeroPad16));
}

}  // namespace

std::string GnipTime(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%S+00:00", time, absl::UTCTimeZone());
}

std::string GnipError(absl::string_view message, absl::Time now) {
  return absl::StrCat("{\"error\":{\"message\":", JsonText(message), ",\"sent\":\"", GnipTime(now),
                      "\"}}\r\n");
}

std::optional<HttpAnswer> RefusalAnswer(Family family, absl::string_view name, absl::Time now) {
  for (const Row& row : kRows) {
    if (name != row.name) continue;
    if (family == Family::kGnip) return HttpAnswer{row.status, GnipError(row.gnip_message, now)};
    return HttpAnswer{row.status, row.v2_body};
  }
  return std::nullopt;
}

HttpAnswer Refused(Family family, absl::string_view name, absl::Time now) {
  std::optional<HttpAnswer> answer = RefusalAnswer(family, name, now);
  BRAID_CHECK(answer.has_value());
  return *answer;
}

std::vector<std::string> RefusalNames() {
  std::vector<std::string> names;
  for (const Row& row : kRows) names.push_back(row.name);
  return names;
}

HttpAnswer InvalidParameter(absl::string_view name, absl::string_view value,
                            absl::string_view message) {
  return {400,
          absl::StrCat("{\"errors\":[{\"parameters\":{", JsonText(name), ":[", JsonText(value),
                       "]},\"message\":", JsonText(message),
                       "}],\"title\":\"Invalid Request\",\"detail\":\"One or more parameters to "
                       "your request was invalid.\",\"type\":\"https://api.x.com/2/problems/"
                       "invalid-request\"}")};
}

std::vector<std::string> CommonHeaders(Family family, absl::Time now) {
  if (family == Family::kGnip) return {};
  return {"api-version: 2.167", "server: tsa_b", "cache-control: no-cache, no-store, max-age=0",
          absl::StrCat("x-transaction-id: ", TransactionId(now)), "x-response-time: 7"};
}

}  // namespace braid::emulator
