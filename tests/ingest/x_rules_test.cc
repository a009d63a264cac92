#include "ingest/x_rules.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace braid {
namespace {

RuleApi V2Api() {
  return {RuleDialect::kV2, "https://api.x.com/2/tweets/search/stream/rules", "Bearer T", "braid/1",
          ""};
}

RuleApi PowerTrackApi() {
  return {RuleDialect::kPowerTrack,
          "https://data-api.x.com/rules/powertrack/accounts/a/publishers/twitter/p.json", "Basic B",
          "braid/1", ""};
}

std::string Header(const HttpRequest& request, const std::string& name) {
  for (const auto& [key, value] : request.headers) {
    if (key == name) return value;
  }
  return "";
}

const std::vector<XRule> kTwo = {{"7", "cat \"a\\b\"", "pets"}, {"8", "dog", ""}};

struct RequestRow {
  const char* what;
  HttpRequest request;
  const char* method;
  std::string url;
  const char* body;
};

TEST(XRules, EveryRequestIsWhatXDocuments) {
  const std::string v2 = V2Api().url;
  const std::string gnip = PowerTrackApi().url;
  const std::string gnip_stem = gnip.substr(0, gnip.size() - 5);
  const RequestRow kRows[] = {
      {"list", ListRulesRequest(V2Api(), ""), "GET", v2 + "?max_results=1000", ""},
      {"next page", ListRulesRequest(V2Api(), "abc"), "GET",
       v2 + "?max_results=1000&pagination_token=abc", ""},
      {"add", AddRulesRequest(V2Api(), kTwo, false), "POST", v2,
       R"json({"add":[{"value":"cat \"a\\b\"","tag":"pets"},{"value":"dog"}]})json"},
      {"dry run", AddRulesRequest(V2Api(), {{"", "dog", ""}}, true), "POST", v2 + "?dry_run=true",
       R"json({"add":[{"value":"dog"}]})json"},
      {"delete", DeleteRulesRequest(V2Api(), kTwo), "POST", v2,
       R"json({"delete":{"ids":["7","8"]}})json"},
      {"PowerTrack list", ListRulesRequest(PowerTrackApi(), ""), "GET", gnip, ""},
      {"PowerTrack add", AddRulesRequest(PowerTrackApi(), kTwo, false), "POST", gnip,
       R"json({"rules":[{"value":"cat \"a\\b\"","tag":"pets"},{"value":"dog"}]})json"},
      {"PowerTrack validate", AddRulesRequest(PowerTrackApi(), {{"", "dog", ""}}, true), "POST",
       gnip_stem + "/validation.json", R"json({"rules":[{"value":"dog"}]})json"},
      {"PowerTrack delete", DeleteRulesRequest(PowerTrackApi(), kTwo), "POST",
       gnip + "?_method=delete", R"json({"rule_ids":[7,8]})json"},
  };
  for (const RequestRow& row : kRows) {
    EXPECT_EQ(row.request.method, row.method) << row.what;
    EXPECT_EQ(row.request.url, row.url) << row.what;
    EXPECT_EQ(row.request.body, row.body) << row.what;
    EXPECT_FALSE(Header(row.request, "Authorization").empty()) << row.what;
    EXPECT_EQ(Header(row.request, "Content-Type").empty(), row.request.body.empty()) << row.what;
  }
}

struct ListRow {
  const char* what;
  RuleDialect dialect;
  const char* body;
  std::vector<XRule> rules;
  const char* next_token;
};

TEST(XRules, ListsOfBothFamiliesAreRead) {
  const ListRow kRows[] = {
      {"v2",
       RuleDialect::kV2,
       R"json({"data":[{"id":"1","value":"cat","tag":"t"},{"id":"2","value":"dog"}],"meta":{"sent":"s","result_count":2,"next_token":"n"}})json",
       {{"1", "cat", "t"}, {"2", "dog", ""}},
       "n"},
      {"v2 without rules",
       RuleDialect::kV2,
       R"json({"meta":{"sent":"s","result_count":0}})json",
       {},
       ""},
      {"PowerTrack",
       RuleDialect::kPowerTrack,
       R"json({"rules":[{"value":"cat","tag":null,"id":735163830813134800,"id_str":"735163830813134848"}],"sent":"s"})json",
       {{"735163830813134848", "cat", ""}},
       ""},
      {"PowerTrack without id_str",
       RuleDialect::kPowerTrack,
       R"json({"rules":[{"value":"cat","tag":"t","id":735163830813134848}],"sent":"s"})json",
       {{"735163830813134848", "cat", "t"}},
       ""},
      {"PowerTrack without rules",
       RuleDialect::kPowerTrack,
       R"json({"rules":[],"sent":"s"})json",
       {},
       ""},
  };
  for (const ListRow& row : kRows) {
    auto page = ParseRuleList(row.dialect, 200, row.body);
    ASSERT_TRUE(page.ok()) << row.what << page.status();
    EXPECT_EQ(page->rules, row.rules) << row.what;
    EXPECT_EQ(page->next_token, row.next_token) << row.what;
  }
}

