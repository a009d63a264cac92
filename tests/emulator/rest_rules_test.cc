#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/emulator/rest_fixture.h"

namespace braid::emulator {
namespace {

constexpr char kRules[] = "/2/tweets/search/stream/rules";
constexpr char kGnip[] = "/rules/powertrack/accounts/acme/publishers/twitter/prod";

std::string At(const HttpAnswer& answer, const std::string& pointer) {
  return RestFixture::At(answer, pointer);
}

struct V2Row {
  const char* what;
  const char* query;
  const char* body;
  int status;
  const char* pointer;
  const char* value;
};

// Each row starts from one rule: cat, tagged pets.
TEST(RestRulesV2, EveryChangeIsAnsweredAsXAnswersIt) {
  const V2Row kRows[] = {
      {"added", "", R"({"add":[{"value":"dog","tag":"t"}]})", 201, "/meta/summary/created", "1"},
      {"tag", "", R"({"add":[{"value":"dog","tag":"t"}]})", 201, "/data/0/tag", "t"},
      {"no tag", "", R"({"add":[{"value":"dog"}]})", 201, "/data/0/tag", ""},
      {"duplicate alone", "", R"({"add":[{"value":"cat"}]})", 200, "/errors/0/title",
       "DuplicateRule"},
      {"duplicate names the rule", "", R"({"add":[{"value":"cat"}]})", 200, "/errors/0/id",
       "1668374837483741000"},
      {"duplicate type", "", R"({"add":[{"value":"cat"}]})", 200, "/errors/0/type",
       "https://api.x.com/2/problems/duplicate-rules"},
      {"duplicate counts", "", R"({"add":[{"value":"cat"}]})", 200, "/meta/summary",
       R"({"created":0,"not_created":1,"valid":0,"invalid":1})"},
      {"partial", "", R"({"add":[{"value":"cat"},{"value":"dog"}]})", 201, "/meta/summary",
       R"({"created":1,"not_created":1,"valid":1,"invalid":1})"},
      {"repeat in one request", "", R"({"add":[{"value":"dog"},{"value":"dog"}]})", 201,
       "/errors/0/title", "DuplicateRule"},
      {"invalid", "", R"({"add":[{"value":"lang:en"}]})", 200, "/errors/0/title",
       "UnprocessableEntity"},
      {"invalid type", "", R"({"add":[{"value":"((cat"}]})", 200, "/errors/0/type",
       "https://api.x.com/2/problems/invalid-rules"},
      {"invalid details", "", R"({"add":[{"value":"-cat"}]})", 200, "/errors/0/details/0",
       "Rules must contain a non-negation term (at position 1)"},
      {"dry run", "?dry_run=true", R"({"add":[{"value":"dog"}]})", 201, "/meta/summary/created",
       "1"},
      {"dry run of Python", "?dry_run=True", R"({"add":[{"value":"dog"}]})", 201,
       "/meta/summary/created", "1"},
      {"delete by id", "", R"({"delete":{"ids":["1668374837483741000"]}})", 200, "/meta/summary",
       R"({"deleted":1,"not_deleted":0})"},
      {"delete by number", "", R"({"delete":{"ids":[1668374837483741000]}})", 200,
       "/meta/summary/deleted", "1"},
      {"delete by value", "", R"({"delete":{"values":["cat"]}})", 200, "/meta/summary/deleted",
       "1"},
      {"delete nothing", "", R"({"delete":{"ids":["7"]}})", 200, "/errors/0/errors/0/message",
       "Rule does not exist"},
      {"delete twice", "", R"({"delete":{"values":["cat"],"ids":["1668374837483741000"]}})", 200,
       "/meta/summary", R"({"deleted":1,"not_deleted":1})"},
      {"delete all", "?delete_all=true", "", 200, "/meta/summary/deleted", "1"},
      {"no JSON", "", "{", 400, "/title", "Invalid Request"},
      {"neither", "", "{}", 400, "/title", "Invalid Request"},
      {"both", "", R"({"add":[{"value":"a"}],"delete":{"ids":["1"]}})", 400, "/title",
       "Invalid Request"},
      {"empty add", "", R"({"add":[]})", 400, "/title", "Invalid Request"},
      {"value is no text", "", R"({"add":[{"value":7}]})", 400, "/title", "Invalid Request"},
      {"unknown parameter", "?foo=1", R"({"add":[{"value":"a"}]})", 400, "/errors/0/message",
       "The query parameter [foo] is not one of [dry_run,delete_all]"},
  };
  for (const V2Row& row : kRows) {
    RestFixture x;
    x.Ask("POST", kRules, R"({"add":[{"value":"cat","tag":"pets"}]})");
    HttpAnswer answer = x.Ask("POST", absl::StrCat(kRules, row.query), row.body);
    EXPECT_EQ(answer.status, row.status) << row.what;
    EXPECT_EQ(At(answer, row.pointer), row.value) << row.what << ": " << answer.body;
    bool is_dry = absl::StrContains(row.query, "dry_run");
    if (is_dry) {
      EXPECT_EQ(x.rules.rules().size(), 1u);
    }
  }
}

TEST(RestRulesV2, ListHasPagesIdsAndACount) {
  RestFixture x;
  EXPECT_EQ(At(x.Ask("GET", kRules), "/meta/result_count"), "0");
  EXPECT_FALSE(absl::StrContains(x.Ask("GET", kRules).body, "\"data\""));
  for (int i = 0; i < 5; ++i) {
    x.Ask("POST", kRules, absl::StrCat(R"({"add":[{"value":"w)", i, R"("}]})"));
  }
  HttpAnswer first = x.Ask("GET", absl::StrCat(kRules, "?max_results=3"));
  EXPECT_EQ(RestFixture::Count(first, "/data"), 3u);
  std::string token = At(first, "/meta/next_token");
  HttpAnswer second = x.Ask("GET", absl::StrCat(kRules, "?max_results=3&pagination_token=", token));
  EXPECT_EQ(At(second, "/data/0/value"), "w3");
  EXPECT_EQ(At(second, "/meta/next_token"), "");
  EXPECT_EQ(x.Ask("GET", absl::StrCat(kRules, "?pagination_token=abc")).status, 400);
  EXPECT_EQ(x.Ask("GET", absl::StrCat(kRules, "?max_results=1001")).status, 400);
  std::string id = At(first, "/data/1/id");
  EXPECT_EQ(At(x.Ask("GET", absl::StrCat(kRules, "?ids=", id)), "/data/0/value"), "w1");
}

TEST(RestRulesV2, LimitsOfNumberAndLengthAreProblemsOfTheRule) {
  RuleLimits limits;
  limits.count_max = 2;
  limits.value_bytes_max = 10;
  RestFixture x({}, limits);
  HttpAnswer answer =
      x.Ask("POST", kRules,
            R"({"add":[{"value":"a"},{"value":"b"},{"value":"c"},{"value":"more than ten"}]})");
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(At(answer, "/meta/summary/created"), "2");
  EXPECT_EQ(At(answer, "/errors/0/type"), "https://api.x.com/2/problems/rule-cap");
  EXPECT_EQ(At(answer, "/errors/1/type"), "https://api.x.com/2/problems/rule-length");
  HttpAnswer counts = x.Ask("GET", absl::StrCat(kRules, "/counts"));
  EXPECT_EQ(At(counts, "/data/cap_per_client_app"), "2");
  EXPECT_EQ(At(counts, "/data/client_app_rules_count/rule_count"), "2");
  EXPECT_EQ(At(counts, "/data/project_rules_count"), "2");
}

TEST(RestRulesV2, OneInvalidRuleKeepsTheOthersOutWhenBatchesAreAtomic) {
  RestOptions options;
  options.is_v2_batch_atomic = true;
  RestFixture x(options);
  HttpAnswer answer = x.Ask("POST", kRules, R"({"add":[{"value":"cat"},{"value":"lang:en"}]})");
  EXPECT_EQ(At(answer, "/meta/summary"), R"({"created":0,"not_created":2,"valid":1,"invalid":1})");
  EXPECT_TRUE(x.rules.rules().empty());
}

TEST(RestRulesV2, ARuleMatchesAfterItsActivationOnly) {
  RuleLimits limits;
  limits.activation = absl::Seconds(20);
  RestFixture x({}, limits);
  x.Ask("POST", kRules, R"({"add":[{"value":"cat sample:100"}]})");
  Event post;
  EXPECT_TRUE(x.rules.Matching(post, x.moment.x_time + absl::Seconds(19)).empty());
  EXPECT_EQ(x.rules.Matching(post, x.moment.x_time + absl::Seconds(20)).size(), 1u);
}

struct GnipRow {
  const char* what;
  const char* method;
  const char* end;  // of the path
  const char* body;
  int status;
  const char* pointer;
  const char* value;
};

// Each row starts from one rule: cat, tagged pets.
TEST(RestRulesGnip, EveryRequestIsAnsweredAsXAnswersIt) {
  const GnipRow kRows[] = {
      {"list", "GET", ".json", "", 200, "/rules/0/value", "cat"},
      {"list id", "GET", ".json", "", 200, "/rules/0/id_str", "1668374837483741000"},
      {"one", "GET", "/rules/1668374837483741000.json", "", 200, "/rules/0/tag", "pets"},
      {"unknown one", "GET", "/rules/7.json", "", 404, "/error/message", "Rule does not exist"},
      {"several", "POST", ".json?_method=get", R"({"rule_ids":[1668374837483741000,7]})", 200,
       "/rules/0/value", "cat"},
      {"add", "POST", ".json", R"({"rules":[{"value":"dog"}]})", 201, "/summary",
       R"({"created":1,"not_created":0})"},
      {"no tag is null", "POST", ".json", R"({"rules":[{"value":"dog"}]})", 201,
       "/detail/0/rule/tag", "null"},
      {"duplicate", "POST", ".json", R"({"rules":[{"value":"cat","tag":"x"}]})", 201,
       "/detail/0/message", "A rule with this value already exists"},
      {"duplicate names the rule", "POST", ".json", R"({"rules":[{"value":"cat"}]})", 201,
       "/detail/0/rule/id_str", "1668374837483741000"},
      {"batch fails whole", "POST", ".json", R"({"rules":[{"value":"dog"},{"value":"-a"}]})", 422,
       "/summary", R"({"created":0,"not_created":2})"},
      {"batch's good rule has no message", "POST", ".json",
       R"({"rules":[{"value":"dog"},{"value":"-a"}]})", 422, "/detail/0/message", ""},
      {"message of the bad one", "POST", ".json", R"({"rules":[{"value":"-a"}]})", 422,
       "/detail/0/message", "Rules must contain a non-negation term (at position 1)\n"},
      {"delete by value", "POST", ".json?_method=delete", R"({"rules":[{"value":"cat"}]})", 200,
       "/summary", R"({"deleted":1,"not_deleted":0})"},
      {"delete by id", "POST", ".json?_method=delete", R"({"rule_ids":[1668374837483741000]})", 200,
       "/detail", "[]"},
      {"delete nothing", "POST", ".json?_method=delete", R"({"rules":[{"value":"egg"}]})", 200,
       "/detail/0/message", "Rule does not exist"},
      {"delete by tag", "POST", ".json?_method=delete", R"({"rules":[{"tag":"pets"}]})", 200,
       "/summary", R"({"deleted":0,"not_deleted":1})"},
      {"no JSON", "POST", ".json", "{", 400, "/error/message",
       R"(Invalid JSON. The body must be in the format {"rules":[{"value":"rule1", "tag":"tag1"}, {"value":"rule2"}]} or {"rule_ids": [rule_id1, rule_id2, rule_id3, rule_id4, rule_id5]})"},
      {"validate", "POST", "/validation.json", R"({"rules":[{"value":"-a"},{"value":"dog"}]})", 200,
       "/summary", R"({"valid":1,"not_valid":1})"},
      {"valid come first", "POST", "/validation.json",
       R"({"rules":[{"value":"-a"},{"value":"dog"}]})", 200, "/detail/0/rule/value", "dog"},
  };
  for (const GnipRow& row : kRows) {
    RestFixture x;
    x.Ask("POST", absl::StrCat(kGnip, ".json"), R"({"rules":[{"value":"cat","tag":"pets"}]})");
    x.Pass(absl::Seconds(1));
    HttpAnswer answer = x.Ask(row.method, absl::StrCat(kGnip, row.end), row.body);
    EXPECT_EQ(answer.status, row.status) << row.what << answer.body;
    EXPECT_EQ(At(answer, row.pointer), row.value) << row.what << ": " << answer.body;
  }
}

TEST(RestRulesGnip, AWriteDuringAWriteIsRefusedAndAListIsNot) {
  RestFixture x;
  std::string url = absl::StrCat(kGnip, ".json");
  EXPECT_EQ(x.Ask("POST", url, R"({"rules":[{"value":"a"},{"value":"b"}]})").status, 201);
  EXPECT_EQ(x.Ask("POST", url, R"({"rules":[{"value":"c"}]})").status, 429);
  EXPECT_EQ(x.Ask("GET", url).status, 200);
  x.Pass(absl::Milliseconds(2));
  EXPECT_EQ(x.Ask("POST", url, R"({"rules":[{"value":"c"}]})").status, 201);
}

TEST(RestRulesGnip, ReplayHasRulesOfItsOwn) {
  RestFixture x;
  std::string replay = "/rules/powertrack-replay/accounts/acme/publishers/twitter/prod.json";
  EXPECT_EQ(x.Ask("POST", replay, R"({"rules":[{"value":"a"}]})").status, 201);
  EXPECT_EQ(RestFixture::Count(x.Ask("GET", replay), "/rules"), 1u);
  EXPECT_EQ(RestFixture::Count(x.Ask("GET", absl::StrCat(kGnip, ".json")), "/rules"), 0u);
}

TEST(RestRulesGnip, ABodyAboveFiveMegabytesIsRefused) {
  RestFixture x;
  std::string body = R"({"rules":[{"value":")" + std::string(5 << 20, 'a') + R"("}]})";
  EXPECT_EQ(x.Ask("POST", absl::StrCat(kGnip, ".json"), body).status, 413);
}

}  // namespace
}  // namespace braid::emulator
