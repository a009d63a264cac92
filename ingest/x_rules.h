// The rule APIs of X, v2 and PowerTrack: requests that list, add, delete and
// check rules, and what the answers say.
//
// Pure: a request out, an answer in. Who sends it keeps to the limits and sends
// writes one after the other: X refuses a write while another is under way.
// Threads: any. Secrets are in the Authorization header only.
//
// Bounds: RuleApiLimits of one request; the parsers take what HttpClient took.

#ifndef BRAID_INGEST_X_RULES_H_
#define BRAID_INGEST_X_RULES_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/http_client.h"

namespace braid {

enum class RuleDialect { kV2, kPowerTrack };

struct XRule {
  std::string id;  // digits; "" until X has given one
  std::string value;
  std::string tag;  // "": none

  bool operator==(const XRule& other) const {
    return id == other.id && value == other.value && tag == other.tag;
  }
};

// What the contract allows. X counts the characters of a value.
struct RuleApiLimits {
  size_t rules_max = 1000;
  size_t value_chars_max = 1024;
  size_t tag_chars_max = 255;
  // Rules of one request. X states none for v2; PowerTrack bounds the body.
  size_t request_rules_max = 100;
  size_t request_bytes_max = 5 << 20;
};
// v2: 1,000 rules of 1,024; PowerTrack: 250,000 of 2,048, 1,000 a request.
RuleApiLimits DefaultRuleLimits(RuleDialect dialect);

struct RuleApi {
  RuleDialect dialect = RuleDialect::kV2;
  // v2: https://api.x.com/2/tweets/search/stream/rules
  // PowerTrack: …/rules/powertrack/accounts/A/publishers/twitter/L.json
  std::string url;
  // The value of the Authorization header.
  std::string authorization;
  std::string user_agent;
  std::string ca_file;
};

// `page_token` of the page before; "" for the first. PowerTrack has one page.
HttpRequest ListRulesRequest(const RuleApi& api, absl::string_view page_token);
// With `is_trial` nothing is changed: dry_run of v2, validation of PowerTrack.
HttpRequest AddRulesRequest(const RuleApi& api, const std::vector<XRule>& rules, bool is_trial);
// By id. REQUIRES: every rule has one.
HttpRequest DeleteRulesRequest(const RuleApi& api, const std::vector<XRule>& rules);

// Cuts rules into requests that X takes, in their order.
std::vector<std::vector<XRule>> RuleBatches(const std::vector<XRule>& rules,
                                            const RuleApiLimits& limits);

struct RulePage {
  std::vector<XRule> rules;
  std::string next_token;  // "": this was the last
};

enum class RuleRefusal {
  kDuplicate,
  kInvalid,
  kTooMany,
  kTooLong,
  kNotCompliant,
  kNotFound,
  kOther
};
const char* RuleRefusalName(RuleRefusal refusal);

struct RefusedRule {
  XRule rule;  // the id is that of the rule which is there already, if X tells
  RuleRefusal refusal = RuleRefusal::kOther;
  std::string message;  // X's words
};

struct RuleChange {
  std::vector<XRule> created;  // or valid, of a trial
  std::vector<RefusedRule> refused;
  // Of the summary: created, deleted or valid, and the others.
  size_t done_count = 0;
  size_t not_done_count = 0;
};

// Both: InvalidArgument when X refused the request as a whole (its words are the
// message), Unauthenticated 401, PermissionDenied 402 and 403, ResourceExhausted
// 429, Unavailable other statuses, DataLoss for an answer that is not X's.
absl::StatusOr<RulePage> ParseRuleList(RuleDialect dialect, int status, absl::string_view body);
// A refused rule is an outcome, not an error.
absl::StatusOr<RuleChange> ParseRuleChange(RuleDialect dialect, int status, absl::string_view body);

}  // namespace braid

#endif  // BRAID_INGEST_X_RULES_H_
