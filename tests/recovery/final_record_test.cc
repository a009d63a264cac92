#include "recovery/final_record.h"

#include <gtest/gtest.h>

#include "absl/time/time.h"

namespace braid {
namespace {

int64_t At(const char* text) {
  absl::Time time;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, nullptr));
  return absl::ToUnixMicros(time);
}

// As X's documents show them.
constexpr char kCompleted[] =
    R"({"info":{"message":"Replay Request Completed","sent":"2016-05-27T22:15:50+00:00",)"
    R"("activity_count":8874}})";
constexpr char kWithErrors[] =
    R"({"info":{"message":"Replay Request Completed with Errors","activity_count":3,)"
    R"("minutes_failed":["2013-02-20T00:05:00+00:00","2013-02-20T00:09:00+00:00"]}})";
constexpr char kFailed[] =
    R"({"info":{"message":"Replay Request Failed to Complete","activity_count":0,)"
    R"("unprocessed_range":{"fromDate":"2016-06-26T00:00:00+00:00",)"
    R"("toDate":"2016-06-26T00:01:00+00:00"}}})";

TEST(FinalRecordTest, EveryFormIsUnderstood) {
  auto completed = ParseFinalRecord(kCompleted);
  ASSERT_TRUE(completed.has_value());
  EXPECT_EQ(completed->kind, FinalRecord::Kind::kCompleted);
  EXPECT_EQ(completed->activity_count, 8874u);
  auto with_errors = ParseFinalRecord(kWithErrors);
  ASSERT_TRUE(with_errors.has_value());
  EXPECT_EQ(with_errors->kind, FinalRecord::Kind::kWithErrors);
  ASSERT_EQ(with_errors->missing.size(), 2u);
  EXPECT_EQ(with_errors->missing[1],
            (Interval{At("2013-02-20T00:09:00+00:00"), At("2013-02-20T00:10:00+00:00")}));
  auto failed = ParseFinalRecord(kFailed);
  ASSERT_TRUE(failed.has_value());
  EXPECT_EQ(failed->kind, FinalRecord::Kind::kFailed);
  EXPECT_EQ(failed->missing[0],
            (Interval{At("2016-06-26T00:00:00+00:00"), At("2016-06-26T00:01:00+00:00")}));
  EXPECT_TRUE(ParseFinalRecord(R"({"info":{"message":"Recovery Request Completed"}})").has_value());
}

TEST(FinalRecordTest, WhatIsNotUnderstoodInFullIsNone) {
  for (const char* line :
       {"", "{", "[]", "{}", R"({"info":1})", R"({"info":{}})",
        R"({"info":{"message":"Completed"}})", R"({"info":{"message":"Replay Request Accepted"}})",
        R"({"info":{"message":"Replay Request Completed with Errors"}})",
        R"({"info":{"message":"Replay Request Completed with Errors","minutes_failed":[]}})",
        R"({"info":{"message":"Replay Request Completed with Errors","minutes_failed":["x"]}})",
        R"({"info":{"message":"Replay Request Failed to Complete"}})",
        R"({"info":{"message":"Replay Request Failed to Complete","unprocessed_range":)"
        R"({"fromDate":"2016-06-26T00:01:00+00:00","toDate":"2016-06-26T00:01:00+00:00"}}})"}) {
    EXPECT_FALSE(ParseFinalRecord(line).has_value()) << line;
  }
}

}  // namespace
}  // namespace braid
