#include "recovery/search_fetch.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "proto/snowflake.h"
#include "recovery/past_request.h"
#include "tests/recovery/fake_wire.h"
#include "tests/sim/sim_loop.h"

namespace braid {
namespace {

using Stop = FetchEvidence::Stop;

class SearchFetchTest : public testing::Test {
 protected:
  SearchFetchTest() {
    now_ = absl::FromUnixSeconds(absl::ToUnixSeconds(loop_.WallNow()) / 60 * 60);
    options_.wanted = {absl::ToUnixMicros(now_ - absl::Hours(2)),
                       absl::ToUnixMicros(now_ - absl::Hours(1))};
    options_.source = SearchSourceOf({}, RequestOptions());
    window_ = std::make_unique<AttemptWindow>(ConnectBudget{100, absl::Minutes(15)});
    // No place for counts.
    counts_window_->Begin(loop_.Now());
  }
  ~SearchFetchTest() override { fetch_.reset(); }

  void Start() {
    fetch_ = std::make_unique<SearchFetch>(
        loop_, x_, sink_, options_,
        SearchFetch::Shares{{window_.get(), [this] { ++saves_; }},
                            {counts_window_.get(), [this] { ++saves_; }, false, true}},
        [] { return std::string("secret"); },
        [this](FetchEvidence evidence) {
          fetch_.reset();
          end_ = std::move(evidence);
        });
  }
  void Answer(int status, const std::string& body,
              std::map<std::string, std::string> headers = {}) {
    x_.Answer(loop_, status, body, std::move(headers));
  }
  void AnswerRules(const std::vector<std::string>& values) {
    std::vector<std::string> rules;
    for (const std::string& value : values) {
      rules.push_back(
          absl::StrCat("{\"id\":\"", rules.size() + 1, "\",\"value\":\"", value, "\"}"));
    }
    Answer(200, absl::StrCat("{\"data\":[", absl::StrJoin(rules, ","), "]}"));
  }
  uint64_t Id(int seconds) const {
    return FirstSnowflakeAt(now_ - absl::Hours(2) + absl::Seconds(seconds));
  }
  // Posts of those seconds of the range.
  std::string Page(const std::vector<int>& seconds, const std::string& next = "") const {
    std::vector<std::string> posts;
    for (int second : seconds) posts.push_back(absl::StrCat("{\"id\":\"", Id(second), "\"}"));
    std::string token = next.empty() ? "" : absl::StrCat(",\"next_token\":\"", next, "\"");
    return absl::StrCat("{\"data\":[", absl::StrJoin(posts, ","),
                        "],\"meta\":{\"result_count\":", posts.size(), token, "}}");
  }
  std::vector<uint64_t> Ids() const { return sink_.PostIds(); }
  const std::string& LastUrl() const { return x_.requests.back().url; }

