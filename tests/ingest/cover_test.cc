#include "ingest/cover.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/once_a_day.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

const absl::Time kEpoch = absl::FromUnixSeconds(1700000000);

absl::Time At(double seconds) { return kEpoch + absl::Seconds(seconds); }

std::string Text(const std::vector<v1::Cover>& covers) {
  return absl::StrJoin(covers, " ", [](std::string* out, const v1::Cover& cover) {
    const v1::TimeRange& range = cover.create_time_range();
    absl::StrAppend(out, cover.origin() == v1::EVENT_ORIGIN_BACKFILL ? "backfill" : "", "[",
                    absl::ToDoubleSeconds(ToTime(range.start_time()) - kEpoch), ",",
                    absl::ToDoubleSeconds(ToTime(range.end_time()) - kEpoch), ")");
  });
}

// Of tests that do not ask once a second.
CoverTracker::Options WithoutStandstills() {
  CoverTracker::Options options;
  options.standstill_min = absl::InfiniteDuration();
  return options;
}

// A tracker and short words for what happens to it. Times in seconds.
class Tracker {
 public:
  explicit Tracker(const CoverTracker::Options& options = WithoutStandstills())
      : tracker_(options) {}

  void Start(double at, int backfill_minutes = 0, bool after_full_buffer = false) {
    CoverTracker::Start start;
    start.head_time = At(at);
    start.backfill_minutes = backfill_minutes;
    start.after_full_buffer = after_full_buffer;
    tracker_.OnStart(start);
  }
  v1::EventOrigin Event(double created, double received) {
    return tracker_.OnEvent(At(created), At(received));
  }
  // One event each `step`, received as created plus `late`.
  void Events(double first, double last, double step, double late = 0) {
    for (int i = 0; first + i * step <= last + 1e-9; ++i) {
      Event(first + i * step, first + i * step + late);
    }
  }
  // A connection that brings an event each `step` from a second after its headers
  // until it ends, and vouches then.
  void Listen(double head, double end, double step, bool after_full_buffer = false) {
    Start(head, 0, after_full_buffer);
    Events(head + 1, end, step);
    End(end);
    Take(end);
  }
  // The next one, from 110 on: backfill from `first` on at once, then live events.
  void Backfill(double first) {
    Start(110, 5);
    for (double t = first; t <= 99.5; t += 0.5) Event(t, 111);
    Events(100, 150, 0.5, 1);
  }
  void Heartbeat(double at) { tracker_.OnHeartbeat(At(at)); }
  void End(double at) { tracker_.OnEnd(At(at)); }
  std::string Take(double at) { return Text(tracker_.Take(At(at))); }
  CoverTracker& operator*() { return tracker_; }

 private:
  CoverTracker tracker_;
};

TEST(CoverTest, NothingIsVouchedBeforeAnAnswer) {
  Tracker x;
  x.Event(10, 10);
  x.Heartbeat(20);
  (*x).OnLoss(At(21));
  x.End(22);
  EXPECT_EQ(x.Take(40), "");
}

TEST(CoverTest, FirstCoverBeginsTwoSecondsAfterTheHeadersAndEndsSlackBeforeTheNewestEvent) {
  Tracker x;
  x.Start(0);
  x.Events(1, 20, 1);
  EXPECT_EQ(x.Take(20), "[2,10)");
  EXPECT_EQ(x.Take(20), "") << "nothing new";
  x.Events(21, 25, 1);
  EXPECT_EQ(x.Take(25), "[10,15)");
}

TEST(CoverTest, NoCoverBeforeThreeLiveEventsOrTwoHeartbeats) {
  struct Case {
    int events, heartbeats;
    bool vouches;
  };
  for (const Case& c : {Case{2, 0, false}, Case{3, 0, true}, Case{2, 1, false}, Case{0, 2, true},
                        Case{0, 1, false}}) {
    Tracker x;
    x.Start(0);
    for (int i = 0; i < c.events; ++i) x.Event(30 + i, 30 + i);
    for (int i = 0; i < c.heartbeats; ++i) x.Heartbeat(34 + i);
    EXPECT_EQ(!x.Take(40).empty(), c.vouches) << c.events << " events, " << c.heartbeats;
  }
}

