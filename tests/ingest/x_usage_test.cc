#include "ingest/x_usage.h"

#include "gtest/gtest.h"

namespace braid {
namespace {

constexpr char kAnswer[] = R"({"data":{"cap_reset_day":15,"project_cap":"2000000",
  "project_id":"1","project_usage":340000,"daily_project_usage":{"project_id":1,"usage":[
  {"date":"2026-11-19T00:00:00.000Z","usage":"120000"},
  {"date":"2026-11-20T00:00:00.000Z","usage":110000},
  {"date":"yesterday","usage":5},{"date":"2026-11-21T00:00:00.000Z"}]}}})";

TEST(XUsageTest, NumbersAreReadAsStringsAndAsNumbers) {
  absl::StatusOr<XUsage> usage = ParseUsage(kAnswer);
  ASSERT_TRUE(usage.ok());
  EXPECT_EQ(usage->reset_day, 15);
  EXPECT_EQ(usage->project_cap, 2'000'000u);
  EXPECT_EQ(usage->project_usage, 340'000u);
  EXPECT_EQ(usage->days,
            (std::map<std::string, uint64_t>{{"2026-11-19", 120'000}, {"2026-11-20", 110'000}}));
}

TEST(XUsageTest, WhatIsNoAnswerIsRefused) {
  for (const char* bad : {"", "[]", "{}", R"({"data":[]})", R"({"errors":[{"title":"x"}]})"}) {
    EXPECT_FALSE(ParseUsage(bad).ok()) << bad;
  }
  EXPECT_TRUE(ParseUsage(R"({"data":{}})").ok()) << "members may be missing";
  EXPECT_FALSE(ParseUsage(std::string(kUsageAnswerMax + 1, ' ')).ok());
}

TEST(XUsageTest, ItIsAskedForWhereTheRestOfTheApiIs) {
  EXPECT_EQ(UsageUrl("https://api.x.com/2/tweets/search/stream/rules"),
            "https://api.x.com/2/usage/tweets?days=90&usage.fields=daily_project_usage");
  EXPECT_EQ(UsageUrl("https://data-api.x.com/rules/powertrack/accounts/a.json"), "");
}

}  // namespace
}  // namespace braid
