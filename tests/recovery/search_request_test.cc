#include "recovery/search_request.h"

#include <gtest/gtest.h>

namespace braid {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

// Half a second past a whole one, on both ends.
Interval Ago(absl::Duration ago) {
  int64_t from = absl::ToUnixMicros(kNow - ago) + 500'000;
  return {from, from + 100'000'000};
}

SearchSource Source(const char* dialect, config::v1::RecoveredStream stream = {}) {
  RequestOptions live;
  live.dialect = FindDialect(dialect);
  live.url = stream.source().url();
  live.account = "acme";
  live.label = "prod";
  live.partition = live.dialect->partitions > 0 ? 1 : 0;
  return SearchSourceOf(stream, live);
}

std::string Url(const SearchSource& source, const Interval& wanted, const std::string& token = "") {
  SearchPlace place = SearchPlaceOf(source, wanted, kNow);
  auto url = StreamUrl(SearchRequest(source, place, "a b", token));
  return url.ok() ? *url : std::string(url.status().message());
}

TEST(SearchRequestTest, RecentSearchReachesAWeekAndTheArchiveFurther) {
  SearchSource source = Source("x-v2-filtered");
  EXPECT_EQ(Url(source, Ago(absl::Hours(30))),
            "https://api.x.com/2/tweets/search/recent?query=a%20b"
            "&start_time=2023-11-13T16%3A13%3A20Z&end_time=2023-11-13T16%3A15%3A01Z"
            "&max_results=100");
  EXPECT_EQ(Url(source, Ago(absl::Hours(8 * 24)), "n1"),
            "https://api.x.com/2/tweets/search/all?query=a%20b"
            "&start_time=2023-11-06T22%3A13%3A20Z&end_time=2023-11-06T22%3A15%3A01Z"
            "&max_results=500&next_token=n1");
  EXPECT_EQ(SearchPlaceOf(source, Ago(absl::Hours(1)), kNow).query_bytes_max, 512u);
  SearchPlace archive = SearchPlaceOf(source, Ago(absl::Hours(8 * 24)), kNow);
  EXPECT_EQ(archive.query_bytes_max, 1024u);
  EXPECT_GT(archive.interval, absl::Seconds(1));
  EXPECT_EQ(source.rules->url, "https://api.x.com/2/tweets/search/stream/rules");
}

TEST(SearchRequestTest, GnipIsAskedInMinutesUnderItsOwnNames) {
  SearchSource source = Source("gnip-powertrack");
  EXPECT_EQ(Url(source, Ago(absl::Hours(30)), "n1"),
            "https://gnip-api.x.com/search/30day/accounts/acme/prod.json?query=a%20b"
            "&fromDate=202311131613&toDate=202311131616&maxResults=500&next=n1");
  EXPECT_EQ(source.rules->url,
            "https://data-api.x.com/rules/powertrack/accounts/acme/publishers/twitter/prod.json");
}

TEST(SearchRequestTest, WhatTheStreamAsksForOfAPostIsAskedForHereToo) {
  RequestOptions live;
  live.parameters = {{"tweet.fields", "lang"}};
  SearchSource source = SearchSourceOf({}, live);
  EXPECT_NE(Url(source, Ago(absl::Hours(1))).find("?tweet.fields=lang&query="), std::string::npos);
}

TEST(SearchRequestTest, ConfiguredUrlsComeBeforeTheDerivedOnes) {
  config::v1::RecoveredStream stream;
  stream.mutable_source()->set_url("http://127.0.0.1:9/2/tweets/search/stream");
  EXPECT_EQ(Url(Source("x-v2-filtered", stream), Ago(absl::Hours(1))).substr(0, 45),
            "http://127.0.0.1:9/2/tweets/search/recent?que");
  stream.set_search_url("https://one.example/2/tweets/search/all");
  stream.set_lookup_url("https://two.example/x");
  SearchSource source = Source("x-v2-filtered", stream);
  EXPECT_EQ(Url(source, Ago(absl::Hours(1))).substr(0, 40),
            "https://one.example/2/tweets/search/all?");
  EXPECT_EQ(SearchPlaceOf(source, Ago(absl::Hours(1)), kNow).page_posts, 500);
  EXPECT_EQ(*StreamUrl(LookupRequest(source, {1, 2})), "https://two.example/x?ids=1,2");
}

TEST(SearchRequestTest, ALookupKnowsNoPartitions) {
  SearchSource source = Source("x-v2-firehose");
  EXPECT_EQ(*StreamUrl(LookupRequest(source, {1, 2})), "https://api.x.com/2/tweets?ids=1,2");
  EXPECT_FALSE(source.rules.has_value());
}

}  // namespace
}  // namespace braid
