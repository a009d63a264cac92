#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "simdjson.h"
#include "tests/emulator/rest_fixture.h"
#include "tests/emulator/rule_set.h"

namespace braid::emulator {
namespace {

constexpr char kRecent[] = "/2/tweets/search/recent?query=cat";
constexpr char kAll[] = "/2/tweets/search/all?query=cat";
constexpr char kGnip[] = "/search/fullarchive/accounts/acme/prod.json?query=cat";

std::string At(const HttpAnswer& answer, const std::string& pointer) {
  return RestFixture::At(answer, pointer);
}

RestOptions WithoutLimits() {
  RestOptions options;
  options.has_limits = false;
  return options;
}

// Every post of the last `count` seconds before the index delay, and of these
// the ones that "cat" matches, newest first.
struct Posted {
  std::vector<uint64_t> all;
  std::vector<uint64_t> cats;
};

Posted PostEverySecond(RestFixture* x, int count) {
  Posted posted;
  for (int i = count; i > 0; --i) {
    uint64_t id = x->Post(absl::Seconds(i + 30));
    posted.all.insert(posted.all.begin(), id);
    if (QueryMatches("cat", *x->history.FindPost(id))) {
      posted.cats.insert(posted.cats.begin(), id);
    }
  }
  return posted;
}

// Follows the pages to the end.
std::vector<uint64_t> AllPages(RestFixture* x, const std::string& url, const char* token_name,
                               const char* token_at, const char* list_at, const char* id_name) {
  std::vector<uint64_t> ids;
  std::string token;
  do {
    HttpAnswer page =
        x->Ask("GET", token.empty() ? url : absl::StrCat(url, "&", token_name, "=", token));
    EXPECT_EQ(page.status, 200) << page.body;
    for (size_t i = 0; i < RestFixture::Count(page, list_at); ++i) {
      uint64_t id = 0;
      EXPECT_TRUE(absl::SimpleAtoi(At(page, absl::StrCat(list_at, "/", i, "/", id_name)), &id));
      ids.push_back(id);
    }
    token = At(page, token_at);
  } while (!token.empty());
  return ids;
}

std::vector<uint64_t> V2Pages(RestFixture* x, const std::string& url) {
  return AllPages(x, url, "next_token", "/meta/next_token", "/data", "id");
}

TEST(RestSearch, PagesGiveEveryMatchingPostOnceNewestFirst) {
  RestOptions options = WithoutLimits();
  options.search.edge_duplicate_share = 0;
  RestFixture x(options);
  Posted posted = PostEverySecond(&x, 300);
  ASSERT_GT(posted.cats.size(), 30u);
  ASSERT_LT(posted.cats.size(), posted.all.size());
  EXPECT_EQ(V2Pages(&x, kRecent), posted.cats);
  EXPECT_EQ(V2Pages(&x, absl::StrCat(kAll, "&max_results=17")), posted.cats);
  EXPECT_EQ(
      AllPages(&x, absl::StrCat(kGnip, "&maxResults=10"), "next", "/next", "/results", "id_str"),
      posted.cats);
}

TEST(RestSearch, PageEdgesMayRepeatAPostAndNothingElseDoes) {
  RestOptions options = WithoutLimits();
  options.search.edge_duplicate_share = 1;
  RestFixture x(options);
  Posted posted = PostEverySecond(&x, 300);
  std::vector<uint64_t> ids = V2Pages(&x, kRecent);
  EXPECT_GT(ids.size(), posted.cats.size());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  EXPECT_EQ(ids, posted.cats);
}

TEST(RestSearch, APostIsFoundAfterTheIndexDelayAndNotBefore) {
  RestFixture x(WithoutLimits());
  uint64_t id = 0;
  do {
    id = x.Post(absl::ZeroDuration());
  } while (!QueryMatches("cat", *x.history.FindPost(id)));
  x.Pass(absl::Seconds(29));
  EXPECT_EQ(At(x.Ask("GET", kRecent), "/meta/result_count"), "0");
  x.Pass(absl::Seconds(2));
  EXPECT_EQ(At(x.Ask("GET", kRecent), "/meta/newest_id"), absl::StrCat(id));
}

TEST(RestSearch, DeletedPostsAreMissingInSearchAndLookupButCounted) {
  RestFixture x(WithoutLimits());
  Posted posted = PostEverySecond(&x, 40);
  uint64_t gone = posted.cats[1];
  x.Delete(gone);
  std::string search = x.Ask("GET", kAll).body;
  EXPECT_FALSE(absl::StrContains(search, absl::StrCat(gone)));
  EXPECT_TRUE(absl::StrContains(search, absl::StrCat(posted.cats[0])));
  EXPECT_EQ(At(x.Ask("GET", "/2/tweets/counts/recent?query=cat"), "/meta/total_tweet_count"),
            absl::StrCat(posted.cats.size()));
  HttpAnswer lookup =
      x.Ask("GET", absl::StrCat("/2/tweets?ids=", posted.cats[0], ",", gone, ",12345"));
  EXPECT_EQ(lookup.status, 200);
  EXPECT_EQ(RestFixture::Count(lookup, "/data"), 1u);
  EXPECT_EQ(RestFixture::Count(lookup, "/errors"), 2u);
  EXPECT_EQ(At(lookup, "/errors/0/value"), absl::StrCat(gone));
  EXPECT_EQ(At(lookup, "/errors/0/title"), "Not Found Error");
  EXPECT_EQ(At(x.Ask("GET", absl::StrCat("/2/tweets/", gone)), "/errors/0/parameter"), "id");
  EXPECT_EQ(At(x.Ask("GET", absl::StrCat("/2/tweets/", posted.cats[0])), "/data/id"),
            absl::StrCat(posted.cats[0]));
}

TEST(RestSearch, TimesAndIdsBoundTheResult) {
  RestFixture x(WithoutLimits());
  Posted posted = PostEverySecond(&x, 200);
  uint64_t newest = posted.cats[3];
  uint64_t oldest = posted.cats[7];
  auto ids = [&x](const std::string& bounds) {
    return V2Pages(&x, absl::StrCat(kAll, "&max_results=500", bounds));
  };
  // since_id and until_id themselves are left out.
  EXPECT_EQ(ids(absl::StrCat("&since_id=", oldest, "&until_id=", newest)),
            (std::vector<uint64_t>(posted.cats.begin() + 4, posted.cats.begin() + 7)));
  // start_time belongs to the result, end_time does not.
  auto second = [](uint64_t id) {
    return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", SnowflakeTime(id), absl::UTCTimeZone());
  };
  EXPECT_EQ(ids(absl::StrCat("&start_time=", second(oldest), "&end_time=", second(newest))),
            (std::vector<uint64_t>(posted.cats.begin() + 4, posted.cats.begin() + 8)));
}

TEST(RestSearch, TimesMayHaveAnOffsetOrFractions) {
  RestFixture x(WithoutLimits());
  PostEverySecond(&x, 200);
  std::string newest =
      At(x.Ask("GET", absl::StrCat(kAll, "&end_time=2026-03-10T11:59:00Z")), "/meta/newest_id");
  ASSERT_NE(newest, "");
  for (const char* time :
       {"2026-03-10T11:59:00.500Z", "2026-03-10T11:59:00%2B00:00", "2026-03-10T12:59:00%2B01:00"}) {
    HttpAnswer answer = x.Ask("GET", absl::StrCat(kAll, "&end_time=", time));
    EXPECT_EQ(At(answer, "/meta/newest_id"), newest) << time << answer.body;
  }
}

struct BadRow {
  const char* target;
  int status;
  const char* pointer;
  const char* part;
};

TEST(RestSearch, WhatXRefusesIsRefusedWithItsWords) {
  const char* kMessage = "/errors/0/message";
  const BadRow kRows[] = {
      {"/2/tweets/search/recent", 400, kMessage, "The `query` query parameter can not be empty"},
      {"/2/tweets/search/recent?query=cat&max_results=9", 400, kMessage,
       "[9] is not between 10 and 100"},
      {"/2/tweets/search/recent?query=cat&max_results=101", 400, kMessage, "10 and 100"},
      {"/2/tweets/search/all?query=cat&max_results=501", 400, kMessage, "10 and 500"},
      {"/2/tweets/search/recent?query=cat&foo=1", 400, kMessage,
       "The query parameter [foo] is not one of [query,"},
      {"/2/tweets/search/recent?query=cat&next_token=xyz", 400, kMessage, "next_token"},
      {"/2/tweets/search/recent?query=cat&start_time=2026", 400, kMessage, "RFC3339"},
      {"/2/tweets/search/recent?query=cat&start_time=2026-03-01T00:00:00Z", 400, kMessage,
       "must be on or after"},
      {"/2/tweets/search/recent?query=cat&end_time=2026-03-10T11:59:55Z", 400, kMessage,
       "a minimum of 10 seconds prior"},
      {"/2/tweets/search/all?query=cat&start_time=2026-03-02T00:00:00Z&"
       "end_time=2026-03-01T00:00:00Z",
       400, kMessage, "earlier than 'end_time'"},
      {"/2/tweets/search/recent?query=lang:en", 400, kMessage, "non-stopword clause"},
      {"/2/tweets/search/recent?query=cat%20sample:10", 400, kMessage, "invalid operator"},
      {"/2/tweets/search/recent?query=cat&since_id=x", 400, kMessage, "^[0-9]{1,19}$"},
      {"/2/tweets/counts/recent?query=cat&granularity=week", 400, kMessage, "is not one of"},
      {"/2/tweets", 400, kMessage, "The `ids` query parameter can not be empty"},
      {"/2/tweets?ids=abc", 400, kMessage, "[abc] is not valid"},
      {"/search/30day/accounts/a/p.json", 422, "/error/message", "query"},
      {"/search/30day/accounts/a/p.json?query=cat&fromDate=2026", 422, "/error/message",
       "yyyyMMddHHmm"},
      {"/search/30day/accounts/a/p.json?query=cat&fromDate=202601010000", 422, "/error/message",
       "30 days"},
      {"/search/30day/accounts/a/p.json?query=cat&maxResults=501", 422, "/error/message",
       "between 10 and 500"},
      {"/search/30day/accounts/a/p.json?query=cat&next=xyz", 422, "/error/message", "'next'"},
      {"/search/30day/accounts/a/p/counts.json?query=cat&bucket=week", 422, "/error/message",
       "'bucket'"},
  };
  for (const BadRow& row : kRows) {
    RestFixture x(WithoutLimits());
    HttpAnswer answer = x.Ask("GET", row.target);
    EXPECT_EQ(answer.status, row.status) << row.target;
    EXPECT_TRUE(absl::StrContains(At(answer, row.pointer), row.part))
        << row.target << ": " << answer.body;
  }
}

TEST(RestSearch, OnlyTheFieldsAskedForAreGiven) {
  RestFixture x(WithoutLimits());
  PostEverySecond(&x, 40);
  HttpAnswer plain = x.Ask("GET", kRecent);
  EXPECT_NE(At(plain, "/data/0/text"), "");
  EXPECT_EQ(At(plain, "/data/0/created_at"), "");
  EXPECT_EQ(At(plain, "/data/0/author_id"), "");
  EXPECT_EQ(At(plain, "/includes"), "");
  EXPECT_EQ(At(plain, "/data/0/matching_rules"), "");
  HttpAnswer full =
      x.Ask("GET", absl::StrCat(kRecent, "&tweet.fields=created_at,lang&expansions=author_id"));
  EXPECT_NE(At(full, "/data/0/created_at"), "");
  EXPECT_NE(At(full, "/data/0/author_id"), "");
  EXPECT_NE(At(full, "/includes/users/0/username"), "");
  EXPECT_EQ(At(full, "/includes/users/0/description"), "");
}

struct Bucket {
  std::string start, end;
  uint64_t count = 0;
};

std::vector<Bucket> Buckets(const HttpAnswer& answer) {
  simdjson::dom::parser parser;
  simdjson::padded_string padded(answer.body);
  simdjson::dom::array rows;
  std::vector<Bucket> buckets;
  EXPECT_EQ(parser.parse(padded)["data"].get(rows), simdjson::SUCCESS);
  for (simdjson::dom::element row : rows) {
    buckets.push_back({std::string(row["start"].get_c_str().value()),
                       std::string(row["end"].get_c_str().value()),
                       row["tweet_count"].get_uint64().value()});
  }
  return buckets;
}

TEST(RestCounts, BucketsAddUpToTheTotalAndCoverTheSpan) {
  RestFixture x(WithoutLimits());
  Posted posted = PostEverySecond(&x, 300);
  for (const char* granularity : {"minute", "hour", "day"}) {
    HttpAnswer answer =
        x.Ask("GET", absl::StrCat("/2/tweets/counts/recent?query=cat&granularity=", granularity));
    EXPECT_EQ(At(answer, "/meta/total_tweet_count"), absl::StrCat(posted.cats.size()));
    std::vector<Bucket> buckets = Buckets(answer);
    uint64_t sum = 0;
    for (size_t i = 0; i < buckets.size(); ++i) {
      sum += buckets[i].count;
      if (i > 0) {
        EXPECT_EQ(buckets[i].start, buckets[i - 1].end);
      }
    }
    EXPECT_EQ(sum, posted.cats.size()) << granularity;
    EXPECT_EQ(buckets.front().start, "2026-03-03T11:59:30.000Z");
    EXPECT_EQ(buckets.back().end, "2026-03-10T11:59:30.000Z");
  }
}

TEST(RestCounts, AllHasPagesOf31DaysBackInTime) {
  RestFixture x(WithoutLimits());
  PostEverySecond(&x, 50);
  std::string url =
      "/2/tweets/counts/all?query=cat&granularity=day&start_time=2026-01-01T00:00:00Z";
  HttpAnswer first = x.Ask("GET", url);
  std::string token = At(first, "/meta/next_token");
  ASSERT_NE(token, "");
  HttpAnswer second = x.Ask("GET", absl::StrCat(url, "&next_token=", token));
  size_t last = RestFixture::Count(second, "/data") - 1;
  EXPECT_EQ(At(second, absl::StrCat("/data/", last, "/end")), At(first, "/data/0/start"));
  EXPECT_EQ(At(second, "/meta/total_tweet_count"), "0");
}

TEST(RestCounts, GnipCountsByBucketOldestFirst) {
  RestFixture x(WithoutLimits());
  Posted posted = PostEverySecond(&x, 100);
  HttpAnswer answer = x.Ask("POST", "/search/30day/accounts/acme/prod/counts.json",
                            R"({"query":"cat","bucket":"minute","fromDate":"202603101150"})");
  EXPECT_EQ(At(answer, "/totalCount"), absl::StrCat(posted.cats.size()));
  EXPECT_EQ(At(answer, "/results/0/timePeriod"), "202603101150");
  EXPECT_EQ(At(answer, "/requestParameters/bucket"), "minute");
  HttpAnswer days = x.Ask("GET",
                          "/search/fullarchive/accounts/acme/prod/counts.json?query=cat&"
                          "bucket=day&fromDate=202601010000");
  EXPECT_NE(At(days, "/next"), "");
}

}  // namespace
}  // namespace braid::emulator
