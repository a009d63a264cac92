#include "cli/rules_text.h"

#include <gtest/gtest.h>

namespace braid {
namespace {

using v1::RuleOutcome;

void AddOutcome(RuleOutcome::State state, const std::string& value, const std::string& message,
                v1::RuleResult* result) {
  RuleOutcome* outcome = result->add_outcomes();
  outcome->set_state(state);
  outcome->mutable_rule()->set_value(value);
  outcome->set_message(message);
}

TEST(RulesTextTest, EachRuleIsAnsweredForThenTheSum) {
  v1::RuleResult result;
  AddOutcome(RuleOutcome::STATE_ADDED, "cat", "", &result);
  AddOutcome(RuleOutcome::STATE_REFUSED, "(dog", "missing )", &result);
  AddOutcome(RuleOutcome::STATE_NOT_DONE, "old", "", &result);
  result.set_unchanged_rules(4);
  result.mutable_rule_set()->set_count(6);
  EXPECT_EQ(RenderRuleOutcomes(result),
            "added  cat\nrefused  (dog: missing )\nnot done  old\n"
            "1 added, 1 not done, 1 refused, 4 unchanged; the stream has 6 rules\n");
  EXPECT_EQ(UnsuccessfulRules(result), 2);
}

TEST(RulesTextTest, WhatXAndFilesSayIsEscaped) {
  v1::RuleResult result;
  AddOutcome(RuleOutcome::STATE_REFUSED, "a\x1b[31m", "b\x07", &result);
  EXPECT_EQ(RenderRuleOutcomes(result).find('\x1b'), std::string::npos);
  EXPECT_EQ(RenderRuleOutcomes(result).find('\x07'), std::string::npos);
  v1::Rule* rule = result.add_rules();
  rule->set_tag("\x1b");
  EXPECT_EQ(RenderRules(result, 0).find('\x1b'), std::string::npos);
}

TEST(RulesTextTest, ProgressSaysWhoHasItOrThatNobodyHas) {
  v1::RuleTask task;
  task.set_state(v1::RuleTask::STATE_QUEUED);
  EXPECT_EQ(RuleProgressLine(task), "waits for a worker");
  task.set_state(v1::RuleTask::STATE_RUNNING);
  task.set_worker_id("fra-a");
  task.mutable_progress()->set_done(1);
  task.mutable_progress()->set_total(3);
  task.mutable_progress()->set_message("X answered 429; tries again in 60 s");
  EXPECT_EQ(RuleProgressLine(task),
            "fra-a: 1 of 3 requests to X, X answered 429; tries again in 60 s");
}

}  // namespace
}  // namespace braid
