// What the streams carry, how their bytes come, and how they end.

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "proto/snowflake.h"
#include "tests/emulator/emulator_fixture.h"
#include "tests/emulator/end_messages.h"
#include "tests/emulator/json_slice.h"

namespace braid::emulator {
namespace {

using absl::StrCat;
using absl::StrContains;

constexpr char kFiltered[] = "/2/tweets/search/stream";

std::string Gnip(const std::string& type, const std::string& query = "") {
  return StrCat("/stream/", type, "/accounts/me/publishers/twitter/prod.json", query);
}

// Post id of a v2 or native record.
std::string IdOf(const std::string& record) {
  absl::string_view data = JsonMember(record, "data");
  absl::string_view id = data.empty() ? JsonMember(record, "id_str") : JsonMember(data, "id");
  return std::string(id);
}

class StreamsTest : public EmulatorFixture {
 protected:
  StreamsTest() { options_.rate = 3000; }
};

struct KindRow {
  std::string target;
  const char* text;  // part of its first record
};

TEST_F(StreamsTest, EveryStreamSendsItsOwnKind) {
  const KindRow kRows[] = {
      {kFiltered, "\"matching_rules\":[{"},
      {"/2/tweets/sample/stream", "\"data\":{"},
      {"/2/tweets/sample10/stream?partition=2", "\"data\":{"},
      {"/2/tweets/firehose/stream?partition=20", "\"data\":{"},
      {"/2/tweets/firehose/stream/lang/ja?partition=1", "\"lang\":\"ja\""},
      {"/2/likes/firehose/stream?partition=1", "\"liked_tweet_id\":"},
      {"/2/likes/sample10/stream?partition=1", "\"liked_tweet_id\":"},
      {"/2/likes/compliance/stream", "{\"data\":{\"delete\":{\"favorite\":{"},
      {"/2/tweets/compliance/stream?partition=1", "\"event_at\":"},
      {"/2/users/compliance/stream?partition=4", "\"user\":{\"id\":"},
      {"/2/tweets/label/stream", "{\"data\":{\"public_tweet_notice\":"},
      {"/2/activity/stream", "\"event_uuid\":"},
      {"/2/powerstream", "{\"type\":\"connection_metadata\",\"datacenter\":\"atla\""},
      {kPowertrack, "\"id_str\":\""},
      {Gnip("sample10", "?partition=1"), "\"timestamp_ms\":\""},
      {Gnip("sample10-likes", "?partition=2"), "\"favorited_status\":{\"created_at\""},
      {Gnip("firehose", "?partition=20"), "\"id_str\":\""},
      {Gnip("mentions"), "\"id_str\":\""},
      {Gnip("compliance", "?partition=8"), "timestamp"},
  };
  StartEmulator();
  for (const KindRow& row : kRows) {
    std::string record = ReadRecord(Open(row.target, kGzipHeader).get());
    EXPECT_TRUE(StrContains(record, row.text)) << row.target << ": " << record;
    EXPECT_EQ(record.front(), '{');
    EXPECT_EQ(record.back(), '}');
  }
  Truth truth = TheTruth();
  std::set<EventKind> kinds(truth.kinds.begin(), truth.kinds.end());
  EXPECT_EQ(kinds.size(), 7u) << "the truth tells them apart";
}

TEST_F(StreamsTest, PartitionsAreDisjointAndTogetherComplete) {
  StartEmulator();
  auto all = Open("/2/tweets/firehose/stream/lang/ja?partition=1");
  auto rest = Open("/2/tweets/firehose/stream/lang/ja?partition=2");
  ReadRecords(all.get(), 20);
  ASSERT_EQ(Ask("/close?how=zero"), 200);
  ReadToEnd(all.get());
  ReadToEnd(rest.get());
  Truth truth = TheTruth();
  auto first = truth.SentIds(truth.connections[0]);
  auto second = truth.SentIds(truth.connections[1]);
  ASSERT_FALSE(first.empty());
  ASSERT_FALSE(second.empty());
  for (uint64_t id : first) EXPECT_FALSE(second.contains(id));
}

TEST_F(StreamsTest, ShardsOfDatacentersAreDisjoint) {
  StartEmulator();
  auto atlanta = Open("/2/powerstream?localDcOnly=true&datacenter=atla");
  auto portland = Open("/2/powerstream?localDcOnly=true&datacenter=pdxa");
  EXPECT_TRUE(StrContains(portland->Head(),
                          "x-powerstream-datacenter: pdxa\r\n"
                          "x-powerstream-localdconly: true\r\n"));
  ReadRecords(atlanta.get(), 100);
  ReadRecords(portland.get(), 100);
  Truth truth = TheTruth();
  for (uint64_t id : truth.SentIds(truth.connections[0])) {
    EXPECT_FALSE(truth.SentIds(truth.connections[1]).contains(id));
  }
}

TEST_F(StreamsTest, ConsoleFormatsApplyToTheNextConnection) {
  StartEmulator();
  ASSERT_EQ(Ask("/set?gnip_format=activity&powerstream_framing=array"), 200);
  std::string activity = ReadRecord(Open(kPowertrack, kGzipHeader).get());
  EXPECT_TRUE(StrContains(activity, "{\"id\":\"tag:search.x.com,2005:")) << activity;
  std::string array = ReadRecords(Open("/2/powerstream").get(), 2).back();
  EXPECT_EQ(array.substr(0, 2), "[{");
  EXPECT_EQ(array.substr(array.size() - 2), "}]");
}

struct EndRow {
  std::string target;
  const char* command;
  StreamEnd end;
  const char* last;  // part of the last record; "": an ordinary one
};

TEST_F(StreamsTest, EveryEndOfEveryFamilyHasItsText) {
  const EndRow kRows[] = {
      {kFiltered, "/close?how=message", StreamEnd::kZeroChunk,
       "\"disconnect_type\":\"OperationalDisconnect\""},
      {kFiltered, "/close?how=message&type=UpstreamOperationalDisconnect", StreamEnd::kZeroChunk,
       "disconnected upstream for operational reasons."},
      {kFiltered, "/close?how=message&type=InvalidRules", StreamEnd::kZeroChunk, "InvalidRules"},
      {kFiltered, "/close?how=message&type=PackageDowngraded", StreamEnd::kZeroChunk,
       "PackageDowngraded"},
      {kFiltered, "/close?how=message&type=LegacyDisconnect", StreamEnd::kZeroChunk,
       "{\"disconnect\":{\"code\":4"},
      {kFiltered, "/close?how=full-buffer", StreamEnd::kZeroChunk, "SlowReader"},
      {kFiltered, "/close?how=full-buffer-silent", StreamEnd::kZeroChunk, ""},
      {kFiltered, "/close?how=zero", StreamEnd::kZeroChunk, ""},
      {kFiltered, "/close?how=truncated", StreamEnd::kCutOff, ""},
      {kFiltered, "/close?how=reset", StreamEnd::kReset, ""},
      {kPowertrack, "/close?how=message", StreamEnd::kZeroChunk,
       "{\"error\":{\"message\":\"This stream has been disconnected for operational reasons.\""},
      {kPowertrack, "/close?how=message&type=Maintenance", StreamEnd::kZeroChunk,
       "is closing for operational reasons"},
      {kPowertrack, "/close?how=message&type=SlowReader", StreamEnd::kZeroChunk,
       "unable to keep up with us."},
      {kPowertrack, "/close?how=full-buffer", StreamEnd::kZeroChunk,
       "Force closing connection to 127.0.0.1:"},
      {kPowertrack, "/close?how=reset", StreamEnd::kReset, ""},
  };
  StartEmulator();
  for (const EndRow& row : kRows) {
    auto client = Open(row.target, row.target == kPowertrack ? kGzipHeader : "");
    ReadRecords(client.get(), 3);
    ASSERT_EQ(Ask(row.command), 200) << row.command;
    std::vector<std::string> rest = ReadToEnd(client.get());
    EXPECT_EQ(client->end(), row.end) << row.command;
    if (*row.last != '\0') EXPECT_TRUE(StrContains(rest.back(), row.last)) << rest.back();
  }
}

TEST_F(StreamsTest, FullBufferIsCountedInPostsToo) {
  options_.server.send_buffer_bytes = 64 << 10;
  options_.server.stream.client_buffer_posts = 300;
  options_.server.stream.queue_bytes_max = 64 << 10;
  StartEmulator();
  auto client = Open(kFiltered);
  auto is_open = [this] {
    return StrContains(Control(emulator_->control_port(), "/connections").second,
                       "\"connection\":1");
  };
  while (is_open()) {
  }
  ReadToEnd(client.get());
  EXPECT_EQ(TheTruth().connections[0].end_kind, EndKind::kSlowClient);
}

TEST_F(StreamsTest, CutsInsideRecordsAndCharactersLoseNothing) {
  options_.rate = 100;
  StartEmulator();
  auto client = Open(kFiltered);
  ASSERT_EQ(Ask("/framing?chunk_bytes=3&segment_bytes=5&glued_keep_alives=1"), 200);
  for (const std::string& record : ReadRecords(client.get(), 40)) {
    EXPECT_FALSE(IdOf(record).empty()) << record;
  }
}

TEST_F(StreamsTest, KeepAlivesAreGluedToData) {
  StartEmulator();
  auto client = Open(kFiltered);
  ASSERT_EQ(Ask("/framing?glued_keep_alives=1"), 200);
  int empty = 0;
  std::string line;
  for (int i = 0; i < 2000 && empty == 0; ++i) {
    ASSERT_TRUE(client->ReadLine(&line));
    empty += line.empty() ? 1 : 0;
  }
  EXPECT_GT(empty, 0);
}

TEST_F(StreamsTest, TrickleIsAsSlowAsAsked) {
  StartEmulator();
  auto client = Open(kFiltered);
  ASSERT_EQ(Ask("/framing?bytes_per_second=40000"), 200);
  // 60 records are three seconds' worth; a second may have been on its way.
  absl::Time begin = absl::Now();
  ASSERT_EQ(ReadRecords(client.get(), 60).size(), 60u);
  EXPECT_GE(absl::Now() - begin, absl::Seconds(1));
}

TEST_F(StreamsTest, BadGzipHoldsRecordsBackUntilItHasEnough) {
  options_.server.stream.framing.gzip_flushes = false;
  options_.server.stream.keep_alive = absl::Hours(1);
  options_.rate = 0;
  StartEmulator();
  auto client = Open(kPowertrack, kGzipHeader);
  ASSERT_EQ(Ask("/rate?posts=3000"), 200);
  // The first bytes that come are many records at once.
  std::string first = ReadRecord(client.get());
  EXPECT_GT(client->decoded_bytes(), 5 * first.size());
  ASSERT_EQ(Ask("/close?how=zero"), 200);
  EXPECT_FALSE(ReadToEnd(client.get()).empty());
  EXPECT_EQ(client->end(), StreamEnd::kZeroChunk);
}

TEST_F(StreamsTest, HeartbeatsComeByTheFamilysPeriodAndNeverEarly) {
  options_.rate = 0;
  options_.server.stream.keep_alive = absl::Hours(1);
  options_.server.gnip_keep_alive = absl::Milliseconds(50);
  StartEmulator();
  auto client = Open(kPowertrack, kGzipHeader);
  std::string line;
  ASSERT_TRUE(client->ReadLine(&line));
  absl::Time begin = absl::Now();
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(client->ReadLine(&line));
  EXPECT_GE(absl::Now() - begin, absl::Milliseconds(150));
}

TEST_F(StreamsTest, ReorderedRecordsAllComeWhole) {
  StartEmulator();
  auto client = Open(StrCat(kFiltered, "?connection=mixed"));
  ASSERT_EQ(Ask("/scramble?reorder=0.1&numeric_ids=0.2"), 200);
  std::vector<std::string> records = ReadRecords(client.get(), 400);
  int numeric = 0;
  for (const std::string& record : records) {
    std::string id = IdOf(record);
    ASSERT_FALSE(id.empty()) << record;
    numeric += id[0] != '"' ? 1 : 0;
  }
  EXPECT_GT(numeric, 5);
  Truth truth = TheTruth();
  EXPECT_GT(truth.connections[0].sent.size(), 50u) << "they are not in order";
}

TEST_F(StreamsTest, VariantsHaveTheSameIdAndOtherBytes) {
  options_.mix.variants = 0.2;
  StartEmulator();
  auto client = Open("/2/tweets/firehose/stream?partition=1");
  std::map<std::string, std::string> seen;
  int variants = 0;
  for (const std::string& record : ReadRecords(client.get(), 200)) {
    auto [known, is_new] = seen.emplace(IdOf(record), record);
    variants += !is_new && known->second != record ? 1 : 0;
  }
  EXPECT_GT(variants, 3);
}

TEST_F(StreamsTest, LostTagIsMissingOnOneConnectionOnly) {
  StartEmulator();
  auto lossy = Open(StrCat(kFiltered, "?connection=lossy"));
  auto whole = Open(StrCat(kFiltered, "?connection=whole"));
  ASSERT_EQ(Ask("/scramble?lost_tag=news&tag=lossy"), 200);
  ASSERT_EQ(Ask("/rate?posts=3001"), 200);
  ReadRecords(lossy.get(), 3000);  // what was on its way before the order
  for (const std::string& record : ReadRecords(lossy.get(), 200)) {
    EXPECT_FALSE(StrContains(JsonMember(record, "matching_rules"), "\"news\"")) << record;
  }
  int tagged = 0;
  for (const std::string& record : ReadRecords(whole.get(), 200)) {
    tagged += StrContains(record, "\"news\"") ? 1 : 0;
  }
  EXPECT_GT(tagged, 5);
}

TEST_F(StreamsTest, EditsHaveNewIdsAndTheirHistory) {
  options_.mix.edits = 0.3;
  StartEmulator();
  int edits = 0;
  for (const std::string& record : ReadRecords(Open(kFiltered).get(), 100)) {
    absl::string_view data = JsonMember(record, "data");
    std::vector<absl::string_view> history =
        JsonElements(JsonMember(data, "edit_history_tweet_ids"));
    EXPECT_EQ(history.back(), JsonMember(data, "id"));
    edits += history.size() == 2 ? 1 : 0;
  }
  EXPECT_GT(edits, 5);
}

TEST_F(StreamsTest, LatePostsAppearLongAfterTheTimeInTheirId) {
  options_.mix.late = 0.1;
  StartEmulator();
  int late = 0;
  for (const std::string& record : ReadRecords(Open(kFiltered).get(), 200)) {
    uint64_t id = 0;
    ASSERT_TRUE(absl::SimpleAtoi(DataId(record), &id));
    late += absl::Now() - SnowflakeTime(id) > absl::Seconds(1900) ? 1 : 0;
  }
  EXPECT_GT(late, 3);
}

}  // namespace
}  // namespace braid::emulator