TEST(CoverTest, EvidenceIsNeededAnewOnEachConnection) {
  Tracker x;
  x.Start(0);
  x.Events(1, 20, 1);
  x.End(20);
  EXPECT_EQ(x.Take(20), "[2,10)");
  x.Start(21);
  x.Event(31, 31);
  x.Event(33.5, 33.5);
  EXPECT_EQ(x.Take(34), "");
  x.Event(34, 34);
  EXPECT_EQ(x.Take(34), "[23,24)");
}

TEST(CoverTest, EndVouchesForWhatWasReceivedAndNothingAfterIt) {
  Tracker x;
  x.Start(0);
  x.Events(1, 20, 1);
  x.End(300);
  EXPECT_EQ(x.Take(300), "[2,10)");
  x.Heartbeat(310);
  x.Event(311, 311);
  EXPECT_EQ(x.Take(400), "");
}

TEST(CoverTest, SilentSocketVouchesForNothing) {
  Tracker x;
  x.Start(0);
  x.Events(1, 20, 1);
  x.Take(20);
  EXPECT_EQ(x.Take(3600), "");
}

TEST(CoverTest, FromNotYetUsedMovesWithTheClockAndAUsedOneStays) {
  Tracker x;
  x.Start(0);
  (*x).OnClockMoved(absl::Seconds(5), At(7));
  x.Events(7, 20, 1);
  EXPECT_EQ(x.Take(20), "[7,10)");
  (*x).OnClockMoved(absl::Seconds(2), At(22));
  x.Events(22, 30, 1);
  EXPECT_EQ(x.Take(30), "[10,20)");
}

TEST(CoverTest, SmallCorrectionsOfTheClockMoveFromByAsMuch) {
  Tracker x;
  x.Start(0);
  x.Events(1, 12, 1);
  for (int i = 0; i < 4; ++i) (*x).OnClockMoved(absl::Milliseconds(500), At(12));
  x.Events(13, 20, 1);
  EXPECT_EQ(x.Take(20), "[4,10)");

  x.Start(100);
  x.Events(101, 112, 1);
  for (int i = 0; i < 5; ++i) (*x).OnClockMoved(absl::Milliseconds(500), At(112));
  x.Events(113, 130, 1);
  EXPECT_EQ(x.Take(130), "[112,120)") << "the headers were wrong by more than their margin";
}

TEST(CoverTest, AfterALossFromMovesToTheNowOfABetterClock) {
  Tracker x;
  x.Start(0);
  x.Events(1, 12, 1);
  (*x).OnLoss(At(12));
  (*x).OnClockMoved(absl::Milliseconds(500), At(13));
  x.Events(13, 30, 1);
  EXPECT_EQ(x.Take(30), "[13,20)") << "the lost line has no margin";
}

TEST(CoverTest, SlowReadersQueueIsNotVouchedFor) {
  Tracker x;
  x.Start(0);
  // One event a second, each read 60 s after it was created.
  x.Events(1, 60, 1, 60);
  x.Heartbeat(120.5);
  EXPECT_EQ(x.Take(121), "[2,50.5)") << "the heartbeat less the newest event's lateness";
}

TEST(CoverTest, HeartbeatCountsOnlyWithinThreeUsualIntervalsOfTheLastEvent) {
  for (double heartbeat : {102.5, 103.5}) {
    Tracker x;
    x.Start(0);
    x.Events(1, 100, 1);
    x.Take(100);
    x.Heartbeat(heartbeat);
    EXPECT_EQ(x.Take(110), heartbeat < 103 ? "[90,92.5)" : "") << heartbeat;
  }
}

TEST(CoverTest, StragglersDoNotShortenThePauseOfTheNewestData) {
  Tracker x;
  x.Start(0);
  x.Events(1, 100, 1);
  x.Take(100);
  x.Event(99.5, 108);
  x.Heartbeat(110);
  EXPECT_EQ(x.Take(110), "");
}

TEST(CoverTest, HeartbeatsAloneVouchForAStreamThatNeverHadAnEvent) {
  Tracker x;
  x.Start(0);
  x.Heartbeat(20);
  x.Heartbeat(40);
  EXPECT_EQ(x.Take(40), "[2,30)");
}

