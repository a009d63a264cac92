#include "cli/usage_text.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/time/civil_time.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

v1::Usage TwoDays() {
  v1::Usage usage;
  usage.add_days()->set_date("2026-11-21");
  usage.add_days()->set_date("2026-11-20");
  usage.mutable_days(0)->mutable_counts()->set_posts(500);
  usage.mutable_days(1)->mutable_counts()->set_posts(1000);
  return usage;
}

TEST(UsageTextTest, WithoutXsFiguresThereIsNoColumnForThem) {
  std::string text = RenderUsageByDay(TwoDays());
  EXPECT_FALSE(absl::StrContains(text, "X SAYS")) << text;
  EXPECT_TRUE(absl::StrContains(text, "1,500")) << text;
}

TEST(UsageTextTest, XsFiguresStandBesideOurs) {
  v1::Usage usage = TwoDays();
  usage.mutable_days(1)->set_x_posts(1100);
  usage.mutable_x_usage()->set_project_posts(1600);
  usage.mutable_x_usage()->set_project_cap(2'000'000);
  SetTime(absl::FromUnixSeconds(1'795'168'800), usage.mutable_x_usage()->mutable_observe_time());
  std::string text = RenderUsageByDay(usage);
  EXPECT_TRUE(absl::StrContains(text, "X SAYS")) << text;
  EXPECT_TRUE(absl::StrContains(text, "1,100")) << text;
  EXPECT_TRUE(absl::StrContains(text, "+10.0 %")) << text;
  EXPECT_TRUE(absl::StrContains(text, "1,600 of 2,000,000 posts this month")) << text;
  EXPECT_TRUE(absl::StrContains(text, "2026-11-20 10:00 UTC")) << text;
}

// X's reading of today is up to 20 minutes old.
TEST(UsageTextTest, PostsSinceTheReadingAreNoDifference) {
  v1::Usage usage = TwoDays();
  v1::XUsage* reading = usage.mutable_x_usage();
  absl::Time read = absl::FromCivil(absl::CivilSecond(2026, 11, 21, 10), absl::UTCTimeZone());
  SetTime(read, reading->mutable_observe_time());
  SetTime(read + absl::Minutes(12), usage.mutable_sample_time());
  reading->set_metered_posts(400);
  const std::pair<uint64_t, const char*> kCases[] = {
      {400, " 0.0 %"}, {450, " 0.0 %"}, {500, " 0.0 %"}, {360, "-10.0 %"}, {550, "+10.0 %"}};
  for (auto [posts, shown] : kCases) {
    usage.mutable_days(0)->set_x_posts(posts);
    std::string text = RenderUsageByDay(usage);
    EXPECT_TRUE(absl::StrContains(text, shown)) << posts << "\n" << text;
    EXPECT_TRUE(absl::StrContains(text, "12 min 0 s ago")) << text;
  }
  // Yesterday is over: all of it counts.
  usage.mutable_days(0)->clear_x_posts();
  usage.mutable_days(1)->set_x_posts(900);
  EXPECT_TRUE(absl::StrContains(RenderUsageByDay(usage), "-10.0 %"));
}

TEST(UsageTextTest, ADayBeforeTheLogBeganIsNotZero) {
  v1::Usage usage = TwoDays();
  usage.add_days()->set_date("2026-11-19");
  EXPECT_TRUE(absl::StrContains(RenderUsageByDay(usage), "2026-11-19      -      -           -"))
      << RenderUsageByDay(usage);
}

TEST(UsageTextTest, AnotherFirstDayOfTheMonthThanXsIsSaid) {
  v1::Usage usage = TwoDays();
  usage.set_reset_day(1);
  usage.mutable_x_usage()->set_reset_day(15);
  EXPECT_FALSE(absl::StrContains(RenderUsageByDay(usage), "!")) << "no limit counts by month";
  usage.add_limits()->set_per("month");
  EXPECT_TRUE(absl::StrContains(RenderUsageByDay(usage),
                                "! X counts from day 15 of the month, the limits from day 1"));
  usage.set_reset_day(15);
  EXPECT_FALSE(absl::StrContains(RenderUsageByDay(usage), "!"));
}

}  // namespace
}  // namespace braid
