// The stream's rules as queries that search takes. A rule by itself where there
// are few, so that each post can say which rule found it; else as many as fit are
// joined by OR. What search can not be asked for is named, never left out in
// silence.
//
// Source: docs/X-API 1.15, 2.2, 2.8. Pure; any thread.

#ifndef BRAID_RECOVERY_SEARCH_QUERY_H_
#define BRAID_RECOVERY_SEARCH_QUERY_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "ingest/x_rules.h"

namespace braid {

struct SearchQuery {
  std::string text;
  // When it is one rule's alone.
  absl::optional<XRule> rule;
};

struct SkippedRule {
  XRule rule;
  std::string why;
};

struct SearchQueries {
  std::vector<SearchQuery> queries;
  std::vector<SkippedRule> skipped;
};

struct QueryLimits {
  // X counts characters; bytes are never fewer.
  size_t query_bytes_max = 512;
  // Each costs a request per step at least: of a share of 225 per 15 min.
  size_t alone_max = 25;
};

SearchQueries QueriesOf(const std::vector<XRule>& rules, const QueryLimits& limits);

// The operator of the stream that search does not have: "sample"; "" when there
// is none.
std::string OperatorWithoutSearch(absl::string_view rule);

// For people: which rules, and why. "" for none.
std::string SkippedText(const std::vector<SkippedRule>& skipped);

}  // namespace braid

#endif  // BRAID_RECOVERY_SEARCH_QUERY_H_