TEST(CoverTest, OnceADaySilenceIsTheLongestPauseThatARateExplains) {
  struct Case {
    double rate, seconds;
  };
  for (const Case& c : {Case{100, 10}, Case{1, 11.367}, Case{0.1, 90.64}, Case{0.01, 676.16},
                        Case{0, 31784.8}, Case{1e-9, 31784.8}}) {
    EXPECT_NEAR(absl::ToDoubleSeconds(OnceADaySilence(c.rate, absl::Seconds(10))), c.seconds, 0.1)
        << c.rate;
  }
}

TEST(CoverTest, ProgressNeverJumpsAHole) {
  struct Case {
    double resumes;
    const char* covers;
  };
  // At 1/s the once-a-day silence is 11.4 s.
  for (const Case& c : {Case{111, "[90,111)"}, Case{112, "[112,113)"}}) {
    Tracker x;
    x.Start(0);
    x.Events(1, 100, 1);
    ASSERT_EQ(x.Take(100), "[2,90)");
    x.Events(c.resumes, c.resumes == 111 ? 121 : 123, 1);
    EXPECT_EQ(x.Take(130), c.covers) << c.resumes;
  }
}

TEST(CoverTest, AfterAHoleCoverStartsAtTheReceiptOfTheEventThatShowedIt) {
  Tracker x;
  x.Start(0);
  x.Events(1, 100, 1);
  x.Take(100);
  // Created at 120, read at 135: what lies between may still be on its way.
  x.Events(120, 170, 1, 15);
  EXPECT_EQ(x.Take(200), "[135,160)");
}

TEST(CoverTest, HeadersToFirstEventCanBeAHole) {
  Tracker x;
  x.Start(0);
  x.Events(1, 100, 1);
  x.End(100);
  x.Take(100);
  x.Start(101);
  x.Events(130, 145, 1);
  EXPECT_EQ(x.Take(145), "[130,135)");
}

TEST(CoverTest, SilenceDoesNotMakeItselfLookUsual) {
  Tracker x;
  x.Start(0);
  x.Events(1, 100, 1);
  EXPECT_NEAR((*x).usual_rate(), 1, 0.01);
  x.Take(4000);
  EXPECT_NEAR((*x).usual_rate(), 1, 0.01);
}

TEST(CoverTest, UsualRateFollowsWithinAnHourOfTheNewRate) {
  UsualRate rate;
  for (int i = 0; i < 360000; ++i) rate.OnEvent(absl::Milliseconds(10));
  EXPECT_NEAR(rate.rate(), 100, 1);
  for (int i = 0; i < 3600; ++i) rate.OnEvent(absl::Seconds(1));
  EXPECT_NEAR(rate.rate(), 1, 0.05);
}

TEST(CoverTest, SlackGrowsWithThisConnectionsOwnLateness) {
  struct Case {
    int samples;
    double late_every_hundredth, slack;
  };
  for (const Case& c :
       {Case{999, 40, 10}, Case{1000, 40, 40.1}, Case{5000, 500, 120}, Case{5000, 3, 10}}) {
    Tracker x;
    x.Start(0);
    for (int i = 1; i <= c.samples; ++i) {
      double late = i % 100 == 0 ? c.late_every_hundredth : 0;
      x.Event(600 + i * 0.01 - late, 600 + i * 0.01);
    }
    EXPECT_EQ((*x).slack(), absl::Seconds(c.slack)) << c.samples << " " << c.late_every_hundredth;
  }
}

TEST(CoverTest, AStrayIsNotLate) {
  for (double age : {89999.0, 90001.0}) {
    Tracker x;
    x.Start(0);
    for (int i = 1; i <= 2000; ++i) x.Event(i % 100 == 0 ? i * 0.01 - age : i * 0.01, i * 0.01);
    EXPECT_EQ((*x).slack(), absl::Seconds(age > 90000 ? 10 : 120)) << age;
  }
}

TEST(CoverTest, LatenessIsForgottenAfterFifteenMinutes) {
  Tracker x;
  x.Start(0);
  for (int i = 0; i < 2000; ++i) x.Event(100, 150);
  EXPECT_EQ((*x).slack(), absl::Seconds(50.1));
  x.Event(1200, 1200);
  EXPECT_EQ((*x).slack(), absl::Seconds(10));
}

