#include "ingest/x_clock.h"

#include <gtest/gtest.h>

namespace braid {
namespace {

// Monotonic time has an arbitrary origin.
const absl::Time kNow = absl::FromUnixSeconds(1000);
const absl::Time kWall = absl::FromUnixSeconds(1700000000);

TEST(XClockTest, BeforeTheFirstAnswerItIsTheWallClock) {
  XClock clock(kWall, kNow);
  EXPECT_EQ(clock.At(kNow + absl::Seconds(3)), kWall + absl::Seconds(3));
  EXPECT_FALSE(clock.anchored());
}

TEST(XClockTest, FirstDateReplacesTheWallClockInBothDirections) {
  for (int hours : {-2, 2}) {
    XClock clock(kWall, kNow);
    clock.OnHead(kWall + absl::Hours(hours), kNow);
    EXPECT_EQ(clock.At(kNow + absl::Seconds(1)), kWall + absl::Hours(hours) + absl::Seconds(1));
    EXPECT_TRUE(clock.anchored());
  }
}

TEST(XClockTest, AnswerWithoutDateChangesNothing) {
  XClock clock(kWall, kNow);
  clock.OnHead(absl::nullopt, kNow + absl::Seconds(9));
  EXPECT_EQ(clock.At(kNow), kWall);
  EXPECT_FALSE(clock.anchored());
}

TEST(XClockTest, LaterDateThatAgreesDoesNotTakePrecisionAway) {
  XClock clock(kWall, kNow);
  clock.OnHead(kWall, kNow);
  ASSERT_TRUE(clock.OnEvent(kWall + absl::Milliseconds(900), kNow));
  // X's clock reads 10.9 s; its header says 10.
  clock.OnHead(kWall + absl::Seconds(10), kNow + absl::Seconds(10));
  EXPECT_EQ(clock.At(kNow + absl::Seconds(10)), kWall + absl::Milliseconds(10900));
}

TEST(XClockTest, LaterDateThatDisagreesAnchorsAnew) {
  for (int drift_seconds : {-5, 5}) {
    XClock clock(kWall, kNow);
    clock.OnHead(kWall, kNow);
    absl::Time date = kWall + absl::Hours(1) + absl::Seconds(drift_seconds);
    clock.OnHead(date, kNow + absl::Hours(1));
    EXPECT_EQ(clock.At(kNow + absl::Hours(1)), date);
  }
}

TEST(XClockTest, EventFromTheFutureMovesItForwardToExactlyThatEvent) {
  XClock clock(kWall, kNow);
  clock.OnHead(kWall, kNow);
  EXPECT_TRUE(clock.OnEvent(kWall + absl::Seconds(2), kNow + absl::Seconds(1)));
  EXPECT_EQ(clock.At(kNow + absl::Seconds(1)), kWall + absl::Seconds(2));
}

TEST(XClockTest, LatenessIsNeverDisagreement) {
  XClock clock(kWall, kNow);
  clock.OnHead(kWall, kNow);
  EXPECT_FALSE(clock.OnEvent(kWall - absl::Hours(5), kNow));
  EXPECT_FALSE(clock.OnEvent(kWall, kNow));
  EXPECT_EQ(clock.At(kNow), kWall);
}

TEST(XClockTest, OneBadIdFromTheFarFutureIsNotBelieved) {
  XClock clock(kWall, kNow);
  clock.OnHead(kWall, kNow);
  absl::Time far = kWall + absl::Hours(24 * 365);
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(clock.OnEvent(far, kNow));
    EXPECT_FALSE(clock.OnEvent(kWall, kNow));
  }
  EXPECT_EQ(clock.At(kNow), kWall);
}

TEST(XClockTest, ThreeEventsInARowFromTheFarFutureAreBelievedAsFarAsTheLeast) {
  XClock clock(kWall, kNow);
  EXPECT_FALSE(clock.OnEvent(kWall + absl::Hours(3), kNow));
  EXPECT_FALSE(clock.OnEvent(kWall + absl::Hours(2), kNow));
  EXPECT_TRUE(clock.OnEvent(kWall + absl::Hours(4), kNow));
  EXPECT_EQ(clock.At(kNow), kWall + absl::Hours(2));
}

}  // namespace
}  // namespace braid
