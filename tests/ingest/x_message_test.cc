#include "ingest/x_message.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "gtest/gtest.h"

namespace braid {
namespace {

using Kind = ScannedMessage::Kind;

// A line in a buffer of exactly the promised size, so that asan sees any byte
// read beyond it.
class Scanned {
 public:
  explicit Scanned(absl::string_view line) : size_(line.size()) {
    buffer_ = std::make_unique<char[]>(line.size() + kLinePaddingBytes);
    std::memcpy(buffer_.get(), line.data(), line.size());
    // What follows a line in a block is the next line.
    for (size_t i = 0; i < kLinePaddingBytes; ++i) buffer_[line.size() + i] = "}\"]{x"[i % 5];
    message_ = scanner_.Scan({buffer_.get(), size_});
  }
  const ScannedMessage* operator->() const { return &message_; }
  const ScannedMessage& operator*() const { return message_; }

 private:
  const size_t size_;
  std::unique_ptr<char[]> buffer_;
  MessageScanner scanner_;
  ScannedMessage message_;
};

constexpr uint64_t kId = 1460323737035677698;

TEST(ScanTest, V2PostHasItsIdAndTheTimeInTheId) {
  Scanned post(R"({"data":{"edit_history_tweet_ids":["1460323737035677698"],)"
               R"("id":"1460323737035677698","text":"a \"quoted\" \u00e9"},)"
               R"("matching_rules":[{"id":"17","tag":"cats"},{"id":"18","tag":""},{"id":"19"}]})");
  ASSERT_EQ(post->kind, Kind::kPost);
  EXPECT_EQ(post->post_id, kId);
  EXPECT_EQ(absl::FormatTime("%Y-%m-%d", post->create_time, absl::UTCTimeZone()), "2021-11-15");
  EXPECT_EQ(post->rule_tags, (std::vector<absl::string_view>{"cats", "18", "19"}));
}

TEST(ScanTest, MembersComeInAnyOrder) {
  Scanned post(R"( {"matching_rules" : [ {"tag":"a","id":1} ] , "includes":{"users":[{"id":"9"}]},)"
               R"("data":{"public_metrics":{"id":"7"},"text":"x","id" : "1460323737035677698"}} )");
  ASSERT_EQ(post->kind, Kind::kPost);
  EXPECT_EQ(post->post_id, kId);
  EXPECT_EQ(post->rule_tags, (std::vector<absl::string_view>{"a"}));
}

TEST(ScanTest, NativePostIsKeyedByIdStr) {
  Scanned post(R"({"created_at":"Wed Oct 10 20:19:24 +0000 2018","id":1460323737035677700,)"
               R"("id_str":"1460323737035677698","user":{"id_str":"5"},)"
               R"("matching_rules":[{"tag":null,"id":12345678901234567890,"id_str":"77"}]})");
  ASSERT_EQ(post->kind, Kind::kPost);
  EXPECT_EQ(post->post_id, kId);
  EXPECT_EQ(post->rule_tags, (std::vector<absl::string_view>{"77"}));
}

TEST(ScanTest, ActivityIsKeyedByTheDigitsOfItsTag) {
  for (absl::string_view host : {"search.x.com", "search.twitter.com"}) {
    for (absl::string_view verb : {"post", "share"}) {
      Scanned post(absl::StrCat(R"({"id":"tag:)", host, R"(,2005:1460323737035677698","verb":")",
                                verb, R"(","gnip":{"matching_rules":[{"tag":"t"}]}})"));
      ASSERT_EQ(post->kind, Kind::kPost) << host << verb;
      EXPECT_EQ(post->post_id, kId);
      EXPECT_EQ(post->rule_tags, (std::vector<absl::string_view>{"t"}));
    }
  }
  Scanned other(R"({"id":"tag:search.x.com,2005:1","verb":"delete"})");
  ASSERT_EQ(other->kind, Kind::kEvent);
  EXPECT_EQ(other->key.kind(), v1::EVENT_KIND_COMPLIANCE);
}

TEST(ScanTest, IdThatIsNoSnowflakeTakesTheTimeTheMessageSays) {
  absl::Time said = absl::FromUnixSeconds(1539202764);
  for (absl::string_view line : {
           R"({"id_str":"20","created_at":"Wed Oct 10 20:19:24 +0000 2018"})",
           R"({"id_str":"20","timestamp_ms":"1539202764000"})",
           R"({"data":{"id":"20","created_at":"2018-10-10T20:19:24.000Z"}})",
           R"({"id":"tag:search.x.com,2005:20","verb":"post","postedTime":"2018-10-10T20:19:24Z"})",
       }) {
    Scanned post(line);
    ASSERT_EQ(post->kind, Kind::kPost) << line;
    EXPECT_EQ(post->post_id, 20);
    EXPECT_EQ(post->create_time, said) << line;
  }
  EXPECT_LT(Scanned(R"({"id_str":"20"})")->create_time, absl::FromUnixSeconds(1300000000));
}

