#include "ingest/x_backfill.h"

#include <gtest/gtest.h>

namespace braid {
namespace {

TEST(BackfillTest, ByDefaultEveryAttemptAsksForAll) {
  BackfillRule rule{5, absl::nullopt};
  EXPECT_EQ(BackfillMinutes(rule, absl::nullopt, false), 5);
  EXPECT_EQ(BackfillMinutes(rule, absl::Seconds(1), false), 5);
}

TEST(BackfillTest, MeasuredIsWhatPassedAndTheMarginRoundedUp) {
  BackfillRule rule{5, absl::Seconds(30)};
  struct Case {
    absl::Duration since;
    int minutes;
  };
  for (const Case& c : {Case{absl::ZeroDuration(), 1}, Case{absl::Seconds(30), 1},
                        Case{absl::Seconds(31), 2}, Case{absl::Seconds(90), 2},
                        Case{absl::Minutes(4), 5}, Case{absl::Hours(30), 5},
                        Case{absl::InfiniteDuration(), 5}}) {
    EXPECT_EQ(BackfillMinutes(rule, c.since, false), c.minutes) << c.since;
  }
  // After a start nobody knows.
  EXPECT_EQ(BackfillMinutes(rule, absl::nullopt, false), 5);
}

TEST(BackfillTest, NothingAfterAFullBufferNorWhereThePlanHasNone) {
  EXPECT_EQ(BackfillMinutes({5, absl::nullopt}, absl::Minutes(1), true), 0);
  EXPECT_EQ(BackfillMinutes({0, absl::nullopt}, absl::Minutes(1), false), 0);
  EXPECT_EQ(BackfillMinutes({0, absl::Seconds(30)}, absl::nullopt, false), 0);
}

}  // namespace
}  // namespace braid