TEST(CoverTest, GrownSlackNeverTakesCoverBack) {
  Tracker x;
  x.Start(0);
  x.Events(1, 100, 1);
  ASSERT_EQ(x.Take(100), "[2,90)");
  for (int i = 0; i < 2000; ++i) x.Event(70, 120);
  EXPECT_EQ(x.Take(120), "");
  x.Event(105, 120);
  EXPECT_EQ(x.Take(120), "") << "105 less 50.1 lies below what is vouched";
}

TEST(CoverTest, AfterALossNothingBeforeItIsVouchedExceptWhatWasAlready) {
  Tracker x;
  x.Start(0);
  x.Events(1, 50, 1);
  ASSERT_EQ(x.Take(50), "[2,40)");
  (*x).OnLoss(At(50.5));
  x.Events(51, 60, 1);
  EXPECT_EQ(x.Take(60), "");
  x.Events(61, 70, 1);
  EXPECT_EQ(x.Take(70), "[50.501,60)");
}

TEST(CoverTest, OldLossBelowTheCoverChangesNothing) {
  Tracker x;
  x.Start(0);
  x.Events(1, 50, 1);
  ASSERT_EQ(x.Take(50), "[2,40)");
  (*x).OnLoss(At(39));
  x.Events(51, 60, 1);
  EXPECT_EQ(x.Take(60), "[40,50)");
}

TEST(CoverTest, BadIdFromTheFutureIsNoProgress) {
  Tracker x;
  x.Start(0);
  x.Events(1, 20, 1);
  x.Event(100000, 20.5);
  EXPECT_EQ(x.Take(21), "[2,10)");
}

// What happens around a reconnect at 110 that asked for backfill.
struct BackfillCase {
  const char* what;
  const char* covers;
  double ended_at = 100;
  double backfill_first = 90, backfill_last = 99.5, backfill_step = 0.5;
  double live_first = 100, asked_minutes = 5;
  bool after_full_buffer = false, loss = false;
  double usual_step = 0.5, taken_at = 150;
};

std::string CoversAfter(const BackfillCase& c) {
  Tracker x;
  x.Start(-500);
  x.Events(-499, 100, c.usual_step);
  x.End(c.ended_at);
  x.Take(c.ended_at);
  x.Start(110, static_cast<int>(c.asked_minutes), c.after_full_buffer);
  for (double t = c.backfill_first; t <= c.backfill_last; t += c.backfill_step) x.Event(t, 111);
  x.Events(c.live_first, 111, 0.5, 1.0);
  if (c.loss) (*x).OnLoss(At(111));
  for (double t = 111.5; t <= 150; t += 0.5) x.Event(t, t + 1);
  return x.Take(c.taken_at);
}

TEST(CoverTest, BackfillVouchesOnlyUnderItsRules) {
  const BackfillCase cases[] = {
      {.what = "whole", .covers = "[112,140) backfill[100,112)"},
      {.what = "not asked for", .covers = "[112,140)", .backfill_first = 101, .asked_minutes = 0},
      {.what = "not settled", .covers = "[112,140)", .taken_at = 140.5},
      {.what = "older part", .covers = "[112,140) backfill[80,112)", .backfill_first = 70},
      {.what = "ended behind X time", .covers = "[112,140)", .ended_at = 110.5},
      {.what = "full buffer", .covers = "[112,140)", .after_full_buffer = true},
      {.what = "loss", .covers = "[112,140)", .loss = true},
      {.what = "nine events", .covers = "[112,140)", .backfill_first = 95.5},
      {.what = "ten events", .covers = "[112,140) backfill[105,112)", .backfill_first = 95},
      {.what = "nothing came", .covers = "[112,140)", .backfill_first = 101},
      {.what = "less than half of the usual number",
       .covers = "[112,140)",
       .backfill_first = 40,
       .backfill_step = 4,
       .live_first = 111},
      {.what = "silence before the live events",
       .covers = "[112,140)",
       .backfill_first = 60,
       .backfill_last = 90},
      {.what = "too rare a stream", .covers = "[112,140)", .usual_step = 10},
  };
  for (const BackfillCase& c : cases) EXPECT_EQ(CoversAfter(c), c.covers) << c.what;
}

TEST(CoverTest, BackfillVouchesFromTheOldestEventAfterTheLastSilence) {
  Tracker x;
  x.Listen(-500, 50, 0.5);
  x.Start(110, 5);
  for (double t = 20; t <= 60; t += 0.5) x.Event(t, 111);
  for (double t = 70; t <= 99.5; t += 0.5) x.Event(t, 111);
  x.Events(100, 150, 0.5, 1);
  // At 2/s the once-a-day silence is 6.03 s: 60 to 70 is a hole.
  EXPECT_EQ(x.Take(150), "[112,140) backfill[80,112)");
}

