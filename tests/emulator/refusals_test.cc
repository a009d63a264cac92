// Every way X says no to a stream, and who is cut when there are too many.

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/emulator/emulator_fixture.h"

namespace braid::emulator {
namespace {

using absl::StrCat;

constexpr char kFiltered[] = "/2/tweets/search/stream";
constexpr char kBearer[] = "Authorization: Bearer token\r\n";
// user:word
constexpr char kBasic[] = "Authorization: Basic dXNlcjp3b3Jk\r\nAccept-Encoding: gzip\r\n";

std::string Gnip(const std::string& type, const std::string& query = "") {
  return StrCat("/stream/", type, "/accounts/me/publishers/twitter/prod.json", query);
}

struct RefusalRow {
  const char* why;
  std::string target;
  std::string headers;
  const char* command;  // before; "": none
  int status;
  const char* text;  // part of head or body
};

std::vector<RefusalRow> Rows() {
  return {
      {"token", kFiltered, "", "", 401, R"("title":"Unauthorized")"},
      {"scheme", kFiltered, kBasic, "", 401, "Unauthorized"},
      {"password", Gnip("powertrack"), "Accept-Encoding: gzip\r\n", "", 401,
       R"({"error":{"message":)"},
      {"no gzip", Gnip("powertrack"), "Authorization: Basic dXNlcjp3b3Jk\r\n", "", 406,
       "must be compressed"},
      {"path", "/2/tweets/no/stream", kBearer, "", 404, "resource-not-found"},
      {"Gnip path", "/stream/no/accounts/a/publishers/twitter/b.json", kBasic, "", 404,
       R"({"error":)"},
      {"no partition", "/2/tweets/firehose/stream", kBearer, "", 400, "invalid-request"},
      {"partition", "/2/tweets/firehose/stream?partition=21", kBearer, "", 400, "1 and 20"},
      {"Gnip partition", Gnip("sample10", "?partition=3"), kBasic, "", 400, "1 and 2"},
      {"backfill", StrCat(kFiltered, "?backfill_minutes=6"), kBearer, "", 400, "between 0 and 5"},
      {"sample has no recovery", "/2/tweets/sample/stream?start_time=2026-01-01T00:00:00Z", kBearer,
       "", 400, "start_time"},
      {"recovery too old", StrCat(kFiltered, "?start_time=2020-01-01T00:00:00Z"), kBearer, "", 400,
       "recovery window"},
      {"recovery form", StrCat(kFiltered, "?start_time=yesterday"), kBearer, "", 400, "YYYY"},
      {"replay form",
       "/replay/powertrack/accounts/a/publishers/twitter/b.json?fromDate=2026-01-01&toDate=1",
       kBasic, "", 406, "Expected format is 'yyyyMMddHHmm'"},
      {"no rules", kFiltered, kBearer, "/set?needs_rules=yes", 409, "RuleConfigurationIssue"},
      {"rate", kFiltered, kBearer, "/set?needs_rules=no&connect_limit=1", 429,
       "x-rate-limit-remaining: 0"},
      {"rate body", kFiltered, kBearer, "", 429, R"("title":"Too Many Requests")"},
      {"budgets are per stream", "/2/users/compliance/stream?partition=9", kBearer, "", 400, ""},
      {"Gnip rate", Gnip("mentions", "?backfillMinutes=9"), kBasic, "", 400, ""},
      {"Gnip rate again", Gnip("mentions"), kBasic, "", 429, "Exceeded connection limit"},
      {"slots", kFiltered, kBearer, "/set?connect_limit=0&slots=0", 429, "TooManyConnections"},
      {"slots is no rate", kFiltered, kBearer, "", 429, "x-transaction-id: "},
      {"by order", kFiltered, kBearer, "/refuse?how=429-usage&seconds=60", 429, "UsageCapExceeded"},
      {"402", kFiltered, kBearer, "/refuse?how=402&seconds=60", 402, "CreditsDepleted"},
      {"402", kFiltered, kBearer, "/refuse?how=402-spend-cap&seconds=60", 402, "SpendCapReached"},
      {"403", kFiltered, kBearer, "/refuse?how=403&seconds=60", 403, "client-not-enrolled"},
      {"403", kFiltered, kBearer, "/refuse?how=403-authentication&seconds=60", 403,
       "unsupported-authentication"},
      {"409", kFiltered, kBearer, "/refuse?how=409-provisioning&seconds=60", 409,
       "ProvisioningSubscription"},
      {"409", kFiltered, kBearer, "/refuse?how=409-rules-invalid&seconds=60", 409,
       "RulesInvalidIssue"},
      {"420", Gnip("firehose", "?partition=1"), kBasic, "/refuse?how=420&seconds=60", 420,
       R"({"error":)"},
      {"413", Gnip("firehose", "?partition=1"), kBasic, "/refuse?how=413&seconds=60", 413, ""},
      {"416", Gnip("firehose", "?partition=1"), kBasic, "/refuse?how=416&seconds=60", 416, ""},
      {"429", kFiltered, kBearer, "/refuse?how=429-code-88&seconds=60", 429, R"("code":88)"},
      {"500", kFiltered, kBearer, "/refuse?how=500&seconds=60", 500, ""},
      {"502", kFiltered, kBearer, "/refuse?how=502&seconds=60", 502, ""},
      {"503", kFiltered, kBearer, "/refuse?how=503&seconds=60", 503, "Service Unavailable"},
      {"503", Gnip("firehose", "?partition=1"), kBasic, "", 503, R"("sent":")"},
      {"504", kFiltered, kBearer, "/refuse?how=504&seconds=60", 504, ""},
  };
}

class RefusalsTest : public EmulatorFixture {};

TEST_F(RefusalsTest, EveryRefusalHasItsStatusAndText) {
  options_.server.credentials = {"token", "user:word"};
  StartEmulator();
  size_t asked = 0;
  for (const RefusalRow& row : Rows()) {
    if (*row.command != '\0') {
      ASSERT_EQ(Ask(row.command), 200) << row.command;
    }
    auto [status, text] = Get(row.target, row.headers);
    EXPECT_EQ(status, row.status) << row.why << ": " << text;
    EXPECT_TRUE(absl::StrContains(text, row.text)) << row.why << ": " << text;
    ++asked;
  }
  Truth truth = TheTruth();
  ASSERT_EQ(truth.requests.size(), asked);
  EXPECT_EQ(truth.requests[0].line, StrCat("GET ", kFiltered));
  EXPECT_EQ(truth.requests[0].status, 401);
}

TEST_F(RefusalsTest, RefusalsCanBeForOneClientOrStreamOnly) {
  StartEmulator();
  ASSERT_EQ(Ask("/refuse?how=503&seconds=60&tag=bad"), 200);
  ASSERT_EQ(Ask("/refuse?how=403&seconds=60&endpoint=sample_stream"), 200);
  EXPECT_EQ(Get(StrCat(kFiltered, "?connection=bad-one")).first, 503);
  EXPECT_EQ(Get("/2/tweets/sample/stream").first, 403);
  Open(StrCat(kFiltered, "?connection=good"));
}

TEST_F(RefusalsTest, SlotsAreCountedPerPartitionAndStream) {
  options_.server.slots = 1;
  StartEmulator();
  auto first = Open("/2/tweets/sample10/stream?partition=1");
  auto second = Open("/2/tweets/sample10/stream?partition=2");
  auto other = Open(kFiltered);
  EXPECT_EQ(Get("/2/tweets/sample10/stream?partition=1").first, 429);
}

TEST_F(RefusalsTest, GnipEndsTheNewestAfterItsGraceAndTheOldestIfAsked) {
  options_.server.gnip_grace = absl::Milliseconds(200);
  StartEmulator();
  auto first = Open(kPowertrack, kGzipHeader);
  auto second = Open(kPowertrack, kGzipHeader);
  auto third = Open(kPowertrack, kGzipHeader);
  std::vector<std::string> records = ReadToEnd(third.get());
  ASSERT_GT(records.size(), 10u) << "it lives until the grace is over";
  EXPECT_TRUE(absl::StrContains(
      records.back(), "Forced Disconnect: Too many connections. (Allowed Connections = 2)"))
      << records.back();
  EXPECT_EQ(third->end(), StreamEnd::kZeroChunk);
  ASSERT_EQ(Ask("/set?gnip_ends=oldest"), 200);
  auto fourth = Open(kPowertrack, kGzipHeader);
  EXPECT_TRUE(absl::StrContains(ReadToEnd(first.get()).back(), "Forced Disconnect"));
  ReadRecord(second.get());
  Truth truth = TheTruth();
  EXPECT_EQ(truth.connections[2].end_kind, EndKind::kTooManyConnections);
  EXPECT_EQ(truth.connections[0].end_kind, EndKind::kTooManyConnections);
}

TEST_F(RefusalsTest, ZombieKeepsItsSlotAfterTheClientIsGone) {
  options_.server.slots = 1;
  options_.server.zombie_slot = absl::Milliseconds(300);
  StartEmulator();
  ReadRecord(Open(StrCat(kFiltered, "?connection=a")).get());
  int refusals = 0;
  // The slot comes free by itself; until then every attempt is refused.
  while (Get(kFiltered).first == 429) ++refusals;
  EXPECT_GT(refusals, 0);
}

TEST(StreamSlotsTest, GraceBeginsAgainWhenTheExcessIsGone) {
  StreamSlots slots;
  auto overdue = [&](int seconds) {
    return slots.Overdue(2, absl::Seconds(60), true, absl::Seconds(seconds));
  };
  for (uint32_t stream : {1, 2, 3}) slots.Take("key", stream, true);
  EXPECT_TRUE(overdue(0).empty());
  slots.ReleaseNow(1);
  EXPECT_TRUE(overdue(30).empty());
  slots.Take("key", 4, true);
  EXPECT_TRUE(overdue(61).empty());
  EXPECT_TRUE(overdue(120).empty());
  EXPECT_EQ(overdue(121), std::vector<uint32_t>{4});
}

TEST(StreamSlotsTest, BudgetStartsAgainWithItsWindow) {
  ConnectBudget budget;
  absl::Time now = absl::FromUnixSeconds(1800000000);
  EXPECT_EQ(budget.Count("a", 2, absl::Minutes(15), now).remaining(), 1);
  EXPECT_EQ(budget.Count("a", 2, absl::Minutes(15), now).remaining(), 0);
  EXPECT_EQ(budget.Count("b", 2, absl::Minutes(15), now).remaining(), 1);
  EXPECT_EQ(budget.Count("a", 2, absl::Minutes(15), now + absl::Minutes(15)).remaining(), 1);
}

}  // namespace
}  // namespace braid::emulator
