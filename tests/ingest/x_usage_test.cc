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
  EXPECT_EQ(usage->days, (std::map<std::string, uint64_t>{{"2026-11-19", 120'000},
                                                          {"2026-11-20", 110'000}}));
}

TEST(XUsageTest, WhatIsNoAnswerIsRefused) {
  for (const char* bad : {"", "[]", "{}", R"({"data":[]})", R"({"errors":[{"title":"x"}]})"}) {
    EXPECT_FALSE(ParseUsage(bad).ok()) << bad;
  }
  EXPECT_TRUE(ParseUsage(R"({"data":{}})").ok()) << "members may be missing";
  EXPECT_FALSE(ParseUsage(std::string(kUsageAnswerMax + 1, ' ')).ok());
}

TEST(XUsageTest, DaysThatDifferAreNamed) {
  XUsage usage = *ParseUsage(kAnswer);
  auto days = CompareUsage({{"2026-11-18", 7}, {"2026-11-19", 119'900}, {"2026-11-20", 90'000}},
                           usage, 0.01);
  ASSERT_EQ(days.size(), 2u);
  EXPECT_FALSE(days[0].differs);
  EXPECT_TRUE(days[1].differs);
  EXPECT_EQ(days[1].billed, 110'000u);
}

}  // namespace
}  // namespace braid
