#include "recovery/search_query.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace braid {
namespace {

constexpr absl::string_view kStreamOnly[] = {"sample", "bio", "bio_name", "bio_location"};
constexpr absl::string_view kOr = " OR ";
// A sentence, not a list.
constexpr size_t kNamedMax = 5;
constexpr size_t kValueBytesMax = 80;

// Behind the closing quote; `at` is the opening one.
size_t SkipQuoted(absl::string_view text, size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return std::min(at + 1, text.size());
}

bool EndsName(char c) {
  return absl::ascii_isspace(c) || c == '(' || c == ')' || c == '"' || c == ':' || c == '-';
}

// Behind an operator's value, which may hold colons.
size_t SkipValue(absl::string_view text, size_t at) {
  if (at < text.size() && text[at] == '"') return SkipQuoted(text, at);
  if (at < text.size() && text[at] == '[') return std::min(text.find(']', at), text.size());
  while (at < text.size() && !absl::ascii_isspace(text[at]) && text[at] != ')') ++at;
  return at;
}

std::string NameOf(const SkippedRule& skipped) {
  const std::string& value = skipped.rule.value;
  return absl::StrCat("\"", value.substr(0, kValueBytesMax),
                      value.size() > kValueBytesMax ? "..." : "", "\" ", skipped.why);
}

// Of one rule as part of a query.
std::string Grouped(const XRule& rule) { return absl::StrCat("(", rule.value, ")"); }

std::vector<SearchQuery> Joined(const std::vector<XRule>& rules, size_t bytes_max) {
  std::vector<SearchQuery> queries;
  for (const XRule& rule : rules) {
    const std::string part = Grouped(rule);
    bool fits =
        !queries.empty() && queries.back().text.size() + kOr.size() + part.size() <= bytes_max;
    if (fits) {
      absl::StrAppend(&queries.back().text, kOr, part);
      queries.back().rule.reset();
    } else {
      // Alone it may be as long as the query.
      bool is_long = part.size() > bytes_max;
      queries.push_back({is_long ? rule.value : part, rule});
    }
  }
  return queries;
}

}  // namespace

std::string OperatorWithoutSearch(absl::string_view rule) {
  for (size_t at = 0; at < rule.size();) {
    if (rule[at] == '"') {
      at = SkipQuoted(rule, at);
      continue;
    }
    size_t start = at;
    while (at < rule.size() && !EndsName(rule[at])) ++at;
    bool is_operator = at < rule.size() && rule[at] == ':';
    if (!is_operator) {
      // Past what ended the word, but for a quote, which opens something.
      if (at < rule.size() && rule[at] != '"') ++at;
      continue;
    }
    std::string name = absl::AsciiStrToLower(rule.substr(start, at - start));
    if (std::count(std::begin(kStreamOnly), std::end(kStreamOnly), name) > 0) return name;
    at = SkipValue(rule, at + 1);
  }
  return "";
}

SearchQueries QueriesOf(const std::vector<XRule>& rules, const QueryLimits& limits) {
  SearchQueries out;
  std::vector<XRule> taken;
  for (const XRule& rule : rules) {
    const std::string name = OperatorWithoutSearch(rule.value);
    if (!name.empty()) {
      out.skipped.push_back({rule, absl::StrCat("uses ", name, ":")});
    } else if (rule.value.size() > limits.query_bytes_max) {
      out.skipped.push_back({rule, absl::StrCat("is longer than ", limits.query_bytes_max)});
    } else {
      taken.push_back(rule);
    }
  }
  if (taken.size() > limits.alone_max) {
    out.queries = Joined(taken, limits.query_bytes_max);
  } else {
    for (const XRule& rule : taken) out.queries.push_back({rule.value, rule});
  }
  return out;
}

std::string SkippedText(const std::vector<SkippedRule>& skipped) {
  if (skipped.empty()) return "";
  std::vector<std::string> names;
  for (const SkippedRule& each : skipped) {
    if (names.size() < kNamedMax) names.push_back(NameOf(each));
  }
  size_t more = skipped.size() - names.size();
  return absl::StrCat("search can not be asked for ", skipped.size(),
                      skipped.size() == 1 ? " rule: " : " rules: ", absl::StrJoin(names, ", "),
                      more > 0 ? absl::StrCat(" and ", more, " more") : "");
}

}  // namespace braid
