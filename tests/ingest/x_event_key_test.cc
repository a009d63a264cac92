#include "ingest/x_event_key.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "ingest/x_message.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

// Kind, ids and time of an event; a test reads like the line it is about.
struct Seen {
  v1::EventKind kind = v1::EVENT_KIND_UNSPECIFIED;
  std::string ids;
  absl::Time time;
  uint64_t hash = 0;
};

ScannedMessage ScanLine(absl::string_view line, v1::EventKind unknown) {
  std::string padded = absl::StrCat(line, std::string(kLinePaddingBytes, 'x'));
  MessageScanner scanner(unknown);
  ScannedMessage message = scanner.Scan({padded.data(), line.size()});
  // Views end with the scanner.
  message.rule_tags.clear();
  return message;
}

Seen KeyOf(absl::string_view line, v1::EventKind unknown = v1::EVENT_KIND_UNSPECIFIED) {
  ScannedMessage message = ScanLine(line, unknown);
  EXPECT_EQ(message.kind, ScannedMessage::Kind::kEvent) << line;
  Seen seen;
  seen.kind = message.key.kind();
  for (const std::string& id : message.key.object_ids()) absl::StrAppend(&seen.ids, id, " ");
  seen.time = ToTime(message.key.event_time());
  EXPECT_EQ(seen.time, message.create_time);
  seen.hash = message.key.members_hash();
  return seen;
}

const absl::Time kAt = absl::FromUnixMillis(1625596840000);  // 2021-07-06T18:40:40Z
constexpr absl::string_view kHex = "0123456789abcdef0123456789abcdef";

struct Case {
  std::string line;
  v1::EventKind kind;
  absl::string_view ids;
};

TEST(EventKeyTest, EachDocumentedEventHasItsKindIdsAndTime) {
  for (
      const Case& c : std::vector<Case>{
          // v2
          {R"({"data":{"delete":{"tweet":{"id":"1","author_id":"2"},"event_at":"2021-07-06T18:40:40.000Z","quote_tweet_id":"3"}}})",
           v1::EVENT_KIND_COMPLIANCE, "3 2 1 "},
          {R"({"data":{"withheld":{"tweet":{"id":"1","author_id":"2"},"withheld_in_countries":["DE"],"event_at":"2021-07-06T18:40:40.000Z"}}})",
           v1::EVENT_KIND_COMPLIANCE, "2 1 "},
          {R"({"data":{"drop":{"tweet":{"id":"1","author_id":"2"},"event_at":"2021-07-06T18:40:40.000Z"}}})",
           v1::EVENT_KIND_COMPLIANCE, "2 1 "},
          {R"({"data":{"undrop":{"tweet":{"id":"1","author_id":"2"},"event_at":"2021-07-06T18:40:40.000Z"}}})",
           v1::EVENT_KIND_COMPLIANCE, "2 1 "},
          {R"({"data":{"tweet_edit":{"tweet":{"id":"1"},"event_at":"2021-07-06T18:40:40.000Z","initial_tweet_id":"1","edit_tweet_ids":["1","9"]}}})",
           v1::EVENT_KIND_COMPLIANCE, "1 1 "},
          {R"({"data":{"user_protect":{"user":{"id":"5"},"event_at":"2021-07-06T18:40:40.000Z"}}})",
           v1::EVENT_KIND_COMPLIANCE, "5 "},
          {R"({"data":{"user_profile_modification":{"user":{"id":"5"},"profile_field":"x","new_value":"y","event_at":"2021-07-06T18:40:40.000Z"}}})",
           v1::EVENT_KIND_COMPLIANCE, "5 "},
          {R"({"data":{"scrub_geo":{"user":{"id":"5"},"up_to_tweet_id":"8","event_at":"2021-07-06T18:40:40.000Z"}}})",
           v1::EVENT_KIND_COMPLIANCE, "8 5 "},
          {R"({"data":{"delete":{"favorite":{"id":"1","user_id":"2"},"event_at":"2021-07-06T18:40:40.000Z"}}})",
           v1::EVENT_KIND_UNLIKE, "1 2 "},
          {absl::StrCat(
               R"({"data":{"id":")", kHex,
               R"(","created_at":"2021-07-06T18:40:40.000Z","liked_tweet_id":"7","tweet_author_id":"8"}})"),
           v1::EVENT_KIND_LIKE, "0123456789abcdef0123456789abcdef "},
          {R"({"data":{"public_tweet_notice":{"tweet":{"id":"1","author_id":"2"},"event_type":"x","event_at":"2021-07-06T18:40:40.000Z","application":"a"}}})",
           v1::EVENT_KIND_LABEL, "2 1 "},
          {R"({"data":{"event_uuid":"u","event_type":"profile.update.bio","filter":{"user_id":"4"},"payload":{"before":"a","after":"b"},"created_at":"2021-07-06T18:40:40.000Z"}})",
           v1::EVENT_KIND_ACTIVITY, "4 "},
          // Gnip
          {R"({"delete":{"status":{"id":601430178305220600,"id_str":"601430178305220608","user_id":3198576760,"user_id_str":"3198576760"},"timestamp_ms":"1625596840000"}})",
           v1::EVENT_KIND_COMPLIANCE, "601430178305220608 3198576760 "},
          {R"({"user_suspend":{"id":5,"timestamp_ms":"1625596840000"}})", v1::EVENT_KIND_COMPLIANCE,
           "5 "},
          {R"({"user_withheld":{"user":{"id":5},"withheld_in_countries":["XY"],"timestampMs":"2021-07-06T18:40:40.000Z"}})",
           v1::EVENT_KIND_COMPLIANCE, "5 "},
          {R"({"status_withheld":{"status":{"id":1,"id_str":"1","user_id":2,"user_id_str":"2"},"withheld_in_countries":["XY"],"timestamp_ms":"1625596840000"}})",
           v1::EVENT_KIND_COMPLIANCE, "1 2 "},
          {R"({"delete":{"favorite":{"tweet_id":1,"tweet_id_str":"1","user_id":2,"user_id_str":"2"},"timestamp_ms":"1625596840000"}})",
           v1::EVENT_KIND_UNLIKE, "1 2 "},
          {absl::StrCat(
               R"({"id":")", kHex,
               R"(","created_at":"Tue Jul 06 18:40:40 +0000 2021","timestamp_ms":"1625596840000","favorited_status":{"id":1},"user":{"created_at":"Wed Oct 10 20:19:24 +0000 2018"}})"),
           v1::EVENT_KIND_LIKE, "0123456789abcdef0123456789abcdef "},
      }) {
    Seen seen = KeyOf(c.line);
    EXPECT_EQ(seen.kind, c.kind) << c.line;
    EXPECT_EQ(seen.ids, c.ids) << c.line;
    EXPECT_EQ(seen.time, kAt) << c.line;
  }
}

