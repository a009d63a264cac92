#include "ingest/rule_sync.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/random.h"

namespace braid {
namespace {

// "+a,b -c +d": what the plan does, in its order.
std::string Steps(const RulePlan& plan) {
  return absl::StrJoin(plan.steps, " ", [](std::string* out, const RuleStep& step) {
    out->append(step.kind == RuleStep::Kind::kAdd ? "+" : "-");
    out->append(absl::StrJoin(
        step.rules, ",", [](std::string* text, const XRule& rule) { text->append(rule.value); }));
  });
}

struct Row {
  const char* what;
  std::vector<XRule> wanted;
  std::vector<XRule> present;
  size_t rules_max;
  const char* steps;
  const char* warning;  // a part of one; "" for none
};

TEST(RuleSync, StepsComeInTheOrderThatMissesNothing) {
  const Row kRows[] = {
      {"nothing to do", {{"", "a", "t"}}, {{"1", "a", "t"}}, 100, "", ""},
      {"first rules", {{"", "a", ""}, {"", "b", ""}}, {}, 100, "+a,b", ""},
      {"add before remove", {{"", "b", ""}}, {{"1", "a", ""}}, 100, "+b -a", ""},
      {"no room", {{"", "b", ""}}, {{"1", "a", ""}}, 1, "-a +b", "only after others"},
      {"a little room",
       {{"", "b", ""}, {"", "c", ""}},
       {{"1", "a", ""}, {"2", "x", ""}},
       3,
       "+b -a,x +c",
       "only after others"},
      {"another tag", {{"", "a", "new"}}, {{"1", "a", "old"}}, 100, "-a +a", "instead of"},
      {"other tags last",
       {{"", "a", "new"}, {"", "b", ""}},
       {{"1", "a", "old"}, {"2", "c", ""}},
       100,
       "+b -c -a +a",
       "instead of"},
      {"listed twice", {{"", "a", ""}, {"", "a", ""}}, {}, 100, "+a", "listed twice"},
      {"nearly full", {{"", "a", ""}}, {{"1", "a", ""}}, 1, "", "1 rules of 1"},
  };
  for (const Row& row : kRows) {
    RuleApiLimits limits;
    limits.rules_max = row.rules_max;
    RulePlan plan = PlanRules(row.wanted, row.present, limits, false);
    EXPECT_TRUE(plan.errors.empty()) << row.what << absl::StrJoin(plan.errors, "\n");
    EXPECT_EQ(Steps(plan), row.steps) << row.what;
    std::string warnings = absl::StrJoin(plan.warnings, "\n");
    EXPECT_TRUE(absl::StrContains(warnings, row.warning)) << row.what << ": " << warnings;
    if (row.warning[0] == '\0') {
      EXPECT_EQ(warnings, "") << row.what;
    }
  }
}

TEST(RuleSync, ABadListIsRefusedAsAWholeWithEveryReason) {
  RuleApiLimits limits;
  limits.rules_max = 3;
  limits.value_chars_max = 5;
  RulePlan plan = PlanRules({{"", "abcdef", ""},
                             {"", " ", ""},
                             {"", "x", "one"},
                             {"", "x", "two"},
                             {"", "y", std::string(256, 't')},
                             {"", "z", ""}},
                            {{"1", "q", ""}}, limits, false);
  EXPECT_TRUE(plan.steps.empty());
  std::string errors = absl::StrJoin(plan.errors, "\n");
  for (const char* part : {"6 characters, at most 5", "empty value", "two tags", "more than 255",
                           "5 rules are wanted, the contract allows 3"}) {
    EXPECT_TRUE(absl::StrContains(errors, part)) << part << " in " << errors;
  }
}

TEST(RuleSync, CharactersAreCountedAndNotBytes) {
  RuleApiLimits limits;
  limits.value_chars_max = 5;
  EXPECT_TRUE(PlanRules({{"", "東京大阪雪", ""}}, {}, limits, false).errors.empty());
}

TEST(RuleSync, AnEmptyListRemovesEverythingOnlyWhenToldTo) {
  RuleApiLimits limits;
  EXPECT_FALSE(PlanRules({}, {{"1", "a", ""}}, limits, false).errors.empty());
  EXPECT_EQ(Steps(PlanRules({}, {{"1", "a", ""}}, limits, true)), "-a");
  EXPECT_TRUE(PlanRules({}, {}, limits, false).IsEmpty());
}

// Runs a plan as X would and checks it at each step.
void RunPlan(const RulePlan& plan, const std::vector<XRule>& wanted, std::vector<XRule> present,
             const RuleApiLimits& limits) {
  std::map<std::string, std::string> there;
  for (const XRule& rule : present) there[rule.value] = rule.tag;
  std::map<std::string, std::string> goal;
  for (const XRule& rule : wanted) goal.emplace(rule.value, rule.tag);
  const std::map<std::string, std::string> before = there;
  for (const RuleStep& step : plan.steps) {
    ASSERT_LE(step.rules.size(), limits.request_rules_max);
    for (const XRule& rule : step.rules) {
      if (step.kind == RuleStep::Kind::kRemove) {
        ASSERT_FALSE(rule.id.empty());
        ASSERT_EQ(there.erase(rule.value), 1u) << "removed what is not there";
      } else {
        ASSERT_TRUE(there.emplace(rule.value, rule.tag).second) << "added twice";
      }
    }
    ASSERT_LE(there.size(), limits.rules_max);
    // What does not change is there all the time.
    for (const auto& [value, tag] : goal) {
      auto old = before.find(value);
      if (old == before.end() || old->second != tag) continue;
      ASSERT_EQ(there.count(value), 1u) << value;
    }
  }
  EXPECT_EQ(there, goal);
}

TEST(RuleSync, EveryPlanLeadsToTheFileWithinTheLimits) {
  SeededRandom random(20261121);
  for (int round = 0; round < 2000; ++round) {
    RuleApiLimits limits;
    limits.rules_max = 1 + random.Below(12);
    limits.request_rules_max = 1 + random.Below(4);
    auto draw = [&](bool has_ids) {
      std::vector<XRule> rules;
      std::set<std::string> seen;
      for (uint64_t i = random.Below(limits.rules_max + 1); i > 0; --i) {
        std::string value = absl::StrCat("v", random.Below(15));
        if (!seen.insert(value).second) continue;
        std::string id = has_ids ? absl::StrCat(100 + i) : "";
        rules.push_back({id, value, absl::StrCat("t", random.Below(2))});
      }
      return rules;
    };
    std::vector<XRule> wanted = draw(false);
    std::vector<XRule> present = draw(true);
    RulePlan plan = PlanRules(wanted, present, limits, true);
    ASSERT_TRUE(plan.errors.empty());
    RunPlan(plan, wanted, present, limits);
    if (HasFatalFailure()) FAIL() << "round " << round << ": " << Steps(plan);
  }
}

}  // namespace
}  // namespace braid
