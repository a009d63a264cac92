#include "recovery/search_page.h"

#include <gtest/gtest.h>

#include "ingest/x_message.h"

namespace braid {
namespace {

constexpr XFamily kV2 = XFamily::kV2;
constexpr XFamily kGnip = XFamily::kGnip;

TEST(SearchPageTest, PostsComeByteForByteAndSayWhereTheNextPageIs) {
  auto page =
      ParseSearchPage(kV2, R"({"data":[{"id":"9", "text":"a,}\"]"},{"text":"b","id":"8"}],)"
                           R"("meta":{"newest_id":"9","result_count":2,"next_token":"n1"}})");
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->posts, (std::vector<absl::string_view>{R"({"id":"9", "text":"a,}\"]"})",
                                                         R"({"text":"b","id":"8"})"}));
  EXPECT_EQ(page->next_token, "n1");
  EXPECT_EQ(PostLine(kV2, *page, 1, nullptr), R"({"data":{"text":"b","id":"8"}})");
}

TEST(SearchPageTest, ALineIsReadAsTheStreamsIs) {
  auto page = ParseSearchPage(kV2, R"({"data":[{"id":"1234567890123456789","text":"b"}],)"
                                   R"("meta":{"result_count":1}})");
  ASSERT_TRUE(page.ok());
  XRule rule{"77", "cat", "a \"tag\""};
  std::string line = PostLine(kV2, *page, 0, &rule);
  EXPECT_EQ(line, R"({"data":{"id":"1234567890123456789","text":"b"},)"
                  R"("matching_rules":[{"id":"77","tag":"a \"tag\""}]})");
  line.append(kLinePaddingBytes, ' ');
  MessageScanner scanner;
  const ScannedMessage& message = scanner.Scan(line);
  EXPECT_EQ(message.kind, ScannedMessage::Kind::kPost);
  EXPECT_EQ(message.post_id, 1234567890123456789u);
  ASSERT_EQ(message.rule_tags.size(), 1u);
  rule.tag = "";
  line = PostLine(kV2, *page, 0, &rule);
  line.append(kLinePaddingBytes, ' ');
  EXPECT_EQ(scanner.Scan(line).rule_tags, (std::vector<absl::string_view>{"77"}));
}

TEST(SearchPageTest, APostKeepsOfTheIncludesWhatItRefersTo) {
  auto page = ParseSearchPage(
      kV2, R"({"data":[{"id":"1","author_id":"10","referenced_tweets":[{"id":"5"}],)"
           R"("attachments":{"media_keys":["3_7"]}},{"id":"2","author_id":"12"}],)"
           R"("includes":{"users":[{"id":"10","name":"a"},{"id":"11","name":"b"},{"id":"12"}],)"
           R"("tweets":[{"id":"5","author_id":"11"},{"id":"6","author_id":"10"}],)"
           R"("media":[{"media_key":"3_7"},{"media_key":"3_8"}]},"meta":{"result_count":2}})");
  ASSERT_TRUE(page.ok()) << page.status();
  std::string line = PostLine(kV2, *page, 0, nullptr);
  EXPECT_EQ(line.substr(line.find("\"includes\"")),
            R"("includes":{"users":[{"id":"10","name":"a"},{"id":"11","name":"b"}],)"
            R"("tweets":[{"id":"5","author_id":"11"}],"media":[{"media_key":"3_7"}]}})")
      << "the author of the quoted post too";
  EXPECT_EQ(PostLine(kV2, *page, 1, nullptr),
            R"({"data":{"id":"2","author_id":"12"},"includes":{"users":[{"id":"12"}]}})");
}

TEST(SearchPageTest, AnEmptyPageIsOneOnlyIfXSaysSo) {
  auto page = ParseSearchPage(kV2, R"({"meta":{"result_count":0}})");
  ASSERT_TRUE(page.ok());
  EXPECT_TRUE(page->posts.empty());
  EXPECT_EQ(page->next_token, "");
  for (const char* body :
       {"", "{}", "[]", "null", R"({"data":[]})", R"({"meta":{}})",
        R"({"errors":[{"title":"Internal Error"}]})", R"({"meta":{"result_count":1}})",
        R"({"data":[{"id":"1"}],"meta":{"result_count":2}})",
        R"({"data":{"id":"1"},"meta":{"result_count":1}})",
        R"({"data":[{"id":"1"}],"meta":{"result_count":1}} x)", R"({"data":[{"id":"1"}],"meta")"}) {
    EXPECT_EQ(ParseSearchPage(kV2, body).status().code(), absl::StatusCode::kDataLoss) << body;
  }
}

TEST(SearchPageTest, GnipsPostsAreWholeAlready) {
  auto page = ParseSearchPage(
      kGnip, R"({"results":[{"id_str":"9","text":"a"}],"next":"n","requestParameters":{}})");
  ASSERT_TRUE(page.ok());
  XRule rule{"77", "cat", "tag"};
  EXPECT_EQ(PostLine(kGnip, *page, 0, &rule), R"({"id_str":"9","text":"a"})");
  EXPECT_EQ(page->next_token, "n");
  EXPECT_FALSE(ParseSearchPage(kGnip, R"({"error":{"message":"no"}})").ok());
}

TEST(SearchPageTest, CountsAreOfSpansOfTime) {
  auto page = ParseCountsPage(
      kV2, R"({"data":[{"start":"2023-11-14T22:13:20.000Z","end":"2023-11-14T22:14:00.000Z",)"
           R"("tweet_count":3}],"meta":{"total_tweet_count":3,"next_token":"n"}})");
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->buckets.size(), 1u);
  EXPECT_EQ(page->buckets[0].span, (Interval{1'700'000'000'000'000, 1'700'000'040'000'000}));
  EXPECT_EQ(page->buckets[0].posts, 3u);
  EXPECT_EQ(page->next_token, "n");
  page = ParseCountsPage(kGnip, R"({"results":[{"timePeriod":"202311142214","count":7}]})");
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->buckets[0].span, (Interval{1'700'000'040'000'000, 1'700'000'100'000'000}));
  EXPECT_EQ(page->buckets[0].posts, 7u);
  for (const char* body : {"", "{}", R"({"data":[{"start":"x","end":"y","tweet_count":1}]})",
                           R"({"data":[{"start":"2023-11-14T22:13:20Z","tweet_count":1}]})"}) {
    EXPECT_FALSE(ParseCountsPage(kV2, body).ok()) << body;
  }
}

TEST(SearchPageTest, ALookupSaysWhatItDoesNotHave) {
  auto page = ParseLookupPage(R"({"data":[{"id":"9","text":"a"}],"errors":[)"
                              R"({"value":"8","resource_id":"8","title":"Not Found Error"},)"
                              R"({"value":"7","title":"Authorization Error"}]})");
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->posts.size(), 1u);
  EXPECT_EQ(page->missing_ids, (std::vector<uint64_t>{8, 7}));
  EXPECT_FALSE(ParseLookupPage(R"({"errors":[{"title":"Internal Error"}]})").ok());
  EXPECT_FALSE(ParseLookupPage("{}").ok());
}

}  // namespace
}  // namespace braid