TEST(EventKeyTest, OrderSpaceEscapesAndNeighboursMakeNoDifference) {
  Seen a = KeyOf(
      R"({"data":{"withheld":{"tweet":{"id":"1","author_id":"2"},"withheld_in_countries":["DE","é"],"event_at":"2021-07-06T18:40:40.000Z"}}})");
  Seen b = KeyOf(
      R"({"matching_rules":[{"id":"1"}], "data" : {"withheld":{"event_at":"2021-07-06T18:40:40.000Z","withheld_in_countries":["DE","\u00e9"],"tweet":{"author_id":"2","id":"1"}}},"includes":{}})");
  EXPECT_EQ(a.hash, b.hash);
  EXPECT_EQ(a.ids, b.ids);
  EXPECT_EQ(a.time, b.time);
}

TEST(EventKeyTest, AnyOtherMemberTimeIdOrNameMakesAnotherEvent) {
  std::string base =
      R"({"data":{"user_withheld":{"user":{"id":"5"},"withheld_in_countries":["DE"],"event_at":"2021-07-06T18:40:40.000Z"}}})";
  Seen first = KeyOf(base);
  for (auto [from, to] :
       std::vector<std::pair<std::string, std::string>>{{"DE", "FR"},
                                                        {"\"5\"", "\"6\""},
                                                        {"40:40", "40:41"},
                                                        {"user_withheld", "user_protect"}}) {
    std::string changed = base;
    changed.replace(changed.find(from), from.size(), to);
    Seen other = KeyOf(changed);
    EXPECT_TRUE(other.hash != first.hash || other.ids != first.ids || other.time != first.time)
        << changed;
  }
}

TEST(EventKeyTest, UnknownObjectsAreEventsOnlyWhereTheStreamSaysSo) {
  std::string line =
      R"({"data":{"user_blink":{"user":{"id":"5"},"event_at":"2021-07-06T18:40:40Z"}}})";
  EXPECT_EQ(KeyOf(line).kind, v1::EVENT_KIND_COMPLIANCE);  // user_… is enough
  std::string newer =
      R"({"data":{"tweet_blink":{"tweet":{"id":"5"},"event_at":"2021-07-06T18:40:40Z"}}})";
  EXPECT_EQ(ScanLine(newer, v1::EVENT_KIND_UNSPECIFIED).kind, ScannedMessage::Kind::kControl);
  Seen seen = KeyOf(newer, v1::EVENT_KIND_COMPLIANCE);
  EXPECT_EQ(seen.ids, "5 ");
  EXPECT_EQ(seen.time, kAt);
  // What X says about the connection stays a control message.
  for (absl::string_view control :
       {R"({"error":{"message":"x"}})", R"({"errors":[{"title":"x"}]})",
        R"({"info":{"message":"x"}})", R"({"type":"connection_metadata","timestamp":1})"}) {
    EXPECT_EQ(ScanLine(control, v1::EVENT_KIND_COMPLIANCE).kind, ScannedMessage::Kind::kControl)
        << control;
  }
}

TEST(EventKeyTest, ATimeThatIsNoneIsLeftOut) {
  for (absl::string_view time : {"9223372036854775807", "-1", "\"0\"", "\"0001-01-01T00:00:00Z\"",
                                 "\"9999-12-31T23:59:59Z\"", "1e300", "null", "{}"}) {
    std::string line = absl::StrCat(R"({"user_delete":{"id":5,"timestamp_ms":)", time, "}}");
    EXPECT_EQ(KeyOf(line).time, absl::UnixEpoch()) << line;
  }
}

TEST(EventKeyTest, WithoutATimeItIs1970AndWithABrokenEscapeTheBytesCount) {
  EXPECT_EQ(KeyOf(R"({"data":{"event_type":"a","payload":{"x":1}}})").time, absl::UnixEpoch());
  Seen broken = KeyOf(R"({"data":{"user_delete":{"user":{"id":"5","name":"\ud800"}}}})");
  EXPECT_EQ(broken.ids, "");
  EXPECT_NE(broken.hash,
            KeyOf(R"({"data":{"user_delete":{"user":{"id":"6","name":"\ud800"}}}})").hash);
}

}  // namespace
}  // namespace braid
