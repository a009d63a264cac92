#include "tests/emulator/rule_set.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/hash.h"

namespace braid::emulator {
namespace {

// A quarter: two rules overlap often enough to be seen in a short test.
constexpr uint64_t kUsualPercent = 25;

uint64_t PercentOf(absl::string_view query) {
  for (absl::string_view word : absl::StrSplit(query, ' ', absl::SkipEmpty())) {
    uint64_t percent = 0;
    if (word.substr(0, 7) == "sample:" && absl::SimpleAtoi(word.substr(7), &percent)) {
      return percent;
    }
  }
  return kUsualPercent;
}

// Of "(a) OR (b)", and of "(a)": the parts; of anything else none.
std::vector<absl::string_view> Alternatives(absl::string_view query) {
  std::vector<absl::string_view> parts;
  while (!query.empty()) {
    if (query[0] != '(') return {};
    size_t end = 0;
    bool in_quotes = false;
    for (int depth = 0; end < query.size(); ++end) {
      if (query[end] == '"') in_quotes = !in_quotes;
      if (in_quotes) continue;
      if (query[end] == '(') ++depth;
      if (query[end] == ')' && --depth == 0) break;
    }
    if (end == query.size()) return {};
    parts.push_back(query.substr(1, end - 1));
    query.remove_prefix(end + 1);
    if (!query.empty() && !absl::ConsumePrefix(&query, " OR ")) return {};
  }
  return parts;
}

// X refuses what it can not parse; parentheses and quotes are what people get wrong.
bool IsBalanced(absl::string_view value) {
  int depth = 0;
  bool in_quotes = false;
  for (char c : value) {
    if (c == '"') in_quotes = !in_quotes;
    if (in_quotes) continue;
    if (c == '(') ++depth;
    if (c == ')' && --depth < 0) return false;
  }
  return depth == 0 && !in_quotes;
}

}  // namespace

bool QueryMatches(absl::string_view query, const Event& post) {
  std::vector<absl::string_view> parts = Alternatives(query);
  if (!parts.empty()) {
    return std::any_of(parts.begin(), parts.end(),
                       [&](absl::string_view part) { return QueryMatches(part, post); });
  }
  return Hash64(absl::StrCat(query, "\n", post.body)) % 100 < PercentOf(query);
}

RuleSet::Added RuleSet::Check(absl::string_view value) const {
  if (value.empty() || !IsBalanced(value)) return {RuleAdd::kInvalid};
  if (value.size() > limits_.value_bytes_max) return {RuleAdd::kTooLong};
  if (const Rule* same = FindByValue(value)) return {RuleAdd::kDuplicate, same->id};
  if (rules_.size() >= limits_.count_max) return {RuleAdd::kCapReached};
  return {RuleAdd::kAdded};
}

RuleSet::Added RuleSet::Add(absl::string_view value, absl::string_view tag, absl::Time now) {
  Added added = Check(value);
  if (added.outcome != RuleAdd::kAdded) return added;
  added.id = next_id_;
  next_id_ += 17;  // X's ids are not consecutive
  rules_.push_back({added.id, std::string(value), std::string(tag), now + limits_.activation});
  ++version_;
  return added;
}

bool RuleSet::Remove(uint64_t id) {
  auto found =
      std::find_if(rules_.begin(), rules_.end(), [id](const Rule& rule) { return rule.id == id; });
  if (found == rules_.end()) return false;
  rules_.erase(found);
  ++version_;
  return true;
}

const Rule* RuleSet::FindById(uint64_t id) const {
  for (const Rule& rule : rules_) {
    if (rule.id == id) return &rule;
  }
  return nullptr;
}

const Rule* RuleSet::FindByValue(absl::string_view value) const {
  for (const Rule& rule : rules_) {
    if (rule.value == value) return &rule;
  }
  return nullptr;
}

std::vector<const Rule*> RuleSet::Matching(const Event& post, absl::Time now) const {
  std::vector<const Rule*> out;
  for (const Rule& rule : rules_) {
    if (rule.active_from <= now && QueryMatches(rule.value, post)) out.push_back(&rule);
  }
  return out;
}

}  // namespace braid::emulator
