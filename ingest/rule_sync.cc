#include "ingest/rule_sync.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace braid {
namespace {

// A full set leaves no room to add before removing.
constexpr double kFullShare = 0.9;

size_t CharCount(absl::string_view utf8) {
  return static_cast<size_t>(std::count_if(utf8.begin(), utf8.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

// For messages: enough to recognise the rule.
std::string Shown(const XRule& rule) {
  return absl::StrCat("\"", rule.value.substr(0, 60), rule.value.size() > 60 ? "…" : "", "\"");
}

void CheckRule(const XRule& rule, const RuleApiLimits& limits, RulePlan* plan) {
  size_t value_chars = CharCount(rule.value);
  if (absl::StripAsciiWhitespace(rule.value).empty()) {
    plan->errors.push_back("a rule has an empty value");
  }
  if (value_chars > limits.value_chars_max) {
    plan->errors.push_back(absl::StrCat("rule ", Shown(rule), " has ", value_chars,
                                        " characters, at most ", limits.value_chars_max));
  }
  if (CharCount(rule.tag) > limits.tag_chars_max) {
    plan->errors.push_back(absl::StrCat("the tag of rule ", Shown(rule), " has more than ",
                                        limits.tag_chars_max, " characters"));
  }
}

// By value; repeats with the same tag are one rule, with another an error.
std::map<std::string, XRule> CheckWanted(const std::vector<XRule>& wanted,
                                         const RuleApiLimits& limits, RulePlan* plan) {
  std::map<std::string, XRule> by_value;
  for (const XRule& rule : wanted) {
    CheckRule(rule, limits, plan);
    auto [entry, is_new] = by_value.emplace(rule.value, rule);
    if (is_new) continue;
    if (entry->second.tag == rule.tag) {
      plan->warnings.push_back(absl::StrCat("rule ", Shown(rule), " is listed twice"));
    } else {
      plan->errors.push_back(absl::StrCat("rule ", Shown(rule), " is listed with two tags: \"",
                                          entry->second.tag, "\" and \"", rule.tag, "\""));
    }
  }
  if (by_value.size() > limits.rules_max) {
    plan->errors.push_back(
        absl::StrCat(by_value.size(), " rules are wanted, the contract allows ", limits.rules_max));
  } else if (static_cast<double>(by_value.size()) >
             kFullShare * static_cast<double>(limits.rules_max)) {
    plan->warnings.push_back(
        absl::StrCat(by_value.size(), " rules of ", limits.rules_max, " that the contract allows"));
  }
  return by_value;
}

struct Difference {
  std::vector<XRule> adds;
  std::vector<XRule> removes;
  // The rule as it is and as it shall be.
  std::vector<std::pair<XRule, XRule>> retags;
};

// In the order of the file, so that a plan reads like it.
Difference Compare(const std::vector<XRule>& wanted, const std::map<std::string, XRule>& by_value,
                   const std::vector<XRule>& present, RulePlan* plan) {
  Difference difference;
  std::map<std::string, XRule> there;
  for (const XRule& rule : present) {
    there.emplace(rule.value, rule);
    if (by_value.count(rule.value) == 0) difference.removes.push_back(rule);
  }
  std::map<std::string, XRule> left = by_value;
  for (const XRule& rule : wanted) {
    if (left.erase(rule.value) == 0) continue;
    auto found = there.find(rule.value);
    if (found == there.end()) {
      difference.adds.push_back(rule);
    } else if (found->second.tag != rule.tag) {
      difference.retags.push_back({found->second, rule});
    } else {
      ++plan->unchanged_count;
    }
  }
  return difference;
}

void AddSteps(RuleStep::Kind kind, const std::vector<XRule>& rules, const RuleApiLimits& limits,
              RulePlan* plan) {
  for (std::vector<XRule>& batch : RuleBatches(rules, limits)) {
    plan->steps.push_back({kind, std::move(batch)});
  }
}

void AddRetags(const std::vector<std::pair<XRule, XRule>>& retags, const RuleApiLimits& limits,
               RulePlan* plan) {
  std::vector<XRule> after;
  std::map<std::string, XRule> before;
  for (const auto& [old_rule, new_rule] : retags) {
    after.push_back(new_rule);
    before.emplace(new_rule.value, old_rule);
    plan->warnings.push_back(absl::StrCat(
        "rule ", Shown(new_rule), " gets the tag \"", new_rule.tag, "\" instead of \"",
        old_rule.tag, "\": X can not change it in place, the rule matches nothing for a moment"));
  }
  for (std::vector<XRule>& batch : RuleBatches(after, limits)) {
    RuleStep removal{RuleStep::Kind::kRemove, {}};
    for (const XRule& rule : batch) removal.rules.push_back(before.at(rule.value));
    plan->steps.push_back(std::move(removal));
    plan->steps.push_back({RuleStep::Kind::kAdd, std::move(batch)});
  }
}

}  // namespace

RulePlan PlanRules(const std::vector<XRule>& wanted, const std::vector<XRule>& present,
                   const RuleApiLimits& limits, bool may_remove_all) {
  RulePlan plan;
  std::map<std::string, XRule> by_value = CheckWanted(wanted, limits, &plan);
  if (wanted.empty() && !present.empty() && !may_remove_all) {
    plan.errors.push_back("no rule is wanted: X closes a stream without rules");
  }
  if (!plan.errors.empty()) return plan;
  Difference difference = Compare(wanted, by_value, present, &plan);
  size_t room = limits.rules_max - std::min(limits.rules_max, present.size());
  size_t at_once = std::min(room, difference.adds.size());
  auto middle = difference.adds.begin() + static_cast<ptrdiff_t>(at_once);
  AddSteps(RuleStep::Kind::kAdd, {difference.adds.begin(), middle}, limits, &plan);
  AddSteps(RuleStep::Kind::kRemove, difference.removes, limits, &plan);
  AddSteps(RuleStep::Kind::kAdd, {middle, difference.adds.end()}, limits, &plan);
  if (middle != difference.adds.end()) {
    plan.warnings.push_back(absl::StrCat(difference.adds.end() - middle,
                                         " rules can be added only after others are removed"));
  }
  AddRetags(difference.retags, limits, &plan);
  return plan;
}

}  // namespace braid