  SimLoop loop_;
  absl::Time now_;
  FakeWire x_;
  KeptRecords sink_;
  SearchFetch::Options options_;
  std::unique_ptr<AttemptWindow> window_;
  std::unique_ptr<AttemptWindow> counts_window_ =
      std::make_unique<AttemptWindow>(ConnectBudget{1, absl::Minutes(15)});
  int saves_ = 0;
  absl::optional<FetchEvidence> end_;
  std::unique_ptr<SearchFetch> fetch_;
};

TEST_F(SearchFetchTest, RulesThenEachRulesPagesThenACleanEnd) {
  options_.witnesses = {Id(3), Id(4)};
  Start();
  EXPECT_TRUE(absl::EndsWith(LastUrl(), "/2/tweets/search/stream/rules?max_results=1000"));
  EXPECT_EQ(x_.requests[0].headers[0].second, "Bearer secret");
  AnswerRules({"cat", "dog"});
  EXPECT_TRUE(absl::StrContains(LastUrl(), "/search/recent?query=cat&start_time="));
  Answer(200, Page({9, 8}, "n1"));
  EXPECT_TRUE(absl::EndsWith(LastUrl(), "&next_token=n1"));
  Answer(200, Page({8, 3}));
  EXPECT_EQ(fetch_->Progress().events, 3u) << "the edge's duplicate is none";
  EXPECT_TRUE(absl::StrContains(LastUrl(), "/search/recent?query=dog&start_time="));
  Answer(200, Page({9, 7}));
  ASSERT_TRUE(end_.has_value());
  EXPECT_EQ(end_->stop, Stop::kClean);
  EXPECT_EQ(end_->http_status, 200);
  EXPECT_EQ(end_->events, 4u);
  EXPECT_EQ(end_->unasked, "");
  EXPECT_EQ(end_->asked, options_.wanted);
  EXPECT_EQ(end_->seen_witnesses, (std::vector<uint64_t>{Id(3)}));
  EXPECT_EQ(Ids(), (std::vector<uint64_t>{Id(9), Id(8), Id(3), Id(7)}));
}

TEST_F(SearchFetchTest, TheSameSetHasTheSameDigestWhereverItsPagesAreCut) {
  Start();
  AnswerRules({"cat"});
  Answer(200, Page({9, 8}, "n1"));
  Answer(200, Page({8, 3}));
  uint64_t digest = end_->keys_digest;
  Start();
  AnswerRules({"cat"});
  Answer(200, Page({9, 8, 3}));
  EXPECT_EQ(end_->keys_digest, digest);
}

TEST_F(SearchFetchTest, EachPageTakesItsPlaceInTheShareButTheFirst) {
  window_ = std::make_unique<AttemptWindow>(ConnectBudget{2, absl::Minutes(15)});
  uint64_t ticket = window_->Begin(loop_.Now());
  Start();
  AnswerRules({"cat"});
  Answer(200, Page({9}, "n1"));
  EXPECT_EQ(window_->used(loop_.Now()), 2);
  Answer(200, Page({8}, "n2"));
  EXPECT_EQ(x_.requests.size(), 3u) << "the third page has to wait";
  EXPECT_FALSE(end_.has_value());
  window_->OnReached(ticket, loop_.Now());
  loop_.RunFor(absl::Minutes(15));
  ASSERT_EQ(x_.requests.size(), 4u);
  Answer(200, Page({7}));
  EXPECT_EQ(end_->events, 3u);
  EXPECT_GT(saves_, 0);
}

TEST_F(SearchFetchTest, TheFirstAnswerOf429IsARefusalAndALaterOneIsWaitedOut) {
  std::map<std::string, std::string> limited = {
      {"x-rate-limit-reset", absl::StrCat(absl::ToUnixSeconds(loop_.WallNow()) + 240)},
      {"x-rate-limit-remaining", "0"}};
  Start();
  AnswerRules({"cat"});
  Answer(429, "{\"title\":\"Too Many Requests\"}", limited);
  ASSERT_TRUE(end_.has_value());
  EXPECT_EQ(end_->stop, Stop::kRefused);
  EXPECT_EQ(end_->verdict.cause, Cause::kRateLimited);
  EXPECT_EQ(end_->verdict.delay_min, absl::Seconds(240));
  end_.reset();

  Start();
  AnswerRules({"cat"});
  Answer(200, Page({9}, "n1"));
  size_t asked = x_.requests.size();
  Answer(429, "{\"title\":\"Too Many Requests\"}", limited);
  loop_.RunFor(absl::Seconds(239));
  EXPECT_EQ(x_.requests.size(), asked);
  loop_.RunFor(absl::Seconds(2));
  ASSERT_EQ(x_.requests.size(), asked + 1);
  EXPECT_TRUE(absl::EndsWith(LastUrl(), "&next_token=n1")) << "the same page";
  Answer(200, Page({8}));
  EXPECT_EQ(end_->stop, Stop::kClean);
  EXPECT_EQ(end_->events, 2u);
}

TEST_F(SearchFetchTest, APageThatFailsForAMomentIsAskedForAgainAndNotForEver) {
  Start();
  AnswerRules({"cat"});
  Answer(200, Page({9}, "n1"));
  for (int i = 0; i < 5; ++i) {
    Answer(503, "");
    ASSERT_FALSE(end_.has_value()) << i;
    loop_.RunFor(absl::Seconds(5 << i));
  }
  Answer(503, "");
  ASSERT_TRUE(end_.has_value());
  EXPECT_EQ(end_->stop, Stop::kRefused);
  EXPECT_EQ(end_->verdict.cause, Cause::kServerError);
}

TEST_F(SearchFetchTest, WhatIsNoPageOrGoesInCirclesProvesNothing) {
  for (const char* body : {"{}", "<html>", "{\"meta\":{\"result_count\":3}}"}) {
    Start();
    AnswerRules({"cat"});
    Answer(200, body);
    EXPECT_EQ(end_->stop, Stop::kBroken) << body;
  }
  Start();
  AnswerRules({"cat"});
  Answer(200, Page({9}, "n1"));
  Answer(200, Page({8}, "n1"));
  EXPECT_EQ(end_->stop, Stop::kBroken);
  EXPECT_EQ(end_->message, "X names the same page again");
}

TEST_F(SearchFetchTest, APostThatCanNotBeReadIsALoss) {
  Start();
  AnswerRules({"cat"});
  Answer(200, R"({"data":[{"text":"no id"}],"meta":{"result_count":1}})");
  EXPECT_EQ(end_->stop, Stop::kClean);
  EXPECT_EQ(end_->lost_lines, 1u);
}

TEST_F(SearchFetchTest, MorePostsThanTheBoundEndIt) {
  options_.posts_max = 2;
  Start();
  AnswerRules({"cat"});
  Answer(200, Page({9, 8, 7}, "n1"));
  EXPECT_EQ(end_->stop, Stop::kBroken);
}

TEST_F(SearchFetchTest, AllPagesOfRulesAreRead) {
  Start();
  Answer(200, R"({"data":[{"id":"1","value":"cat"}],"meta":{"next_token":"r2"}})");
  EXPECT_TRUE(absl::EndsWith(LastUrl(), "&pagination_token=r2"));
  Answer(200, R"({"data":[{"id":"2","value":"dog bio:x"}],"meta":{}})");
  Answer(200, Page({}));
  EXPECT_EQ(end_->unasked, "search can not be asked for 1 rule: \"dog bio:x\" uses bio:");
}

// Counts of the range's minutes, those given in the first and second.
std::string Counts(absl::Time from, uint64_t first, uint64_t second, int minutes = 60) {
  std::vector<std::string> buckets;
  for (int i = 0; i < minutes; ++i) {
    absl::Time start = from + absl::Minutes(i);
    uint64_t count = i == 0 ? first : i == 1 ? second : 0;
    buckets.push_back(absl::StrCat("{\"start\":\"", IsoSecond(absl::ToUnixMicros(start)),
                                   "\",\"end\":\"",
                                   IsoSecond(absl::ToUnixMicros(start + absl::Minutes(1))),
                                   "\",\"tweet_count\":", count, "}"));
  }
  return absl::StrCat("{\"data\":[", absl::StrJoin(buckets, ","), "],\"meta\":{}}");
}

TEST_F(SearchFetchTest, EachQuerysPostsAreComparedWithItsOwnCounts) {
  counts_window_ = std::make_unique<AttemptWindow>(ConnectBudget{2, absl::Minutes(15)});
  Start();
  AnswerRules({"cat", "dog"});
  Answer(200, Page({70, 9}, "n1"));
  Answer(200, Page({9, 8}));
  Answer(200, Page({70, 9}));
  EXPECT_TRUE(absl::StrContains(LastUrl(), "/2/tweets/counts/recent?query=cat&start_time="));
  EXPECT_TRUE(absl::EndsWith(LastUrl(), "&granularity=minute"));
  Answer(200, Counts(now_ - absl::Hours(2), 2, 1));
  EXPECT_TRUE(absl::StrContains(LastUrl(), "/2/tweets/counts/recent?query=dog&start_time="));
  Answer(200, Counts(now_ - absl::Hours(2), 1, 1));
  ASSERT_TRUE(end_.has_value());
  EXPECT_EQ(end_->events, 3u);
  ASSERT_EQ(end_->counts.size(), 2u);
  EXPECT_EQ(end_->counts[0].size(), 60u);
  EXPECT_EQ(end_->counts[0][0].received, 2u) << "the edge's duplicate is none";
  EXPECT_EQ(end_->counts[1][0].received, 1u) << "found by the other, too";
  EXPECT_EQ(Judge(*end_, {v1::RecoveryStep()}).result.proof(), "counts");
}

TEST_F(SearchFetchTest, CountsThatDoNotComeTakeNothingAway) {
  for (int status : {429, 503, 404, 200}) {
    counts_window_ = std::make_unique<AttemptWindow>(ConnectBudget{2, absl::Minutes(15)});
    end_.reset();
    Start();
    AnswerRules({"cat"});
    Answer(200, Page({9}));
    Answer(status, "{}");
    ASSERT_TRUE(end_.has_value()) << status;
    EXPECT_EQ(end_->stop, Stop::kClean);
    EXPECT_EQ(end_->http_status, 200);
    EXPECT_TRUE(end_->counts.empty());
  }
}

TEST_F(SearchFetchTest, DestroyedInTheMiddleItAsksNoMore) {
  Start();
  AnswerRules({"cat"});
  std::shared_ptr<HttpHandler> wire = x_.wire;
  fetch_.reset();
  wire->OnDone({HttpEnd::Kind::kClosed, ""}, loop_.Now());
  loop_.RunFor(absl::Minutes(20));
  EXPECT_EQ(x_.requests.size(), 2u);
  EXPECT_FALSE(end_.has_value());
}

}  // namespace
}  // namespace braid
