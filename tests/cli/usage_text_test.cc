#include "cli/usage_text.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
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

}  // namespace
}  // namespace braid
