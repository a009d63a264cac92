// Routing and what it stands on: path patterns, credentials, slices of JSON,
// and the model of rules.

#include "tests/emulator/route_table.h"

#include <gtest/gtest.h>

#include "tests/emulator/json_slice.h"
#include "tests/emulator/rule_set.h"

namespace braid::emulator {
namespace {

HttpRequest Get(const std::string& target) {
  HttpRequest request;
  ParseRequest("GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n", 0, &request);
  return request;
}

TEST(RouteTableTest, NamesTakeTheirPartOfThePath) {
  auto names = MatchPath("/rules/{kind}/accounts/{account}/{label}.json",
                         "/rules/powertrack/accounts/me/prod.json");
  ASSERT_TRUE(names.has_value());
  EXPECT_EQ((*names)["kind"], "powertrack");
  EXPECT_EQ((*names)["account"], "me");
  EXPECT_EQ((*names)["label"], "prod");
  EXPECT_FALSE(MatchPath("/a/{b}.json", "/a/.json"));
  EXPECT_FALSE(MatchPath("/a/{b}", "/a/b/c"));
  EXPECT_FALSE(MatchPath("/a/b", "/a/c"));
}

TEST(RouteTableTest, MethodAndPathDecide) {
  RouteTable table;
  table.Add("GET", "/2/connections", Family::kV2, [](const RouteRequest&) {
    return HttpAnswer{200, "list"};
  });
  table.Add("DELETE", "/2/connections/{id}", Family::kV2, [](const RouteRequest& request) {
    return HttpAnswer{200, request.names.at("id")};
  });
  EXPECT_TRUE(table.Find(Get("/2/connections?status=all")).route != nullptr);
  EXPECT_FALSE(table.Find(Get("/2/nothing")).is_path_known);
  RouteTable::Found wrong_method = table.Find(Get("/2/connections/7"));
  EXPECT_TRUE(wrong_method.is_path_known);
  EXPECT_EQ(wrong_method.route, nullptr);
}

TEST(RouteTableTest, CredentialsFitTheirFamilyOnly) {
  Credentials credentials{"token", "user:word"};
  HttpRequest request;
  request.headers["authorization"] = "Bearer token";
  EXPECT_TRUE(AccountOf(credentials, Family::kV2, request));
  EXPECT_FALSE(AccountOf(credentials, Family::kGnip, request));
  request.headers["authorization"] = "Basic dXNlcjp3b3Jk";
  EXPECT_EQ(AccountOf(credentials, Family::kGnip, request), "user");
  EXPECT_FALSE(AccountOf(credentials, Family::kPowerstream, request));
}

TEST(RouteTableTest, RequestBodiesComeWholeOrInChunksAndAreBounded) {
  HttpRequest request;
  std::string head = "POST /x HTTP/1.1\r\n";
  EXPECT_EQ(ParseRequest(head + "Content-Length: 3\r\n\r\nab", 10, &request),
            ParseState::kNeedMore);
  EXPECT_EQ(ParseRequest(head + "Content-Length: 3\r\n\r\nabc", 10, &request), ParseState::kDone);
  EXPECT_EQ(request.body, "abc");
  EXPECT_EQ(ParseRequest(head + "Content-Length: 11\r\n\r\n", 10, &request), ParseState::kTooLong);
  std::string chunked = head + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n";
  EXPECT_EQ(ParseRequest(chunked, 10, &request), ParseState::kNeedMore);
  EXPECT_EQ(ParseRequest(chunked + "0\r\n\r\n", 10, &request), ParseState::kDone);
  EXPECT_EQ(request.body, "abc");
}

TEST(JsonSliceTest, MembersAndElementsAreCutOutWhole) {
  constexpr char kObject[] = R"({"a":"x\"},{","b":{"c":[1,{"d":2}]}, "e":3})";
  EXPECT_EQ(JsonMember(kObject, "a"), R"("x\"},{")");
  EXPECT_EQ(JsonMember(JsonMember(kObject, "b"), "c"), R"([1,{"d":2}])");
  EXPECT_EQ(JsonMember(kObject, "e"), "3");
  EXPECT_EQ(JsonMember(kObject, "d"), "");
  EXPECT_EQ(JsonElements(R"([1,{"d":2}])").size(), 2u);
  EXPECT_EQ(JsonWithout(R"({"a":1,"b":2})", "a"), R"({"b":2})");
  EXPECT_EQ(JsonWithout(R"({"a":1,"b":2})", "b"), R"({"a":1})");
}

TEST(RuleSetTest, LimitsAndDuplicatesAreToldApart) {
  RuleSet rules({2, 20});
  absl::Time now = absl::FromUnixSeconds(1800000000);
  RuleSet::Added first = rules.Add("cat", "pets", now);
  EXPECT_EQ(first.outcome, RuleAdd::kAdded);
  EXPECT_EQ(rules.Add("cat", "other", now).outcome, RuleAdd::kDuplicate);
  EXPECT_EQ(rules.Add("cat", "other", now).id, first.id);
  EXPECT_EQ(rules.Add("(dog", "", now).outcome, RuleAdd::kInvalid);
  EXPECT_EQ(rules.Add(std::string(21, 'x'), "", now).outcome, RuleAdd::kTooLong);
  EXPECT_EQ(rules.Add("sample:100", "", now).outcome, RuleAdd::kAdded);
  EXPECT_EQ(rules.Add("bird", "", now).outcome, RuleAdd::kCapReached);
  EXPECT_TRUE(rules.Remove(first.id));
  EXPECT_FALSE(rules.Remove(first.id));
}

TEST(RuleSetTest, ShareOfAQueryIsWhatItSays) {
  int all = 0, half = 0, usual = 0;
  for (uint32_t body = 0; body < 10000; ++body) {
    Event post;
    post.body = body;
    all += QueryMatches("cat sample:100", post) ? 1 : 0;
    half += QueryMatches("sample:50", post) ? 1 : 0;
    usual += QueryMatches("cat", post) ? 1 : 0;
  }
  EXPECT_EQ(all, 10000);
  EXPECT_NEAR(half, 5000, 300);
  EXPECT_NEAR(usual, 2500, 300);
}

}  // namespace
}  // namespace braid::emulator
