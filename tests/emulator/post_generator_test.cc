#include "tests/emulator/post_generator.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <cstring>
#include <set>
#include <string>

#include "proto/snowflake.h"

namespace braid::emulator {
namespace {

constexpr uint64_t kId = 1987654321098765432;
// Enough for stable averages within a second of test time.
constexpr size_t kSample = 1000;

std::string Patched(const std::string& rendered, uint64_t id) {
  PostBody body = LocatePlaceholders(rendered.data(), rendered.size());
  std::string out(body.size, '\0');
  PatchBody(body, id, out.data());
  return out;
}

TEST(PostGenerator, SameSeedGivesSameBodies) {
  PostGenerator first({.seed = 7});
  PostGenerator again({.seed = 7});
  PostGenerator other({.seed = 8});
  for (uint64_t i : {0u, 1u, 99999u}) {
    EXPECT_EQ(first.Render(i), again.Render(i));
    EXPECT_NE(first.Render(i), other.Render(i));
  }
}

TEST(PostGenerator, BodiesAreDistinct) {
  PostGenerator generator({});
  std::set<std::string> seen;
  for (size_t i = 0; i < kSample; ++i) seen.insert(generator.Render(i));
  EXPECT_EQ(seen.size(), kSample);
}

TEST(PostGenerator, SizesStayBetweenOneAndFiveKilobytesWithTheAskedMean) {
  for (size_t mean : {1500u, 2048u, 3000u}) {
    PostGenerator generator({.mean_bytes = mean});
    size_t total = 0;
    for (size_t i = 0; i < kSample; ++i) {
      size_t size = generator.Render(i).size();
      EXPECT_GE(size, kBodyBytesMin);
      EXPECT_LE(size, kBodyBytesMax);
      total += size;
    }
    EXPECT_NEAR(static_cast<double>(total) / kSample, static_cast<double>(mean), mean * 0.1);
  }
}

TEST(PostGenerator, EveryBodyParsesAndCarriesTheIdInDataAndEditHistory) {
  PostGenerator generator({});
  simdjson::dom::parser parser;
  const std::string id = std::to_string(kId);
  for (size_t i = 0; i < kSample; ++i) {
    std::string post = Patched(generator.Render(i), kId);
    ASSERT_EQ(post.substr(post.size() - 2), "\r\n");
    ASSERT_EQ(post.find('\n'), post.size() - 1);
    simdjson::dom::element root;
    ASSERT_EQ(parser.parse(post).get(root), simdjson::SUCCESS) << post;
    EXPECT_EQ(std::string(root["data"]["id"].get_c_str().value()), id);
    EXPECT_EQ(std::string(root["data"]["edit_history_tweet_ids"].at(0).get_c_str().value()), id);
    EXPECT_EQ(std::string(root["data"]["created_at"].get_c_str().value()).size(), kCreatedAtChars);
    EXPECT_GE(root["matching_rules"].get_array().value().size(), 1u);
    EXPECT_GE(root["includes"]["users"].get_array().value().size(), 1u);
  }
}

TEST(PostGenerator, CreatedAtIsTheSecondOfTheId) {
  std::string post = Patched(PostGenerator({}).Render(3), kId);
  std::string expected = absl::FormatTime("\"created_at\":\"%Y-%m-%dT%H:%M:%S.000Z\"",
                                          SnowflakeTime(kId), absl::UTCTimeZone());
  EXPECT_NE(post.find(expected), std::string::npos) << post;
}

TEST(PostGenerator, EditsEndHalfAnHourAfterTheId) {
  std::string post = Patched(PostGenerator({}).Render(3), kId);
  std::string expected =
      absl::FormatTime("\"editable_until\":\"%Y-%m-%dT%H:%M:%S.000Z\"",
                       SnowflakeTime(kId) + absl::Minutes(30), absl::UTCTimeZone());
  EXPECT_NE(post.find(expected), std::string::npos) << post;
}

TEST(PostGenerator, WithoutCreatedAtNoPostCarriesItsTime) {
  PostGenerator generator({.has_created_at = false});
  std::string rendered = generator.Render(3);
  EXPECT_EQ(LocatePlaceholders(rendered.data(), rendered.size()).created_at_offset, 0);
}

TEST(PostGenerator, TopMembersComeInEveryOrder) {
  PostGenerator generator({});
  std::set<std::string> starts;
  for (size_t i = 0; i < 50; ++i) starts.insert(generator.Render(i).substr(0, 6));
  EXPECT_EQ(starts.size(), 3u);
}

TEST(PostGenerator, TextHasRawUnicodeEscapesAndEmoji) {
  PostGenerator generator({});
  std::string all;
  for (size_t i = 0; i < 300; ++i) all += generator.Render(i);
  EXPECT_NE(all.find("東京"), std::string::npos);
  EXPECT_NE(all.find("\\u6771\\u4eac"), std::string::npos);
  EXPECT_NE(all.find("🔥"), std::string::npos);
  EXPECT_NE(all.find("\\ud83d\\udd25"), std::string::npos);
  EXPECT_NE(all.find("\\n"), std::string::npos);
  EXPECT_NE(all.find("\\\""), std::string::npos);
}

TEST(PostGenerator, NewlineFractionPutsBareNewlinesBetweenMembers) {
  std::string body = PostGenerator({.newline_fraction = 1}).Render(0);
  EXPECT_LT(body.find('\n'), body.size() - 1);
}

TEST(BodyPool, CompressesLikeRealPosts) {
  BodyPool pool({}, 2000);
  double ratio = pool.CompressionRatio(40);
  EXPECT_GE(ratio, 4.0);
  EXPECT_LE(ratio, 8.0);
}

TEST(BodyPool, GivesTheGeneratorsBodies) {
  GeneratorOptions options{.seed = 3};
  BodyPool pool(options, 10);
  const PostBody& body = pool.Get(4);
  EXPECT_EQ(std::string(body.bytes, body.size), PostGenerator(options).Render(4));
  EXPECT_EQ(pool.Get(4).bytes, body.bytes);
}

}  // namespace
}  // namespace braid::emulator
