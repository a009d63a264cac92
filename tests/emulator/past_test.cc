// Backfill, recovery, replay: what X sends again, and how such a job ends. And
// scenarios.

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "proto/snowflake.h"
#include "tests/emulator/emulator_fixture.h"
#include "tests/emulator/json_slice.h"
#include "tests/emulator/scenario.h"

namespace braid::emulator {
namespace {

using absl::StrCat;
using absl::StrContains;

// Any date will do; that none of it is near the host's clock is the point.
const absl::Time kStart = absl::FromUnixSeconds(1700000040);

class PastTest : public EmulatorFixture {
 protected:
  PastTest() {
    options_.rate = 5;
    options_.past = absl::Hours(1);
    options_.server.job_rate = 0;
  }

  void StartAt(absl::Time start) {
    options_.clock_offset = start - absl::Now();
    StartEmulator();
  }
  static std::string Iso(absl::Time time) {
    return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
  }
  static std::string Minute(absl::Time time) {
    return absl::FormatTime("%Y%m%d%H%M", time, absl::UTCTimeZone());
  }
  static std::string Span(absl::Duration from_ago, absl::Duration until_ago) {
    return StrCat("start_time=", Iso(kStart - from_ago), "&end_time=", Iso(kStart - until_ago));
  }
  static std::string Replay(const std::string& type = "firehose") {
    return StrCat("/replay/", type, "/accounts/me/publishers/twitter/prod.json?fromDate=",
                  Minute(kStart - absl::Minutes(50)),
                  "&toDate=", Minute(kStart - absl::Minutes(40)));
  }
};

std::vector<uint64_t> Ids(const std::vector<std::string>& records) {
  std::vector<uint64_t> ids;
  for (const std::string& record : records) {
    uint64_t id = 0;
    std::string text = DataId(record);
    if (text.empty()) text = std::string(JsonMember(record, "id"));
    if (absl::SimpleAtoi(text, &id)) ids.push_back(id);
  }
  return ids;
}

TEST_F(PastTest, BackfillSendsOlderPostsFirstThenLiveOnesWithoutAGap) {
  options_.rate = 200;
  options_.past = absl::Minutes(3);
  StartAt(kStart);
  auto client = Open(StrCat(kFiltered, "?backfill_minutes=1"));
  std::vector<uint64_t> ids = Ids(ReadRecords(client.get(), 200 * 60 + 100));
  EXPECT_NEAR(absl::ToDoubleSeconds(kStart - SnowflakeTime(ids.front())), 60, 15);
  EXPECT_LT(SnowflakeTime(ids[100]), SnowflakeTime(ids[10000]));
  Truth truth = TheTruth();
  EXPECT_EQ(truth.connections[0].sent.size(), 1u) << "one range, nothing between is missing";
}

TEST_F(PastTest, BackfillCanBeIgnoredPartialOrInterleaved) {
  options_.rate = 200;
  options_.past = absl::Minutes(3);
  StartAt(kStart);
  std::string target = StrCat(kFiltered, "?backfill_minutes=1");
  ASSERT_EQ(Ask("/set?backfill=ignored"), 200);
  EXPECT_GE(SnowflakeTime(Ids(ReadRecords(Open(target).get(), 1))[0]), kStart - absl::Seconds(2));
  ASSERT_EQ(Ask("/set?backfill=partial"), 200);
  absl::Duration reach = kStart - SnowflakeTime(Ids(ReadRecords(Open(target).get(), 1))[0]);
  EXPECT_NEAR(absl::ToDoubleSeconds(reach), 30, 14);
  ASSERT_EQ(Ask("/set?backfill=interleaved&bytes_per_second=2000000"), 200);
  auto client = Open(target);
  std::vector<uint64_t> ids = Ids(ReadRecords(client.get(), 3000));
  auto is_live = [](uint64_t id) { return SnowflakeTime(id) > kStart; };
  auto first_live = std::find_if(ids.begin(), ids.end(), is_live);
  ASSERT_NE(first_live, ids.end());
  EXPECT_FALSE(std::all_of(first_live, ids.end(), is_live)) << "older ones follow";
}

TEST_F(PastTest, NoBackfillForTheReconnectAfterAFullBuffer) {
  options_.rate = 200;
  options_.past = absl::Minutes(2);
  StartAt(kStart);
  std::string target = StrCat(kFiltered, "?backfill_minutes=1&connection=a");
  auto oldest = [&] { return SnowflakeTime(Ids(ReadRecords(Open(target).get(), 1))[0]); };
  auto client = Open(target);
  ReadRecord(client.get());
  ASSERT_EQ(Ask("/close?how=full-buffer-silent"), 200);
  ReadToEnd(client.get());
  EXPECT_GE(oldest(), kStart - absl::Seconds(2));
  EXPECT_LT(oldest(), kStart - absl::Seconds(40)) << "only that one reconnect";
}

TEST_F(PastTest, RecoverySendsExactlyTheSpanMinuteByMinuteAndEnds) {
  StartAt(kStart);
  auto client = Open(StrCat(kFiltered, "?", Span(absl::Minutes(9), absl::Minutes(6))));
  std::vector<uint64_t> ids = Ids(ReadToEnd(client.get()));
  EXPECT_EQ(client->end(), StreamEnd::kZeroChunk);
  for (size_t i = 1; i < ids.size(); ++i) {
    EXPECT_LE(absl::ToUnixSeconds(SnowflakeTime(ids[i - 1])) / 60,
              absl::ToUnixSeconds(SnowflakeTime(ids[i])) / 60);
  }
  Truth truth = TheTruth();
  std::set<uint64_t> expected;
  for (uint64_t id : truth.CreatedIds()) {
    absl::Time created = SnowflakeTime(id);
    if (created >= kStart - absl::Minutes(9) && created < kStart - absl::Minutes(6)) {
      expected.insert(id);
    }
  }
  EXPECT_GT(expected.size(), 800u);
  EXPECT_EQ(std::set<uint64_t>(ids.begin(), ids.end()), expected);
  EXPECT_EQ(truth.connections[0].end_kind, EndKind::kJobDone);
}

TEST_F(PastTest, EmptyMinutesOfARecoveryAreHeartbeats) {
  options_.rate = 0;
  StartAt(kStart);
  auto client = Open(StrCat(kFiltered, "?", Span(absl::Minutes(9), absl::Minutes(6))));
  int empty = 0;
  std::string line;
  while (client->ReadLine(&line)) empty += line.empty() ? 1 : 0;
  EXPECT_EQ(empty, 3);
}

TEST_F(PastTest, DeletedPostsAreMissingInARecovery) {
  options_.mix.deletes = 0.5;
  StartAt(kStart);
  auto client = Open(StrCat(kFiltered, "?", Span(absl::Minutes(9), absl::Minutes(6))));
  size_t count = ReadToEnd(client.get()).size();
  EXPECT_GT(count, 300u);
  EXPECT_LT(count, 700u);
}

TEST_F(PastTest, JobsHaveARateAndThereAreTwoAtATime) {
  options_.server.job_rate = 50;
  StartAt(kStart);
  std::string target = StrCat(kFiltered, "?", Span(absl::Minutes(9), absl::Minutes(6)));
  absl::Time begin = absl::Now();
  auto first = Open(target);
  auto second = Open(target);
  EXPECT_EQ(Get(target).first, 429);
  auto live = Open(kFiltered);
  ASSERT_EQ(ReadRecords(first.get(), 50).size(), 50u);
  EXPECT_GE(absl::Now() - begin, absl::Milliseconds(900));
}

TEST_F(PastTest, GnipRecoveryEndsWithItsMessage) {
  StartAt(kStart);
  std::string target = StrCat(kPowertrack, "?startTime=", Iso(kStart - absl::Minutes(5)),
                              "&endTime=", Iso(kStart - absl::Minutes(4)));
  std::vector<std::string> records = ReadToEnd(Open(target, kGzipHeader).get());
  EXPECT_TRUE(StrContains(records.back(),
                          "{\"info\":{\"message\":\"Recovery Request Completed\",\"sent\":\"2023-"))
      << records.back();
  EXPECT_TRUE(StrContains(records.back(), StrCat("\"activity_count\":", records.size() - 1)));
}

struct ReplayRow {
  const char* command;
  const char* last;
  double share_min;
  double share_max;
};

TEST_F(PastTest, EveryEndOfAReplayHasItsText) {
  const ReplayRow kRows[] = {
      {"/set?job_fault=none", "{\"info\":{\"message\":\"Replay Request Completed\",\"sent\":", 1,
       1},
      {"/set?job_fault=errors&job_failed_minutes=2", "\"Replay Request Completed with Errors\"",
       0.7, 0.9},
      {"/set?job_fault=failed", "\"Replay Request Failed to Complete\"", 0.4, 0.6},
      {"/set?job_fault=premature", "\"id_str\"", 0.4, 0.6},
      {"/set?job_fault=lost-final", "\"id_str\"", 1, 1},
  };
  StartAt(kStart);
  double whole = 0;
  for (const ReplayRow& row : kRows) {
    ASSERT_EQ(Ask(row.command), 200);
    std::vector<std::string> records = ReadToEnd(Open(Replay(), kGzipHeader).get());
    ASSERT_FALSE(records.empty());
    auto count = static_cast<double>(Ids(records).size());
    if (whole == 0) whole = count;
    EXPECT_GT(count, 0);
    EXPECT_TRUE(StrContains(records.back(), row.last)) << records.back();
    EXPECT_GE(count, whole * row.share_min) << row.command;
    EXPECT_LE(count, whole * row.share_max) << row.command;
    if (StrContains(row.command, "errors")) {
      EXPECT_TRUE(StrContains(records.back(), "\"minutes_failed\":[\"2023-")) << records.back();
    }
    if (StrContains(row.command, "=failed")) {
      EXPECT_TRUE(StrContains(records.back(), "\"unprocessed_range\":{\"fromDate\":\"2023-"));
    }
  }
  EXPECT_GT(whole, 2500);
}

TEST_F(PastTest, ReplayChecksItsDatesAndItsBudget) {
  options_.server.connect_limit = -1;
  StartAt(kStart);
  std::string base = "/replay/powertrack/accounts/a/publishers/twitter/b.json?fromDate=";
  auto ask = [&](absl::Duration from_ago, absl::Duration until_ago) {
    return Get(StrCat(base, Minute(kStart - from_ago), "&toDate=", Minute(kStart - until_ago)),
               kGzipHeader);
  };
  auto young = ask(absl::Minutes(50), absl::Minutes(10));
  EXPECT_EQ(young.first, 406);
  EXPECT_TRUE(StrContains(young.second,
                          "Invalid date for query parameter 'toDate'. Can't ask for tweets from "
                          "within the past 30 minutes."))
      << young.second;
  EXPECT_EQ(ask(absl::Minutes(20), absl::Minutes(10)).first, 406);
  EXPECT_EQ(ask(absl::Hours(200), absl::Hours(1)).first, 406);
  EXPECT_EQ(ask(absl::Minutes(40), absl::Minutes(50)).first, 406);
  EXPECT_EQ(ask(absl::Minutes(50), absl::Minutes(40)).first, 200);
  EXPECT_EQ(ask(absl::Minutes(50), absl::Minutes(40)).first, 429) << "5 in 5 minutes";
}

TEST_F(PastTest, ScenarioDoesItsStepsInTime) {
  auto steps = ParseScenario(
      "- {at: 0.2, do: '/set?gnip_keep_alive=5'}\n"
      "- every: 0.05\n"
      "  do: /send?kind=unknown-type\n");
  ASSERT_TRUE(steps.ok()) << steps.status();
  options_.scenario = *steps;
  options_.rate = 0;
  StartEmulator();
  auto client = Open(kFiltered);
  std::vector<std::string> records = ReadRecords(client.get(), 3);
  ASSERT_EQ(records.size(), 3u);
  EXPECT_TRUE(StrContains(records[2], "a_new_kind")) << records[2];
}

TEST(ScenarioTest, MistakesNameTheirStep) {
  EXPECT_TRUE(ParseScenario(R"([{"at": 1, "do": "/close?how=zero"}])").ok());
  for (const char* text :
       {"at: 1", "- {at: 1}", "- {do: /x}", "- {at: 1, every: 2, do: /x}", "- {at: -1, do: /x}",
        "- {at: 1, do: x}", "- {at: 1, do: /x, who: me}", "- {every: 0, do: /x}", "- ["}) {
    EXPECT_FALSE(ParseScenario(text).ok()) << text;
  }
  EXPECT_TRUE(
      StrContains(ParseScenario("- {at: 1, do: /x}\n- {at: 1}").status().message(), "step 2"));
}

}  // namespace
}  // namespace braid::emulator