// X threw a buffer away before 70; what it sends of then may lack that.
TEST(CoverTest, NoBackfillVouchesOverADiscardedBuffer) {
  Tracker x;
  x.Listen(-500, 60, 0.5);
  x.Listen(70, 100, 0.5, /*after_full_buffer=*/true);
  x.Backfill(20);
  EXPECT_EQ(x.Take(150), "[112,140) backfill[72,112)");
}

TEST(CoverTest, FirstConnectionOfAProcessHasNoBackfillToVouchFor) {
  Tracker x;
  x.Backfill(20);
  EXPECT_EQ(x.Take(150), "[112,140)");
}

TEST(CoverTest, BackfillIsNotMeasuredAgainstARateOfAFewSeconds) {
  for (double listened : {19, 21}) {
    Tracker x;
    x.Listen(100 - listened, 100, 0.5);
    x.Backfill(80);
    EXPECT_EQ(x.Take(150), listened < 20 ? "[112,140)" : "[112,140) backfill[90,112)") << listened;
  }
}

// Its clock jumps to 400 while what X sent since 131 waits in the socket.
TEST(CoverTest, BackfillIsNotSettledByAStandstill) {
  Tracker x{CoverTracker::Options()};
  x.Listen(-500, 100, 0.5);
  x.Start(110, 5);
  for (double t = 80; t <= 99.5; t += 0.5) x.Event(t, 111);
  x.Events(100, 130, 0.5, 1);
  for (int t = 111; t <= 131; ++t) x.Take(t);
  for (int t = 400; t < 430; ++t) EXPECT_EQ(x.Take(t), "") << t;
  EXPECT_EQ(x.Take(430), "backfill[90,112)");
}

TEST(CoverTest, HeartbeatReadAfterAStandstillIsOlderThanItsReceipt) {
  for (bool asked_first : {false, true}) {
    Tracker x{CoverTracker::Options()};
    x.Start(0);
    for (int t = 0; t <= 100; ++t) x.Take(t);
    x.Heartbeat(20);
    x.Heartbeat(40);
    EXPECT_EQ(x.Take(101), "[2,30)");
    if (asked_first) x.Take(400);
    x.Heartbeat(400);
    EXPECT_EQ(x.Take(400), "");
    for (int t = 401; t <= 420; ++t) x.Take(t);
    x.Heartbeat(420);
    EXPECT_EQ(x.Take(420), "[30,410)") << "all that waited has been read";
  }
}

TEST(CoverTest, StandstillIsNoPauseOfX) {
  Tracker x{CoverTracker::Options()};
  x.Start(0);
  for (int t = 1; t <= 100; ++t) {
    x.Event(t, t);
    x.Take(t);
  }
  x.Take(40000);
  EXPECT_EQ((*x).DataSilence(At(40000)), absl::ZeroDuration());
  for (int t = 40001; t <= 40020; ++t) x.Take(t);
  EXPECT_EQ((*x).DataSilence(At(40020)), absl::Seconds(20));
  x.Event(100.5, 40020.5);
  EXPECT_NEAR((*x).usual_rate(), 0.84, 0.01);
}

TEST(CoverTest, StandstillThatALineEndsIsNoPauseOfX) {
  Tracker x{CoverTracker::Options()};
  x.Start(0);
  for (int t = 1; t <= 100; ++t) {
    x.Event(t, t);
    x.Take(t);
  }
  x.Event(100.5, 40000);
  EXPECT_NEAR((*x).usual_rate(), 1, 0.02);
}

TEST(CoverTest, EventsFarBeforeTheHeadersAreBackfillOnlyWhenItWasAskedFor) {
  for (int minutes : {0, 5}) {
    Tracker x;
    x.Start(100, minutes);
    EXPECT_EQ(x.Event(89.9, 101), minutes == 0 ? v1::EVENT_ORIGIN_LIVE : v1::EVENT_ORIGIN_BACKFILL);
    EXPECT_EQ(x.Event(90, 101), v1::EVENT_ORIGIN_LIVE);
  }
}

}  // namespace
}  // namespace braid