struct RefusalRow {
  const char* what;
  RuleDialect dialect;
  int status;
  const char* body;
  RuleRefusal refusal;
  const char* message;  // a part
};

TEST(XRules, EveryRefusalOfARuleIsNamed) {
  constexpr RuleDialect kV2 = RuleDialect::kV2;
  constexpr RuleDialect kGnip = RuleDialect::kPowerTrack;
  const RefusalRow kRows[] = {
      {"duplicate", kV2, 200,
       R"json({"meta":{"sent":"s","summary":{"created":0,"not_created":1,"valid":0,"invalid":1}},"errors":[{"value":"cat","id":"1","title":"DuplicateRule","type":"https://api.twitter.com/2/problems/duplicate-rules"}]})json",
       RuleRefusal::kDuplicate, "DuplicateRule"},
      {"invalid", kV2, 201,
       R"json({"meta":{"summary":{"created":0,"not_created":1}},"errors":[{"value":"-a","details":["Rules must contain a non-negation term (at position 1)"],"title":"UnprocessableEntity","type":"https://api.x.com/2/problems/invalid-rules"}]})json",
       RuleRefusal::kInvalid, "non-negation"},
      {"cap", kV2, 200,
       R"json({"meta":{"summary":{"created":0,"not_created":1}},"errors":[{"value":"a","title":"t","type":"https://api.x.com/2/problems/rule-cap"}]})json",
       RuleRefusal::kTooMany, "t"},
      {"length", kV2, 200,
       R"json({"meta":{"summary":{"created":0,"not_created":1}},"errors":[{"value":"a","title":"t","type":"https://api.x.com/2/problems/rule-length"}]})json",
       RuleRefusal::kTooLong, "t"},
      {"compliance", kV2, 200,
       R"json({"meta":{"summary":{"created":0,"not_created":1}},"errors":[{"value":"a","title":"t","detail":"d","type":"https://api.x.com/2/problems/noncompliant-rules"}]})json",
       RuleRefusal::kNotCompliant, "d"},
      {"unknown problem", kV2, 200,
       R"json({"meta":{"summary":{"created":0,"not_created":1}},"errors":[{"value":"a","title":"t","type":"https://api.x.com/2/problems/new"}]})json",
       RuleRefusal::kOther, "t"},
      {"delete of nothing", kV2, 200,
       R"json({"meta":{"summary":{"deleted":0,"not_deleted":1}},"errors":[{"errors":[{"message":"Rule does not exist","parameters":{}}],"title":"Invalid Request","type":"https://api.x.com/2/problems/invalid-request"}]})json",
       RuleRefusal::kNotFound, "does not exist"},
      {"PowerTrack duplicate", kGnip, 201,
       R"json({"summary":{"created":0,"not_created":1},"detail":[{"rule":{"value":"cat","tag":"t"},"created":false,"message":"A rule with this value already exists"}],"sent":"s"})json",
       RuleRefusal::kDuplicate, "already exists"},
      {"PowerTrack invalid", kGnip, 422,
       R"json({"summary":{"created":0,"not_created":1},"detail":[{"rule":{"value":"-a","tag":null},"created":false,"message":"Rules must contain a non-negation term (at position 1)\n"}],"sent":"s"})json",
       RuleRefusal::kInvalid, "non-negation"},
      {"PowerTrack victim of another rule", kGnip, 422,
       R"json({"summary":{"created":0,"not_created":1},"detail":[{"rule":{"value":"a","tag":null},"created":false}],"sent":"s"})json",
       RuleRefusal::kOther, ""},
      {"PowerTrack not valid", kGnip, 200,
       R"json({"summary":{"valid":0,"not_valid":1},"detail":[{"rule":{"value":"a b:c","tag":null},"valid":false,"message":"Cannot parse rule at ':' (position 14)\n"}],"sent":"s"})json",
       RuleRefusal::kInvalid, "Cannot parse"},
      {"PowerTrack delete of nothing", kGnip, 200,
       R"json({"summary":{"deleted":0,"not_deleted":1},"detail":[{"rule":{"value":"egg","tag":null},"deleted":false,"message":"Rule does not exist"}],"sent":"s"})json",
       RuleRefusal::kNotFound, "does not exist"},
  };
  for (const RefusalRow& row : kRows) {
    auto change = ParseRuleChange(row.dialect, row.status, row.body);
    ASSERT_TRUE(change.ok()) << row.what << change.status();
    ASSERT_EQ(change->refused.size(), 1u) << row.what;
    EXPECT_EQ(change->refused[0].refusal, row.refusal) << row.what;
    EXPECT_TRUE(absl::StrContains(change->refused[0].message, row.message)) << row.what;
    EXPECT_EQ(change->done_count, 0u) << row.what;
    EXPECT_EQ(change->not_done_count, 1u) << row.what;
  }
}