TEST(ScanTest, DataWithErrorsIsAPost) {
  Scanned post(R"({"errors":[{"title":"Not Found"}],"data":{"id":"1460323737035677698"}})");
  EXPECT_EQ(post->kind, Kind::kPost);
}

TEST(ScanTest, ErrorsWithoutDataAreAControlMessage) {
  Scanned message(R"({"errors":[{"title":"operational-disconnect",)"
                  R"("disconnect_type":"UpstreamOperationalDisconnect","detail":"This stream"}]})");
  ASSERT_EQ(message->kind, Kind::kControl);
  EXPECT_EQ(message->control, ControlKind::kErrors);
  EXPECT_EQ(message->disconnect_type, "UpstreamOperationalDisconnect");
  EXPECT_EQ(message->title, "operational-disconnect");
  EXPECT_EQ(message->text, "This stream");
}

TEST(ScanTest, ControlMessagesHaveAKindFromAFixedList) {
  struct Case {
    absl::string_view line;
    absl::string_view word;
  };
  for (const Case& c : std::vector<Case>{
           {R"({"error":{"message":"Forced Disconnect"}})", "error"},
           {R"({"warn":{"message":"x"}})", "warn"},
           {R"({"info":{"message":"x","activity_count":4}})", "info"},
           {R"({"disconnect":{"code":4,"reason":"stall"}})", "disconnect"},
           {R"({"limit":{"track":5}})", "limit"},
           {R"({"warning":{"code":"FALLING_BEHIND","percent_full":60}})", "warning"},
           {R"({"type":"connection_metadata","datacenter":"atla"})", "connection_metadata"},
           {R"({"title":"ConnectionException","connection_issue":"TooManyConnections"})",
            "problem"},
           {R"({"brand":"new"})", "unknown"},
           {R"({"data":null})", "unknown"},
           {R"({})", "unknown"},
       }) {
    Scanned message(c.line);
    ASSERT_EQ(message->kind, Kind::kControl) << c.line;
    EXPECT_EQ(ControlWord(message->control), c.word) << c.line;
  }
  EXPECT_EQ(Scanned(R"({"disconnect":{"code":4}})")->code, 4);
}

TEST(ScanTest, WhatCanNotBeReadSaysWhy) {
  struct Case {
    std::string line;
    absl::string_view word;
  };
  std::string deep = R"({"data":{"id":"1460323737035677698","x":)";
  for (const Case& c : std::vector<Case>{
           {"garbage", "not_json"},
           {"", "not_json"},
           {" ", "not_json"},
           {"1", "not_json"},
           {"\"text\"", "not_json"},
           {"[1]", "not_json"},
           {R"({"data":{"id":"1460323737035677698")", "not_json"},
           {R"({"data":{"id":"1460323737035677698"})", "not_json"},
           {R"({"data":{"id":"1460323737035677698"}}})", "not_json"},
           {R"({"data":{"id":"1460323737035677698"}}{"data":{}})", "not_json"},
           {R"({"data":{"id":"1460323737035677698"}} x)", "not_json"},
           {R"({"data":{"id":"1460323737035677698"},"x":[1}})", "not_json"},
           {R"({"data":{"id":"1460323737035677698"},"x":frue})", "not_json"},
           {R"({"data":{"id":"1460323737035677698"},"x":1 2})", "not_json"},
           {R"({"data":{"id":"1460323737035677698"},"x" 1})", "not_json"},
           {std::string("{\"data\":{\"id\":\"1460323737035677698\"},\"x\":1\0}", 43), "not_json"},
           {std::string("{\"data\":{\"id\":\"1\0\"}}", 20), "not_json"},
           {"{\"data\":{\"id\":\"1460323737035677698\",\"text\":\"\xff\"}}", "bad_utf8"},
           {deep + std::string(100, '[') + std::string(100, ']') + "}}", "too_deep"},
           {R"({"data":{"id":1460323737035677698}})", "numeric_id"},
           {R"({"data":{"id":null}})", "numeric_id"},
           {R"({"id":1460323737035677698,"text":"no id_str"})", "numeric_id"},
           {R"({"data":{"id":""}})", "bad_id"},
           {R"({"data":{"id":"0"}})", "bad_id"},
           {R"({"data":{"id":"-1"}})", "bad_id"},
           {R"({"data":{"id":"007"}})", "bad_id"},
           {R"({"data":{"id":"9223372036854775808"}})", "bad_id"},
           {R"({"data":{"id":"1460323737035677698123"}})", "bad_id"},
           {R"({"id_str":"12x"})", "bad_id"},
           {R"({"id":""})", "bad_id"},
       }) {
    Scanned message(c.line);
    ASSERT_EQ(message->kind, Kind::kUnparsable) << c.line;
    EXPECT_EQ(UnparsableWord(message->reason), c.word) << c.line;
  }
  EXPECT_EQ(Scanned(R"({"data":{"id":"9223372036854775807"}})")->kind, Kind::kPost);
  // Root, data, then 62 arrays: depth 64 is allowed, 65 is not.
  for (int arrays : {62, 63}) {
    Scanned message(deep + std::string(arrays, '[') + std::string(arrays, ']') + "}}");
    EXPECT_EQ(message->kind, arrays == 62 ? Kind::kPost : Kind::kUnparsable) << arrays;
  }
}

