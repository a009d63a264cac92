// Which events a topic carries, and in which words.

#include "tests/emulator/topic.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "proto/snowflake.h"
#include "tests/emulator/json_slice.h"

namespace braid::emulator {
namespace {

using absl::StrContains;

const absl::Time kNow = absl::FromUnixSeconds(1800000000);

bool IsJson(const std::string& record) {
  simdjson::dom::parser parser;
  return parser.parse(record).error() == simdjson::SUCCESS;
}

class TopicTest : public testing::Test {
 protected:
  TopicTest()
      : pool_({}, 20),
        text_(&pool_),
        filtered_({}),
        powertrack_({}),
        replay_({}),
        topics_(&text_, {&filtered_, &powertrack_, &replay_}) {}

  Event Post(uint32_t body, absl::Duration age = absl::ZeroDuration()) {
    Event post;
    post.id = FirstSnowflakeAt(kNow - age) + body;
    post.micros = absl::ToUnixMicros(kNow);
    post.body = body;
    return post;
  }

  BodyPool pool_;
  EventText text_;
  RuleSet filtered_, powertrack_, replay_;
  TopicText topics_;
};

TEST_F(TopicTest, LoadedRulesDecideAndAreNamedInTheRecord) {
  uint64_t all = filtered_.Add("sample:100", "all of them", kNow).id;
  filtered_.Add("sample:0", "none", kNow);
  Topic topic;
  EXPECT_FALSE(topics_.IsPlain(topic, Post(1)));
  std::string record = *topics_.Render(topic, Post(1), kNow);
  EXPECT_EQ(JsonMember(record, "matching_rules"),
            absl::StrCat("[{\"id\":\"", all, "\",\"tag\":\"all of them\"}]"));
  filtered_.Remove(all);
  EXPECT_FALSE(topics_.Render(topic, Post(1), kNow).has_value());
}

TEST_F(TopicTest, RuleSetsOfStreamsAreSeparate) {
  replay_.Add("sample:0", "none", kNow);
  Topic topic;
  topic.format = EventFormat::kNative;
  topic.kind = TopicKind::kReplay;
  EXPECT_FALSE(topics_.Render(topic, Post(1), kNow).has_value());
  topic.kind = TopicKind::kPowertrack;
  std::string record = *topics_.Render(topic, Post(1), kNow);
  EXPECT_TRUE(StrContains(record, "\"matching_rules\":[{\"tag\":\"")) << "the body's own";
}

TEST_F(TopicTest, SampleIsTheTenMillisecondsOfEverySecond) {
  Topic topic;
  topic.kind = TopicKind::kSample;
  int carried = 0;
  for (int milli = 0; milli < 1000; ++milli) {
    carried += topics_.Render(topic, Post(1, absl::Milliseconds(milli)), kNow) ? 1 : 0;
  }
  EXPECT_EQ(carried, 10);
}

TEST_F(TopicTest, EveryKindInEveryFormatIsJson) {
  for (TopicKind kind : {TopicKind::kPowertrack, TopicKind::kShare, TopicKind::kLikes,
                         TopicKind::kPostCompliance, TopicKind::kUserCompliance,
                         TopicKind::kLikeCompliance, TopicKind::kLabels, TopicKind::kActivity}) {
    for (EventFormat format :
         {EventFormat::kV2, EventFormat::kNative, EventFormat::kActivityStreams}) {
      Topic topic;
      topic.kind = kind;
      topic.format = format;
      for (uint32_t body = 0; body < 20; ++body) {
        Event event = Post(body);
        event.kind = EventKindOf(kind);
        event.object = event.id - 1000;
        event.name = static_cast<uint8_t>(body % NameCount(event.kind));
        event.variant = 1;
        std::optional<std::string> record = topics_.Render(topic, event, kNow);
        ASSERT_TRUE(record.has_value());
        EXPECT_TRUE(IsJson(*record)) << *record;
      }
    }
  }
}

TEST_F(TopicTest, TopicsThatNobodyReadsCostNothing) {
  TopicBook book(&topics_, &pool_);
  std::shared_ptr<const PostLog> log = book.Open({});
  book.Append(Post(1), 0, kNow);
  EXPECT_EQ(log->post_count(), 1u);
  std::weak_ptr<const PostLog> watched = log;
  log.reset();
  book.Append(Post(2), 1, kNow);
  EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace braid::emulator
