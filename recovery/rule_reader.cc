#include "recovery/rule_reader.h"

#include <utility>

#include "ingest/x_request.h"

namespace braid {

void RuleReader::Read(Done done) {
  done_ = std::move(done);
  Ask("");
}

void RuleReader::Ask(const std::string& page_token) {
  asker_.Ask(
      [this, page_token](const std::string& token) {
        RuleApi api = api_;
        if (!token.empty()) api.authorization = AuthorizationOf(auth_, token);
        return ListRulesRequest(api, page_token);
      },
      nullptr, [this](const std::string& body) { OnPage(body); });
}

void RuleReader::OnPage(const std::string& body) {
  Done done = done_;
  absl::StatusOr<RulePage> page = ParseRuleList(api_.dialect, 200, body);
  if (!page.ok()) return done(page.status());
  rules_.insert(rules_.end(), page->rules.begin(), page->rules.end());
  // An empty page that has a next one could go on for ever.
  if (!page->next_token.empty() && !page->rules.empty()) return Ask(page->next_token);
  done(std::move(rules_));
}

}  // namespace braid
