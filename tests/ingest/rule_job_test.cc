#include "ingest/rule_job.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace braid {
namespace {

using testing::ElementsAre;
using v1::RuleAction;
using v1::RuleOutcome;

// X's v2 rules, small: what a job asks changes them.
class RuleJobTest : public testing::Test {
 protected:
  void Have(const std::string& value, const std::string& tag = "") {
    x_[value] = {absl::StrCat(++last_id_), value, tag};
  }
  static v1::Rule Rule(const std::string& value, const std::string& tag = "") {
    v1::Rule rule;
    rule.set_value(value);
    rule.set_tag(tag);
    return rule;
  }
  RuleAction Action(RuleAction::Kind kind, const std::vector<v1::Rule>& rules) {
    RuleAction action;
    action.set_kind(kind);
    for (const v1::Rule& rule : rules) *action.add_rules() = rule;
    return action;
  }

  std::string List() const {
    std::vector<std::string> rules;
    for (const auto& [value, rule] : x_) {
      rules.push_back(absl::StrCat("{\"id\":\"", rule.id, "\",\"value\":\"", value, "\",\"tag\":\"",
                                   rule.tag, "\"}"));
    }
    return absl::StrCat("{\"data\":[", absl::StrJoin(rules, ","), "],\"meta\":{}}");
  }
  std::string Summary(const char* word, int done) {
    return absl::StrCat("\"meta\":{\"summary\":{\"", word, "\":", done, ",\"not_", word, "\":0}}");
  }

  // Answers one call and notes what it was: "list", "add a b", "delete 1".
  RuleJob::Verdict Answer(RuleJob* job, const RuleJob::Call& call) {
    if (call.request.method == "GET") {
      calls_.push_back("list");
      return job->OnAnswer(200, List(), now_);
    }
    if (absl::StrContains(call.request.body, "\"add\"")) return AnswerAdd(job, call);
    std::string said = "delete";
    int done = 0;
    for (auto rule = x_.begin(); rule != x_.end();) {
      bool named = absl::StrContains(call.request.body, absl::StrCat("\"", rule->second.id, "\""));
      if (named) absl::StrAppend(&said, " ", rule->first);
      done += named ? 1 : 0;
      rule = named ? x_.erase(rule) : std::next(rule);
    }
    calls_.push_back(said);
    return job->OnAnswer(200, absl::StrCat("{", Summary("deleted", done), "}"), now_);
  }

  RuleJob::Verdict AnswerAdd(RuleJob* job, const RuleJob::Call& call) {
    bool is_trial = absl::StrContains(call.request.url, "dry_run=true");
    std::string said = is_trial ? "try" : "add", errors;
    int done = 0;
    const std::string& body = call.request.body;
    for (size_t at = body.find("\"value\":\""); at != std::string::npos;
         at = body.find("\"value\":\"", at + 1)) {
      std::string value = body.substr(at + 9, body.find('"', at + 9) - at - 9);
      absl::StrAppend(&said, " ", value);
      bool is_bad = absl::StartsWith(value, "bad");
      if (is_bad) {
        absl::StrAppend(&errors, errors.empty() ? "" : ",", "{\"value\":\"", value,
                        "\",\"title\":\"UnprocessableEntity\",\"details\":[\"no such operator\"],"
                        "\"type\":\"https://x/problems/invalid-rules\"}");
      } else if (!is_trial) {
        Have(value, absl::StrContains(body, "\"tag\":\"new\"") ? "new" : "");
      }
      done += is_bad ? 0 : 1;
    }
    calls_.push_back(said);
    return job->OnAnswer(
        201, absl::StrCat("{\"errors\":[", errors, "],", Summary("created", done), "}"), now_);
  }

  RuleJob::End Run(RuleAction action) {
    RuleJob job(RuleDialect::kV2, limits_, std::move(action));
    while (!job.is_ended()) {
      EXPECT_EQ(Answer(&job, *job.Next(api_)), RuleJob::Verdict::kGoOn);
    }
    return job.TakeEnd();
  }
  static std::vector<std::string> Words(const v1::RuleResult& result) {
    std::vector<std::string> words;
    for (const RuleOutcome& outcome : result.outcomes()) {
      words.push_back(absl::StrCat(RuleOutcome::State_Name(outcome.state()).substr(6), " ",
                                   outcome.rule().value()));
    }
    return words;
  }