TEST(ScanTest, TenThousandDeepIsRefusedWithoutRecursion) {
  Scanned message("{\"a\":" + std::string(10000, '[') + std::string(10000, ']') + "}");
  EXPECT_EQ(message->kind, Kind::kUnparsable);
  EXPECT_EQ(message->reason, UnparsableReason::kTooDeep);
}

TEST(ScanTest, BareNewlineInsideAStringIsTolerated) {
  Scanned post("{\"data\":{\"text\":\"two\nlines\",\"id\":\"1460323737035677698\"}}");
  ASSERT_EQ(post->kind, Kind::kPost);
  EXPECT_EQ(post->post_id, kId);
}

TEST(ScanTest, LoneSurrogateInTheTextIsAPostAndInATagGivesTheRulesId) {
  Scanned post(R"({"data":{"id":"1460323737035677698","text":"\ud800"},)"
               R"("matching_rules":[{"tag":"\ud800","id":"5"}]})");
  ASSERT_EQ(post->kind, Kind::kPost);
  EXPECT_EQ(post->rule_tags, (std::vector<absl::string_view>{"5"}));
}

TEST(ScanTest, TagsBeyondTheirBoundAreLeftOut) {
  std::string rule = absl::StrCat(R"({"tag":")", std::string(30000, 't'), R"("})");
  Scanned post(absl::StrCat(R"({"data":{"id":"1460323737035677698"},"matching_rules":[)", rule, ",",
                            rule, ",", rule, "]}"));
  ASSERT_EQ(post->kind, Kind::kPost);
  EXPECT_EQ(post->rule_tags.size(), 2);
}

TEST(ScanTest, MutatedPostsNeverGiveAnotherKindOfTrouble) {
  const std::string good =
      R"({"data":{"id":"1460323737035677698","text":"h\u00e9llo 😀","n":[1,-2.5e3,true,null]},)"
      R"("matching_rules":[{"id":"17","tag":"c"}],"errors":[{"title":"x"}],)"
      R"("gnip":{"matching_rules":[{"tag":"g"}]},"id_str":"5","disconnect":{"code":1}})";
  SeededRandom random(11);
  int posts = 0, events = 0, controls = 0, unparsable = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string line = good;
    for (uint64_t i = 0, n = 1 + random.Below(4); i < n && !line.empty(); ++i) {
      size_t at = random.Below(line.size());
      switch (random.Below(5)) {
        case 0:
          line[at] = static_cast<char>(random.Next());
          break;
        case 1:
          line[at] = "{}[]\",:\\0x"[random.Below(10)];
          break;
        case 2:
          line.erase(at, 1 + random.Below(20));
          break;
        case 3:
          line.insert(at, line.substr(random.Below(line.size()), random.Below(40)));
          break;
        default:
          line.resize(at);
      }
    }
    Scanned message(line);
    posts += message->kind == Kind::kPost;
    events += message->kind == Kind::kEvent;
    controls += message->kind == Kind::kControl;
    unparsable += message->kind == Kind::kUnparsable;
    if (message->kind == Kind::kPost) {
      ASSERT_GT(message->post_id, 0);
    }
    for (absl::string_view tag : message->rule_tags) ASSERT_FALSE(tag.empty());
  }
  EXPECT_GT(posts, 100);
  EXPECT_GT(controls, 10);
  EXPECT_GT(unparsable, 1000);
}

TEST(ScanTest, TruncationAnywhereIsNoticed) {
  const std::string good =
      R"({"data":{"id":"1460323737035677698","text":"h\u00e9llo"},"n":[1,{"a":true}]})";
  for (size_t length = 0; length < good.size(); ++length) {
    ASSERT_EQ(Scanned(good.substr(0, length))->kind, Kind::kUnparsable) << length;
  }
}

TEST(BoundedTextTest, CutsBetweenCharactersAndReplacesWhatIsNoUtf8) {
  EXPECT_EQ(BoundedText("abcdef", 3), "abc");
  EXPECT_EQ(BoundedText("a\xc3\xa9z", 2), "a");
  EXPECT_EQ(BoundedText("a\xc3\xa9z", 3), "a\xc3\xa9");
  EXPECT_EQ(BoundedText("a\xffz", 10), "a?z");
}

}  // namespace
}  // namespace braid