TEST(XRules, APartlySuccessfulAddGivesBothLists) {
  auto change = ParseRuleChange(
      RuleDialect::kV2, 201,
      R"json({"data":[{"id":"9","value":"dog","tag":"t"}],"meta":{"sent":"s","summary":{"created":1,"not_created":1,"valid":1,"invalid":1}},"errors":[{"value":"cat","id":"1","title":"DuplicateRule","type":"https://api.x.com/2/problems/duplicate-rules"}]})json");
  ASSERT_TRUE(change.ok());
  EXPECT_EQ(change->created, (std::vector<XRule>{{"9", "dog", "t"}}));
  EXPECT_EQ(change->refused[0].rule, (XRule{"1", "cat", ""}));
  EXPECT_EQ(change->done_count, 1u);
}

struct StatusRow {
  int status;
  const char* body;
  absl::StatusCode code;
  const char* message;
};

TEST(XRules, ARefusedRequestIsAnErrorWithXsWords) {
  const StatusRow kRows[] = {
      {400,
       R"json({"errors":[{"parameters":{},"message":"no good"}],"title":"Invalid Request","detail":"d","type":"t"})json",
       absl::StatusCode::kInvalidArgument, "no good"},
      {400, R"json({"error":{"message":"Invalid JSON.","sent":"s"}})json",
       absl::StatusCode::kInvalidArgument, "Invalid JSON."},
      {401, R"json({"title":"Unauthorized"})json", absl::StatusCode::kUnauthenticated,
       "Unauthorized"},
      {402, "", absl::StatusCode::kPermissionDenied, "402"},
      {403, R"json({"title":"Client Forbidden","detail":"enrol"})json",
       absl::StatusCode::kPermissionDenied, "enrol"},
      {422, R"json({"error":{"message":"bad","sent":"s"}})json", absl::StatusCode::kInvalidArgument,
       "bad"},
      {429, R"json({"title":"Too Many Requests"})json", absl::StatusCode::kResourceExhausted,
       "429"},
      {503, "<html>", absl::StatusCode::kUnavailable, "503"},
      {200, "<html>", absl::StatusCode::kDataLoss, "not JSON"},
      {200, "[]", absl::StatusCode::kDataLoss, "not JSON"},
      {200, "{}", absl::StatusCode::kDataLoss, "without"},
  };
  for (const StatusRow& row : kRows) {
    for (RuleDialect dialect : {RuleDialect::kV2, RuleDialect::kPowerTrack}) {
      auto change = ParseRuleChange(dialect, row.status, row.body);
      EXPECT_EQ(change.status().code(), row.code) << row.status << row.body;
      EXPECT_TRUE(absl::StrContains(change.status().message(), row.message)) << change.status();
    }
    auto list = ParseRuleList(RuleDialect::kPowerTrack, row.status, row.body);
    EXPECT_EQ(list.status().code(), row.code) << row.status << row.body;
  }
}

TEST(XRules, BatchesKeepTheOrderAndTheBounds) {
  RuleApiLimits limits;
  limits.request_rules_max = 3;
  limits.request_bytes_max = 1000;
  std::vector<XRule> rules;
  for (int i = 0; i < 10; ++i) rules.push_back({"", std::string(i == 4 ? 900 : 5, 'a'), ""});
  std::vector<XRule> joined;
  for (const auto& batch : RuleBatches(rules, limits)) {
    EXPECT_LE(batch.size(), 3u);
    EXPECT_LE(AddRulesRequest(V2Api(), batch, false).body.size(), 1000u);
    joined.insert(joined.end(), batch.begin(), batch.end());
  }
  EXPECT_EQ(joined, rules);
  EXPECT_TRUE(RuleBatches({}, limits).empty());
}

}  // namespace
}  // namespace braid