  RuleApi api_{RuleDialect::kV2, "https://api.x.com/2/tweets/search/stream/rules", "Bearer t", "b",
               ""};
  RuleApiLimits limits_ = DefaultRuleLimits(RuleDialect::kV2);
  absl::Time now_ = absl::FromUnixSeconds(1704067200);
  std::map<std::string, XRule> x_;
  int last_id_ = 0;
  std::vector<std::string> calls_;
};

TEST_F(RuleJobTest, ListTellsTheRulesAndTheirHash) {
  Have("a", "t");
  Have("b");
  RuleJob::End end = Run(Action(RuleAction::KIND_LIST, {}));
  ASSERT_EQ(end.result.rules_size(), 2);
  EXPECT_EQ(end.result.rules(0).tag(), "t");
  EXPECT_EQ(end.result.rule_set().count(), 2);
  EXPECT_EQ(end.result.rule_set().hash(), RuleSetHash({{"9", "b", ""}, {"8", "a", "t"}}));
  EXPECT_NE(end.result.rule_set().hash(), RuleSetHash({{"9", "b", "t"}, {"8", "a", ""}}));
}

TEST_F(RuleJobTest, AddTellsWhatBecameOfEachRule) {
  Have("there");
  RuleJob::End end = Run(Action(RuleAction::KIND_ADD, {Rule("there"), Rule("a"), Rule("bad")}));
  EXPECT_THAT(calls_, ElementsAre("list", "add a bad", "list"));
  EXPECT_THAT(Words(end.result), ElementsAre("UNCHANGED there", "ADDED a", "REFUSED bad"));
  EXPECT_EQ(end.result.outcomes(2).reason(), "invalid");
  EXPECT_EQ(end.result.outcomes(2).message(), "no such operator");
  EXPECT_EQ(end.result.rule_set().count(), 2);
}

TEST_F(RuleJobTest, ARuleThatIsThereWithAnotherTagIsRefusedByAdd) {
  Have("a", "old");
  RuleJob::End end = Run(Action(RuleAction::KIND_ADD, {Rule("a", "new")}));
  EXPECT_THAT(calls_, ElementsAre("list"));
  EXPECT_THAT(Words(end.result), ElementsAre("REFUSED a"));
}

TEST_F(RuleJobTest, RemoveTakesIdsAndValues) {
  Have("a");
  Have("b");
  Have("c");
  RuleAction action = Action(RuleAction::KIND_REMOVE, {Rule("a"), Rule("gone")});
  action.add_rules()->set_id("2");
  RuleJob::End end = Run(action);
  EXPECT_THAT(calls_, ElementsAre("list", "delete a b", "list"));
  EXPECT_THAT(Words(end.result), ElementsAre("UNCHANGED gone", "REMOVED a", "REMOVED b"));
}

TEST_F(RuleJobTest, RemoveTakesATagForAllThatHaveIt) {
  Have("a", "dear");
  Have("b", "dear");
  Have("c", "cheap");
  Have("d");
  RuleAction action =
      Action(RuleAction::KIND_REMOVE, {Rule("", "dear"), Rule("", "gone"), Rule("")});
  RuleJob::End end = Run(action);
  EXPECT_THAT(calls_, ElementsAre("list", "delete a b", "list"));
  EXPECT_EQ(x_.size(), 2u);
  EXPECT_THAT(Words(end.result), ElementsAre("UNCHANGED ", "UNCHANGED ", "REMOVED a", "REMOVED b"));
}

TEST_F(RuleJobTest, SyncAddsBeforeItRemoves) {
  Have("old");
  Have("kept");
  RuleJob::End end = Run(Action(RuleAction::KIND_SYNC, {Rule("kept"), Rule("a")}));
  EXPECT_THAT(calls_, ElementsAre("list", "add a", "delete old", "list"));
  EXPECT_THAT(Words(end.result), ElementsAre("ADDED a", "REMOVED old"));
  EXPECT_EQ(end.result.unchanged_rules(), 1);
}

TEST_F(RuleJobTest, SyncRemovesNothingOnceAnAddWasRefused) {
  Have("old");
  RuleAction action = Action(RuleAction::KIND_SYNC, {Rule("bad"), Rule("a")});
  action.set_may_remove_all(true);
  RuleJob::End end = Run(action);
  EXPECT_THAT(calls_, ElementsAre("list", "add bad a", "list"));
  EXPECT_THAT(Words(end.result), ElementsAre("REFUSED bad", "ADDED a", "NOT_DONE old"));
  EXPECT_EQ(x_.count("old"), 1);
}

TEST_F(RuleJobTest, ATagIsChangedByRemovalAndAddition) {
  Have("a", "old");
  Have("b");
  RuleJob::End end = Run(Action(RuleAction::KIND_SYNC, {Rule("a", "new"), Rule("b")}));
  EXPECT_THAT(calls_, ElementsAre("list", "delete a", "add a", "list"));
  EXPECT_THAT(Words(end.result), ElementsAre("REMOVED a", "ADDED a"));
  EXPECT_EQ(x_["a"].tag, "new");
}

TEST_F(RuleJobTest, NothingLeavesNoneOfTheRulesUnlessItMay) {
  Have("old");
  RuleAction sync = Action(RuleAction::KIND_SYNC, {Rule("a")});
  RuleAction remove = Action(RuleAction::KIND_REMOVE, {Rule("old")});
  for (const RuleAction& action : {sync, remove}) {
    RuleJob::End end = Run(action);
    EXPECT_EQ(end.status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(x_.count("old"), 1);
  }
  EXPECT_THAT(calls_, ElementsAre("list", "list"));
  sync.set_may_remove_all(true);
  EXPECT_TRUE(Run(sync).status.ok());
  EXPECT_EQ(x_.count("old"), 0);
}

TEST_F(RuleJobTest, ADryRunOnlyLists) {
  Have("old");
  Have("kept");
  RuleAction action = Action(RuleAction::KIND_SYNC, {Rule("kept"), Rule("a")});
  action.set_dry_run(true);
  RuleJob::End end = Run(action);
  EXPECT_THAT(calls_, ElementsAre("list"));
  EXPECT_THAT(Words(end.result), ElementsAre("WOULD_ADD a", "WOULD_REMOVE old"));
}

TEST_F(RuleJobTest, ValidateChangesNothing) {
  RuleJob::End end = Run(Action(RuleAction::KIND_VALIDATE, {Rule("a"), Rule("bad")}));
  EXPECT_THAT(calls_, ElementsAre("try a bad"));
  EXPECT_THAT(Words(end.result), ElementsAre("VALID a", "REFUSED bad"));
  EXPECT_FALSE(end.result.has_rule_set());
}

TEST_F(RuleJobTest, AWriteWhoseAnswerWasLostIsDoneOnce) {
  Have("kept");
  RuleJob job(RuleDialect::kV2, limits_, Action(RuleAction::KIND_ADD, {Rule("a")}));
  Answer(&job, *job.Next(api_));
  EXPECT_TRUE(job.Next(api_)->is_write);
  Have("a");
  EXPECT_EQ(
      job.OnAnswer(201,
                   "{\"errors\":[{\"value\":\"a\",\"id\":\"2\",\"type\":\"x/duplicate-rules\"}],"
                   "\"meta\":{\"summary\":{\"created\":0,\"not_created\":1}}}",
                   now_),
      RuleJob::Verdict::kGoOn);
  Answer(&job, *job.Next(api_));
  ASSERT_TRUE(job.is_ended());
  EXPECT_THAT(Words(job.TakeEnd().result), ElementsAre("ADDED a"));
}

TEST_F(RuleJobTest, WhatPassesIsAskedAgainAndWhatDoesNotEndsIt) {
  for (int status : {429, 500, 503}) {
    RuleJob job(RuleDialect::kV2, limits_, Action(RuleAction::KIND_LIST, {}));
    EXPECT_EQ(job.OnAnswer(status, "{}", now_), RuleJob::Verdict::kLater) << status;
    EXPECT_FALSE(job.is_ended());
  }
  for (int status : {400, 401, 402, 403, 404}) {
    RuleJob job(RuleDialect::kV2, limits_, Action(RuleAction::KIND_LIST, {}));
    EXPECT_EQ(job.OnAnswer(status, "{\"title\":\"Nope\"}", now_), RuleJob::Verdict::kGoOn);
    ASSERT_TRUE(job.is_ended()) << status;
    EXPECT_TRUE(absl::StrContains(job.TakeEnd().status.message(), "Nope"));
  }
}

TEST_F(RuleJobTest, ManyRulesAreManyRequests) {
  std::vector<v1::Rule> rules;
  for (int i = 0; i < 250; ++i) rules.push_back(Rule(absl::StrCat("r", i)));
  RuleJob job(RuleDialect::kV2, limits_, Action(RuleAction::KIND_ADD, rules));
  Answer(&job, *job.Next(api_));
  EXPECT_EQ(job.done_requests(), 1);
  EXPECT_EQ(job.total_requests(), 5);
  while (!job.is_ended()) Answer(&job, *job.Next(api_));
  EXPECT_EQ(job.done_requests(), 5);
  EXPECT_EQ(x_.size(), 250);
}

}  // namespace
}  // namespace braid
