#include "tests/emulator/rest_api.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/emulator/rest_connections.h"
#include "tests/emulator/rest_problem.h"
#include "tests/emulator/rest_usage.h"
#include "tests/emulator/x_answers.h"

namespace braid::emulator {
namespace {

constexpr absl::Duration kQuarter = absl::Minutes(15);

// Per app, as X's page on rate limits lists them.
const RateLimit kListRules{"rules-get", 450, kQuarter};
const RateLimit kChangeRules{"rules-post", 100, kQuarter};
const RateLimit kCountRules{"rules-counts", 75, kQuarter};
const RateLimit kSearchRecent{"search-recent", 450, kQuarter};
const RateLimit kSearchAll{"search-all", 300, kQuarter};
const RateLimit kSearchAllPace{"search-all-pace", 1, absl::Seconds(1), false};
const RateLimit kCountsRecent{"counts-recent", 300, kQuarter};
const RateLimit kCountsAll{"counts-all", 300, kQuarter};
const RateLimit kLookup{"lookup", 3500, kQuarter};
const RateLimit kUsage{"usage", 50, kQuarter};
// Documented for the deletion of all.
const RateLimit kConnections{"connections-get", 25, kQuarter};
const RateLimit kKill{"connections-delete", 25, kQuarter};
// Gnip shows no headers.
const RateLimit kGnipSearchPace{"gnip-search-pace", 20, absl::Seconds(1), false};
const RateLimit kGnipSearch{"gnip-search", 120, absl::Minutes(1), false};
const RateLimit kGnipUsage{"gnip-usage", 2, absl::Minutes(1), false};
constexpr int kGnipRulesPerMinute = 60;

}  // namespace

RestApi::RestApi(const RestOptions& options, const XState* state)
    : options_(options),
      state_(state),
      usage_(state->history),
      search_(state->history, options.search),
      rules_v2_(state->rules, options.is_v2_batch_atomic),
      rules_live_(state->powertrack_rules, options.rule_write_time),
      rules_replay_(state->replay_rules, options.rule_write_time),
      search_v2_(state, &search_, &usage_),
      search_gnip_(state, &search_, &usage_) {}

void RestApi::Add(const std::string& method, const std::string& pattern, Family family,
                  std::vector<RateLimit> limits, RouteHandler handler, RouteTable* routes) {
  if (!options_.has_limits) {
    for (RateLimit& limit : limits) limit.count = 0;
  }
  routes->Add(method, pattern, family,
              [this, family, limits = std::move(limits),
               handler = std::move(handler)](const RouteRequest& request) {
                bool is_within = true;
                std::vector<std::string> headers;
                for (const RateLimit& limit : limits) {
                  RateVerdict verdict = windows_.Take(limit, request.now.x_time);
                  is_within = is_within && verdict.is_within;
                  if (headers.empty()) headers = verdict.headers;
                }
                HttpAnswer answer =
                    is_within ? handler(request) : Refused(family, "429-rate", request.now.x_time);
                answer.extra_headers.insert(answer.extra_headers.end(), headers.begin(),
                                            headers.end());
                return answer;
              });
}

void RestApi::AddRoutes(RouteTable* routes) {
  AddV2(routes);
  AddGnip(routes);
  // Key and secret come as Basic credentials, whatever the host.
  Add(
      "POST", "/oauth2/token", Family::kGnip, {},
      [this](const RouteRequest& request) { return Token(request); }, routes);
}

void RestApi::AddV2(RouteTable* routes) {
  auto add = [this, routes](const char* method, const char* pattern, std::vector<RateLimit> limits,
                            RouteHandler handler) {
    Add(method, pattern, Family::kV2, std::move(limits), std::move(handler), routes);
  };
  using R = const RouteRequest&;
  const char* rules = "/2/tweets/search/stream/rules";
  add("GET", rules, {kListRules}, [this](R r) { return rules_v2_.List(r); });
  add("POST", rules, {kChangeRules}, [this](R r) { return rules_v2_.Change(r); });
  add("GET", "/2/tweets/search/stream/rules/counts", {kCountRules},
      [this](R r) { return rules_v2_.Counts(r); });
  add("GET", "/2/tweets/search/recent", {kSearchRecent},
      [this](R r) { return search_v2_.Search(r, SearchReach::kRecent); });
  add("GET", "/2/tweets/search/all", {kSearchAll, kSearchAllPace},
      [this](R r) { return search_v2_.Search(r, SearchReach::kAll); });
  add("GET", "/2/tweets/counts/recent", {kCountsRecent},
      [this](R r) { return search_v2_.Counts(r, SearchReach::kRecent); });
  add("GET", "/2/tweets/counts/all", {kCountsAll},
      [this](R r) { return search_v2_.Counts(r, SearchReach::kAll); });
  add("GET", "/2/tweets", {kLookup}, [this](R r) { return search_v2_.Lookup(r); });
  add("GET", "/2/tweets/{id}", {kLookup}, [this](R r) { return search_v2_.LookupOne(r); });
  add("GET", "/2/usage/tweets", {kUsage},
      [this](R r) { return V2Usage(r, usage_, options_.project_cap); });
  add("GET", "/2/connections", {kConnections},
      [this](R r) { return ListConnections(r, *state_->connections); });
  add("DELETE", "/2/connections", {kKill},
      [this](R r) { return KillConnections(r, state_->connections); });
  add("DELETE", "/2/connections/all", {kKill},
      [this](R r) { return KillAllConnections(r, state_->connections); });
  add("DELETE", "/2/connections/{endpoint_id}", {kKill},
      [this](R r) { return KillEndpoint(r, state_->connections); });
}

void RestApi::AddGnip(RouteTable* routes) {
  AddRules("powertrack", &rules_live_, routes);
  AddRules("powertrack-replay", &rules_replay_, routes);
  using R = const RouteRequest&;
  for (const char* method : {"GET", "POST"}) {
    for (const char* product : {"30day", "fullarchive"}) {
      // The product is a name to the handlers.
      auto named = [product](R r) {
        RouteRequest request = r;
        request.names["product"] = product;
        return request;
      };
      std::string path = absl::StrCat("/search/", product, "/accounts/{account}/{label}");
      Add(
          method, path + "/counts.json", Family::kGnip, {kGnipSearch, kGnipSearchPace},
          [this, named](R r) { return search_gnip_.Counts(named(r)); }, routes);
      Add(
          method, path + ".json", Family::kGnip, {kGnipSearch, kGnipSearchPace},
          [this, named](R r) { return search_gnip_.Search(named(r)); }, routes);
    }
  }
  Add(
      "GET", "/metrics/usage/accounts/{account}.json", Family::kGnip, {kGnipUsage},
      [this](R r) { return GnipUsage(r, usage_); }, routes);
}

void RestApi::AddRules(const std::string& product, RestRulesGnip* rules, RouteTable* routes) {
  using R = const RouteRequest&;
  RateLimit limit{"gnip-rules-" + product, kGnipRulesPerMinute, absl::Minutes(1), false};
  std::string path =
      absl::StrCat("/rules/", product, "/accounts/{account}/publishers/twitter/{label}");
  auto add = [&](const char* method, const std::string& end, RouteHandler handler) {
    Add(method, path + end, Family::kGnip, {limit}, std::move(handler), routes);
  };
  add("GET", ".json", [rules](R r) { return rules->List(r); });
  add("POST", ".json", [rules](R r) { return rules->Post(r); });
  add("GET", "/rules/{id}.json", [rules](R r) { return rules->One(r); });
  add("POST", "/validation.json", [rules](R r) { return rules->Validate(r); });
}

HttpAnswer RestApi::Token(const RouteRequest& request) const {
  if (!absl::StrContains(request.http.body, "grant_type=client_credentials")) {
    return {403, R"({"errors":[{"code":170,"message":"Missing required parameter: grant_type",)"
                 R"("label":"forbidden_missing_parameter"}]})"};
  }
  std::string token = options_.bearer_token.empty() ? "AAAAemulated" : options_.bearer_token;
  return {200, JsonObject({TextMember("token_type", "bearer"), TextMember("access_token", token)})};
}

}  // namespace braid::emulator
