#include "ingest/x_rules.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "ingest/json_quote.h"
#include "ingest/x_request.h"

namespace braid {
namespace {

// What surrounds a rule in a body, with room for escapes of quotes.
constexpr size_t kRuleBytes = 64;

std::string RuleJson(const XRule& rule) {
  std::string tag = rule.tag.empty() ? "" : absl::StrCat(",\"tag\":", JsonQuote(rule.tag));
  return absl::StrCat("{\"value\":", JsonQuote(rule.value), tag, "}");
}

std::string RulesJson(const std::vector<XRule>& rules) {
  return absl::StrCat(
      "[",
      absl::StrJoin(rules, ",",
                    [](std::string* out, const XRule& rule) { out->append(RuleJson(rule)); }),
      "]");
}

std::string WithQuery(const std::string& url, absl::string_view query) {
  return absl::StrCat(url, absl::StrContains(url, "?") ? "&" : "?", query);
}

HttpRequest Request(const RuleApi& api, const std::string& url, std::string method,
                    std::string body) {
  HttpRequest request;
  request.url = url;
  request.method = std::move(method);
  request.body = std::move(body);
  AddIdentity(api.authorization, api.user_agent, &request);
  if (!request.body.empty()) request.headers.push_back({"Content-Type", "application/json"});
  request.ca_file = api.ca_file;
  return request;
}

}  // namespace

RuleApiLimits DefaultRuleLimits(RuleDialect dialect) {
  RuleApiLimits limits;
  if (dialect == RuleDialect::kV2) return limits;
  limits.rules_max = 250000;
  limits.value_chars_max = 2048;
  // Writes are handled one after the other, so few large ones are kinder than
  // many small ones.
  limits.request_rules_max = 1000;
  return limits;
}

HttpRequest ListRulesRequest(const RuleApi& api, absl::string_view page_token) {
  if (api.dialect == RuleDialect::kPowerTrack) return Request(api, api.url, "GET", "");
  // The most that X gives at once.
  std::string url = WithQuery(api.url, "max_results=1000");
  if (!page_token.empty()) url = WithQuery(url, absl::StrCat("pagination_token=", page_token));
  return Request(api, url, "GET", "");
}

HttpRequest AddRulesRequest(const RuleApi& api, const std::vector<XRule>& rules, bool is_trial) {
  if (api.dialect == RuleDialect::kV2) {
    return Request(api, is_trial ? WithQuery(api.url, "dry_run=true") : api.url, "POST",
                   absl::StrCat("{\"add\":", RulesJson(rules), "}"));
  }
  std::string url = api.url;
  if (is_trial) {
    absl::string_view stem = url;
    absl::ConsumeSuffix(&stem, ".json");
    url = absl::StrCat(stem, "/validation.json");
  }
  return Request(api, url, "POST", absl::StrCat("{\"rules\":", RulesJson(rules), "}"));
}

HttpRequest DeleteRulesRequest(const RuleApi& api, const std::vector<XRule>& rules) {
  if (api.dialect == RuleDialect::kV2) {
    std::string ids = absl::StrJoin(
        rules, ",", [](std::string* out, const XRule& rule) { out->append(JsonQuote(rule.id)); });
    return Request(api, api.url, "POST", absl::StrCat("{\"delete\":{\"ids\":[", ids, "]}}"));
  }
  // Numbers here, as the documentation has them.
  std::string ids =
      absl::StrJoin(rules, ",", [](std::string* out, const XRule& rule) { out->append(rule.id); });
  return Request(api, WithQuery(api.url, "_method=delete"), "POST",
                 absl::StrCat("{\"rule_ids\":[", ids, "]}"));
}

std::vector<std::vector<XRule>> RuleBatches(const std::vector<XRule>& rules,
                                            const RuleApiLimits& limits) {
  std::vector<std::vector<XRule>> batches;
  size_t bytes = 0;
  for (const XRule& rule : rules) {
    size_t rule_bytes = RuleJson(rule).size() + rule.id.size() + kRuleBytes;
    bool is_full = batches.empty() || batches.back().size() >= limits.request_rules_max ||
                   bytes + rule_bytes > limits.request_bytes_max;
    if (is_full) {
      batches.emplace_back();
      bytes = 0;
    }
    batches.back().push_back(rule);
    bytes += rule_bytes;
  }
  return batches;
}

const char* RuleRefusalName(RuleRefusal refusal) {
  switch (refusal) {
    case RuleRefusal::kDuplicate:
      return "duplicate";
    case RuleRefusal::kInvalid:
      return "invalid";
    case RuleRefusal::kTooMany:
      return "too many rules";
    case RuleRefusal::kTooLong:
      return "too long";
    case RuleRefusal::kNotCompliant:
      return "not compliant";
    case RuleRefusal::kNotFound:
      return "not found";
    case RuleRefusal::kOther:
      return "refused";
  }
  return "refused";
}

}  // namespace braid
