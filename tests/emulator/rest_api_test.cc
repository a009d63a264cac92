#include "tests/emulator/rest_api.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/emulator/rest_fixture.h"

namespace braid::emulator {
namespace {

std::string At(const HttpAnswer& answer, const std::string& pointer) {
  return RestFixture::At(answer, pointer);
}

std::string Header(const HttpAnswer& answer, const std::string& name) {
  for (const std::string& header : answer.extra_headers) {
    if (absl::StartsWith(header, name + ": ")) return header.substr(name.size() + 2);
  }
  return "";
}

struct LimitRow {
  const char* method;
  const char* target;
  int count;
  absl::Duration window;
  bool has_headers;
};

TEST(RestApi, EveryEndpointHasItsLimitAndOpensAgainAfterItsWindow) {
  const absl::Duration kQuarter = absl::Minutes(15);
  const absl::Duration kMinute = absl::Minutes(1);
  const std::string kGnipRules = "/rules/powertrack/accounts/a/publishers/twitter/p";
  const LimitRow kRows[] = {
      {"GET", "/2/tweets/search/stream/rules", 450, kQuarter, true},
      {"POST", "/2/tweets/search/stream/rules", 100, kQuarter, true},
      {"GET", "/2/tweets/search/stream/rules/counts", 75, kQuarter, true},
      {"GET", "/2/tweets/search/recent?query=cat", 450, kQuarter, true},
      {"GET", "/2/tweets/counts/recent?query=cat", 300, kQuarter, true},
      {"GET", "/2/tweets/counts/all?query=cat", 300, kQuarter, true},
      {"GET", "/2/tweets?ids=1", 3500, kQuarter, true},
      {"GET", "/2/usage/tweets", 50, kQuarter, true},
      {"GET", "/2/connections", 25, kQuarter, true},
      {"DELETE", "/2/connections/all", 25, kQuarter, true},
      {"GET", "/rules/powertrack/accounts/a/publishers/twitter/p.json", 60, kMinute, false},
      {"POST", "/rules/powertrack/accounts/a/publishers/twitter/p/validation.json", 60, kMinute,
       false},
      {"GET", "/metrics/usage/accounts/a.json", 2, kMinute, false},
      {"GET", "/search/30day/accounts/a/p.json?query=cat", 20, absl::Seconds(1), false},
      {"GET", "/2/tweets/search/all?query=cat", 1, absl::Seconds(1), true},
  };
  for (const LimitRow& row : kRows) {
    RestFixture x;
    for (int i = 0; i < row.count; ++i) {
      ASSERT_NE(x.Ask(row.method, row.target).status, 429) << row.target << " after " << i;
    }
    HttpAnswer refused = x.Ask(row.method, row.target);
    EXPECT_EQ(refused.status, 429) << row.target;
    EXPECT_EQ(!Header(refused, "x-rate-limit-reset").empty(), row.has_headers) << row.target;
    x.Pass(row.window - absl::Milliseconds(1));
    EXPECT_EQ(x.Ask(row.method, row.target).status, 429) << row.target;
    x.Pass(absl::Milliseconds(1));
    EXPECT_NE(x.Ask(row.method, row.target).status, 429) << row.target;
  }
}

TEST(RestApi, HeadersCountDownToTheReset) {
  RestFixture x;
  HttpAnswer first = x.Ask("GET", "/2/usage/tweets");
  EXPECT_EQ(Header(first, "x-rate-limit-limit"), "50");
  EXPECT_EQ(Header(first, "x-rate-limit-remaining"), "49");
  EXPECT_EQ(Header(first, "x-rate-limit-reset"),
            absl::StrCat(absl::ToUnixSeconds(x.moment.x_time + absl::Minutes(15))));
  x.Pass(absl::Minutes(1));
  HttpAnswer second = x.Ask("GET", "/2/usage/tweets");
  EXPECT_EQ(Header(second, "x-rate-limit-remaining"), "48");
  EXPECT_EQ(Header(second, "x-rate-limit-reset"), Header(first, "x-rate-limit-reset"));
}

TEST(RestApi, BadRequestsCountAsWell) {
  RestFixture x;
  for (int i = 0; i < 50; ++i) x.Ask("GET", "/2/usage/tweets?days=99");
  EXPECT_EQ(x.Ask("GET", "/2/usage/tweets").status, 429);
}

TEST(RestApi, KeyAndSecretBuyTheBearerToken) {
  RestOptions options;
  options.bearer_token = "secret";
  RestFixture x(options);
  HttpAnswer token = x.Ask("POST", "/oauth2/token", "grant_type=client_credentials");
  EXPECT_EQ(At(token, "/token_type"), "bearer");
  EXPECT_EQ(At(token, "/access_token"), "secret");
  EXPECT_EQ(x.Ask("POST", "/oauth2/token", "").status, 403);
}

// Three of filtered_stream, the first one ended, and one of sample_stream.
void OpenSome(RestFixture* x) {
  for (int i = 1; i <= 3; ++i) {
    x->connections.book.Opened(static_cast<uint32_t>(i), "filtered_stream", "10.0.0.1:5000",
                               x->moment.x_time);
  }
  x->connections.book.Opened(4, "sample_stream", "10.0.0.2:5000", x->moment.x_time);
  x->connections.book.Opened(5, "powertrack", "10.0.0.3:5000", x->moment.x_time);
  x->Pass(absl::Minutes(1));
  x->connections.book.Closed(1, "operator_disconnect", x->moment.x_time);
}

TEST(RestConnections, ListShowsEveryDocumentedFieldByStatusAndEndpoint) {
  RestFixture x;
  OpenSome(&x);
  HttpAnswer active = x.Ask("GET", "/2/connections");
  EXPECT_EQ(At(active, "/meta/result_count"), "3");
  EXPECT_EQ(At(active, "/data/0/endpoint_name"), "filtered_stream");
  EXPECT_EQ(At(active, "/data/0/client_ip"), "10.0.0.1");
  EXPECT_EQ(At(active, "/data/0/connected_at"), "2026-03-10T12:00:00.000Z");
  EXPECT_EQ(At(active, "/data/0/id").size(), 36u);
  EXPECT_EQ(At(active, "/data/0/disconnected_at"), "");
  HttpAnswer inactive = x.Ask("GET", "/2/connections?status=inactive");
  EXPECT_EQ(At(inactive, "/meta/result_count"), "1");
  EXPECT_EQ(At(inactive, "/data/0/disconnected_at"), "2026-03-10T12:01:00.000Z");
  EXPECT_EQ(At(inactive, "/data/0/disconnect_reason"), "operator_disconnect");
  EXPECT_EQ(At(x.Ask("GET", "/2/connections?status=all"), "/meta/result_count"), "4");
  EXPECT_EQ(At(x.Ask("GET", "/2/connections?endpoints=sample_stream"), "/meta/result_count"), "1");
  EXPECT_EQ(x.Ask("GET", "/2/connections?endpoints=foo").status, 400);
  EXPECT_EQ(x.Ask("GET", "/2/connections?max_results=101").status, 400);
  HttpAnswer page = x.Ask("GET", "/2/connections?max_results=2");
  HttpAnswer rest = x.Ask("GET", absl::StrCat("/2/connections?max_results=2&pagination_token=",
                                              At(page, "/meta/next_token")));
  EXPECT_EQ(At(rest, "/data/0/endpoint_name"), "sample_stream");
  EXPECT_EQ(At(rest, "/meta/next_token"), "");
}

TEST(RestConnections, KillingByIdTellsWhichItDidNotFind) {
  RestFixture x;
  OpenSome(&x);
  std::string id = At(x.Ask("GET", "/2/connections"), "/data/0/id");
  HttpAnswer killed =
      x.Ask("DELETE", "/2/connections", absl::StrCat(R"({"uuids":[")", id, R"(","nobody"]})"));
  EXPECT_EQ(At(killed, "/data/successful_kills"), "1");
  EXPECT_EQ(At(killed, "/data/failed_kills"), "1");
  EXPECT_EQ(At(killed, "/data/results/0/success"), "true");
  EXPECT_EQ(At(killed, "/data/results/1/uuid"), "nobody");
  EXPECT_NE(At(killed, "/data/results/1/error_message"), "");
  EXPECT_EQ(At(x.Ask("GET", "/2/connections"), "/meta/result_count"), "2");
  EXPECT_EQ(x.Ask("DELETE", "/2/connections", "{}").status, 400);
  EXPECT_EQ(x.Ask("DELETE", "/2/connections", R"({"uuids":[]})").status, 400);
}

TEST(RestConnections, KillingByEndpointAndAllLeavesGnipAlone) {
  RestFixture x;
  OpenSome(&x);
  EXPECT_EQ(At(x.Ask("DELETE", "/2/connections/sample_stream"), "/data/successful_kills"), "1");
  EXPECT_EQ(At(x.Ask("DELETE", "/2/connections/all"), "/data/successful_kills"), "2");
  EXPECT_EQ(x.Ask("DELETE", "/2/connections/foo").status, 400);
  EXPECT_TRUE(x.connections.book.records().back().is_active());
}

TEST(RestUsage, APostCountsOncePerDayHoweverOftenItIsGiven) {
  RestFixture x;
  std::vector<std::string> ids;
  for (int i = 0; i < 10; ++i) ids.push_back(absl::StrCat(x.Post(absl::Minutes(1))));
  UsageLedger& usage = x.api->usage();
  usage.Streamed(0, 6, x.moment.x_time);  // one connection
  usage.Streamed(4, 3, x.moment.x_time);  // the other, overlapping
  std::string target = "/2/usage/tweets?usage.fields=daily_project_usage,daily_client_app_usage";
  EXPECT_EQ(At(x.Ask("GET", target), "/data/project_usage"), "7");
  // One of them was streamed already, one was not.
  x.Ask("GET", absl::StrCat("/2/tweets?ids=", ids[0], ",", ids[9]));
  EXPECT_EQ(At(x.Ask("GET", target), "/data/project_usage"), "8");
  x.Pass(absl::Hours(24));
  usage.Streamed(0, 1, x.moment.x_time);
  HttpAnswer answer = x.Ask("GET", target);
  EXPECT_EQ(At(answer, "/data/project_usage"), "9");
  EXPECT_EQ(At(answer, "/data/daily_project_usage/usage"),
            R"([{"date":"2026-03-10T00:00:00.000Z","usage":"8"},)"
            R"({"date":"2026-03-11T00:00:00.000Z","usage":"1"}])");
  EXPECT_EQ(
      At(x.Ask("GET", target + "&days=1"), "/data/daily_client_app_usage/0/usage_result_count"),
      "1");
  EXPECT_EQ(x.Ask("GET", "/2/usage/tweets?days=91").status, 400);
}

TEST(RestUsage, RepeatedEmissionsAreNotBilled) {
  RestFixture x;
  x.Post(absl::Minutes(1));
  Event again = x.history.At(0);
  again.is_duplicate = true;
  x.history.Append(again);
  x.api->usage().Streamed(1, 1, x.moment.x_time);
  EXPECT_EQ(At(x.Ask("GET", "/2/usage/tweets"), "/data/project_usage"), "1");
  x.api->usage().Streamed(0, 1, x.moment.x_time);
  EXPECT_EQ(At(x.Ask("GET", "/2/usage/tweets"), "/data/project_usage"), "1");
}

TEST(RestUsage, GnipCountsActivitiesAndSearchesByMonth) {
  RestFixture x;
  x.Post(absl::Minutes(1));
  x.api->usage().Streamed(0, 1, x.moment.x_time);
  x.Ask("GET", "/search/30day/accounts/a/p.json?query=cat");
  x.Ask("GET", "/search/fullarchive/accounts/a/p/counts.json?query=cat");
  HttpAnswer answer = x.Ask("GET", "/metrics/usage/accounts/acme.json?bucket=month");
  EXPECT_EQ(At(answer, "/account/name"), "acme");
  EXPECT_EQ(At(answer, "/fromDate"), "202601010000");
  EXPECT_EQ(At(answer, "/toDate"), "202604010000");
  std::string march = "/publishers/0/used/2";
  EXPECT_EQ(At(answer, march + "/timePeriod"), "202603010000");
  EXPECT_EQ(At(answer, march + "/activities"), "1");
  EXPECT_EQ(At(answer, march + "/searchRequests30Day"), "1");
  EXPECT_EQ(At(answer, march + "/searchRequestsFullArchive"), "1");
  x.Pass(absl::Minutes(1));
  EXPECT_EQ(x.Ask("GET", "/metrics/usage/accounts/acme.json?bucket=day").status, 400);
  EXPECT_EQ(
      x.Ask("GET", "/metrics/usage/accounts/acme.json?fromDate=202501010000&toDate=202603010000")
          .status,
      400);
}

}  // namespace
}  // namespace braid::emulator
