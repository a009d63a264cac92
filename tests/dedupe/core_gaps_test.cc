// Gaps and the watermark, from inputs to notices in the log: connections that
// vouch once a second, fall silent, go away and come back.

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dedupe/core.h"
#include "dedupe/cover_keys.h"
#include "proto/proto_time.h"
#include "proto/snowflake.h"
#include "tests/dedupe/core_connections.h"
#include "tests/dedupe/core_inputs.h"
#include "tests/dedupe/mem_store.h"

namespace braid {
namespace {

using store::v1::StoredGap;
using v1::Gap;
using v1::StreamNotice;

using CoreGapsTest = CoreConnectionsTest;

TEST_F(CoreGapsTest, AHealthyStreamHasNoGapAndAWatermarkBehindItsCover) {
  Start({"a", "b"});
  Run(300);
  EXPECT_TRUE(Types().empty());
  EXPECT_NEAR(Watermark(), 289, 1);
}

TEST_F(CoreGapsTest, OneConnectionDownIsNoGap) {
  Start({"a", "b"});
  Run(60);
  End("a", "reset");
  Run(300);
  Back("a");
  Run(60);
  EXPECT_TRUE(Types().empty());
  EXPECT_NEAR(Watermark(), 409, 1);
}

TEST_F(CoreGapsTest, BothDownIsAGapFromTheLastVouchedInstantThatGrowsUntilOneIsBack) {
  Start({"a", "b"});
  Run(60);
  End("a", "reset");
  End("b", "silence");
  Run(2);
  ASSERT_EQ(Types(), std::vector{StreamNotice::TYPE_GAP_OPENED});
  EXPECT_TRUE(gap(1).growing());
  EXPECT_NEAR(From(1), 49, 1);
  EXPECT_EQ(gap(1).kind(), Gap::KIND_TOTAL_OUTAGE);
  ASSERT_GE(gap(1).evidence_size(), 2);
  EXPECT_NE(gap(1).evidence(0).text().find("reset"), std::string::npos);
  Run(100);
  Back("a");
  Run(30);
  EXPECT_EQ(Types().size(), 1u);
  EXPECT_FALSE(gap(1).growing());
  EXPECT_NEAR(Until(1), 164, 1);
  // It holds the watermark.
  EXPECT_NEAR(Watermark(), 49, 1);
}

TEST_F(CoreGapsTest, TheEndThatOpenedAGapIsNamedFirst) {
  Start({"a", "b"});
  Run(120);
  End("a", "reset");
  Run(20);
  End("b", "heartbeat_silence");
  // Attempts that fail since are no ends.
  End("a", "server_error");
  End("b", "server_error");
  Run(200);
  ASSERT_GE(gap(1).evidence_size(), 2);
  EXPECT_EQ(gap(1).evidence(0).source_id(), "b");
  EXPECT_EQ(gap(1).evidence(0).text().find("its connection ended by heartbeat_silence at "), 0u);
  EXPECT_EQ(gap(1).evidence(1).source_id(), "a");
  EXPECT_EQ(gap(1).evidence(1).text().find("its connection ended by reset at "), 0u);
}

// A process that is killed says nothing of its end.
class BothKilledTest : public CoreConnectionsTest, public testing::WithParamInterface<int> {};

TEST_P(BothKilledTest, AnEndThatWasOverIsNotNamed) {
  Start({"a", "b"});
  Run(120);
  End("a", "reset");
  Run(2);
  Back("a");
  Run(120);
  for (const char* name : {"a", "b"}) {
    connections_[name].attached = false;
    connections_[name].receiving = false;
  }
  Run(GetParam());
  Back("a");
  Back("b");
  Run(60);
  ASSERT_GE(gap(1).evidence_size(), 2);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(gap(1).evidence(i).text().find("how its connection ended is not known; "), 0u)
        << gap(1).evidence(i).text();
  }
}

// Back before the gap is found, and long after.
INSTANTIATE_TEST_SUITE_P(Away, BothKilledTest, testing::Values(30, 200));

// A connection that was away from the deduper brings what it received meanwhile as
// fast as it can: that is no rate of the stream.
class CoreRateTest : public CoreConnectionsTest {
 protected:
  void Bring(int posts, absl::Time received) {
    TestConnection& a = connections_["a"];
    std::vector<uint64_t> ids;
    for (int i = 0; i < posts; ++i) ids.push_back(FirstSnowflakeAt(received) + ++count_);
    uint64_t offset = a.offset;
    a.offset += ids.size();
    Apply(FrameInput("a", a.epoch, offset, ids, received));
  }
  void Feed(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      Bring(10, now_);
      Run(1);
    }
  }

  uint64_t count_ = 0;
};

TEST_F(CoreRateTest, ABacklogDoesNotRaiseTheUsualRate) {
  Start({"a"});
  Feed(120);
  EXPECT_NEAR(core_->gaps().usual_rate(), 10, 0.5);
  Bring(3000, now_ - absl::Minutes(5));
  Run(1);
  Feed(1);
  EXPECT_NEAR(core_->gaps().usual_rate(), 10, 0.5);
}

// The deduper stood still: nobody had reported when it went on.
TEST_F(CoreRateTest, NorDoesOneOfSecondsThatWereNotCounted) {
  Start({"a"});
  Feed(20);
  const absl::Time stood = now_;
  connections_["a"].receiving = false;
  Run(25);
  for (int i = 0; i < 25; ++i) Bring(10, stood + absl::Seconds(i));
  connections_["a"].receiving = true;
  Feed(20);
  EXPECT_NEAR(core_->gaps().usual_rate(), 10, 0.5);
}

// No connection stood long enough to vouch for anything.
TEST_F(CoreGapsTest, WhatWasLostBeforeTheFirstCoverIsAGapToo) {
  Start({"a"});
  connections_["a"].vouches = false;
  Apply(FrameInput("a", 1, connections_["a"].offset++, {FirstSnowflakeAt(now_) + 1}, now_));
  Run(4);
  End("a", "reset");
  Run(15);
  EXPECT_EQ(core_->gaps().watermark_micros(), 0);
  Back("a");
  connections_["a"].vouches = true;
  Run(30);
  ASSERT_EQ(Types(), std::vector{StreamNotice::TYPE_GAP_OPENED});
  EXPECT_NEAR(From(1), 3, 0.1);
  EXPECT_NEAR(Until(1), 21, 0.1);
}

TEST_F(CoreGapsTest, AConnectionThatVouchesFromItsHeadersOnHasNoGapBefore) {
  Start({"a"});
  Apply(FrameInput("a", 1, connections_["a"].offset++, {FirstSnowflakeAt(now_) + 1}, now_));
  connections_["a"].from = now_ + absl::Seconds(2);
  Run(60);
  EXPECT_TRUE(Types().empty());
  EXPECT_NEAR(Since(core_->gaps().base_micros()), 2, 0.1);
}

TEST_F(CoreGapsTest, BackfillThatVouchesClosesAGapAndLetsTheWatermarkGo) {
  Start({"a"});
  Run(60);
  End("a", "reset");
  Run(20);
  Back("a");
  Run(30);
  ASSERT_EQ(Types(), std::vector{StreamNotice::TYPE_GAP_OPENED});
  Cover("a", TestStart() + absl::Seconds(40), TestStart() + absl::Seconds(83),
        v1::EVENT_ORIGIN_BACKFILL);
  Run(2);
  EXPECT_EQ(Types(),
            (std::vector{StreamNotice::TYPE_GAP_OPENED, StreamNotice::TYPE_GAP_RECOVERED}));
  EXPECT_EQ(Stored(1).recovered_by(), "backfill");
  EXPECT_NEAR(Watermark(), 101, 2);
}

TEST_F(CoreGapsTest, BackfillThatVouchesForLessNarrows) {
  Start({"a"});
  Run(60);
  End("a", "reset");
  Run(100);
  Back("a");
  Run(30);
  Cover("a", TestStart() + absl::Seconds(100), TestStart() + absl::Seconds(170),
        v1::EVENT_ORIGIN_BACKFILL);
  Run(2);
  EXPECT_EQ(Types(),
            (std::vector{StreamNotice::TYPE_GAP_OPENED, StreamNotice::TYPE_GAP_NARROWED}));
  EXPECT_NEAR(From(1), 49, 1);
  EXPECT_NEAR(Until(1), 100, 1);
}

TEST_F(CoreGapsTest, AConnectionAwayForLessThanTwoMinutesIsWaitedFor) {
  Start({"a"});
  Run(60);
  connections_["a"].attached = false;
  Run(110);
  EXPECT_TRUE(Types().empty());
  EXPECT_NEAR(Watermark(), 49, 1);
  // It received all the time.
  connections_["a"].attached = true;
  Run(10);
  EXPECT_TRUE(Types().empty());
  EXPECT_NEAR(Watermark(), 169, 2);
}

TEST_F(CoreGapsTest, AConnectionAwayForLongerIsAGapWhoseFirstRouteIsItsSpool) {
  Start({"a"});
  Run(60);
  connections_["a"].attached = false;
  Run(600);
  ASSERT_EQ(Types(), std::vector{StreamNotice::TYPE_GAP_OPENED});
  EXPECT_GT(gap(1).spool_until_micros(), 0);
  connections_["a"].attached = true;
  Run(15);
  // Up to where it vouches, which is told once, and then whole.
  EXPECT_EQ(Types(),
            (std::vector{StreamNotice::TYPE_GAP_OPENED, StreamNotice::TYPE_GAP_NARROWED,
                         StreamNotice::TYPE_GAP_RECOVERED}));
  EXPECT_EQ(Stored(1).recovered_by(), "spool");
}

TEST_F(CoreGapsTest, ADeduperThatWasAwayReportsNothingThatItsSourcesStillBring) {
  Start({"a", "b"});
  Run(60);
  now_ += absl::Minutes(10);
  Restart();
  store::v1::InputRecord tick = TickInput(absl::Minutes(10), now_);
  tick.mutable_tick()->set_first_after_start(true);
  tick.mutable_tick()->add_sources("a");
  tick.mutable_tick()->add_sources("b");
  Apply(std::move(tick));
  Run(5);
  EXPECT_TRUE(Types().empty());
  EXPECT_NEAR(Watermark(), 654, 2);
}

TEST_F(CoreGapsTest, AnOpenSocketThatVouchesForNothingIsAGapAfterTwoMinutes) {
  Start({"a"});
  for (int i = 0; i < 600; ++i) {
    // 5 posts a second: once a day they pause for 2.6 s, and 10 s are granted.
    std::vector<uint64_t> ids;
    for (int k = 0; k < 5; ++k) ids.push_back(FirstSnowflakeAt(now_) + k);
    Apply(FrameInput("a", 1, connections_["a"].offset, ids, now_));
    connections_["a"].offset += 5;
    Second();
  }
  connections_["a"].vouches = false;
  Run(115);
  EXPECT_TRUE(Types().empty());
  Run(10);
  ASSERT_EQ(Types(), std::vector{StreamNotice::TYPE_GAP_OPENED});
  EXPECT_NEAR(From(1), 589, 1);
}

TEST_F(CoreGapsTest, ALossIsAGapOfItsOwnKind) {
  Start({"a"});
  Run(60);
  Lose("a");
  Run(30);
  ASSERT_EQ(Types(), std::vector{StreamNotice::TYPE_GAP_OPENED});
  EXPECT_EQ(gap(1).kind(), Gap::KIND_FORWARDING_LOSS);
  EXPECT_NEAR(From(1), 49, 1);
  EXPECT_NEAR(Until(1), 60, 0.1);
}

TEST_F(CoreGapsTest, ALossOfOneIsNoGapWhereAnotherIsWhole) {
  Start({"a", "b"});
  Run(60);
  store::v1::InputRecord loss = LossInput("a", 1, connections_["a"].offset++, 1);
  v1::Loss* lost = loss.mutable_record()->mutable_record()->mutable_loss();
  lost->set_reason(v1::Loss::REASON_RING_FULL);
  SetTime(now_, lost->mutable_last_receive_time());
  Apply(std::move(loss));
  connections_["a"].from = now_ + absl::Milliseconds(1);
  Run(30);
  EXPECT_TRUE(Types().empty());
}

TEST_F(CoreGapsTest, AFullBufferIsAGapOfItsOwnKindThatBackfillCanNotFill) {
  Start({"a"});
  Run(60);
  End("a", "full_buffer");
  Run(5);
  Back("a");
  Run(30);
  // What X threw away, and the time until the connection was back.
  ASSERT_EQ(core_->gaps().ledger().gaps().size(), 2u);
  EXPECT_EQ(gap(1).kind(), Gap::KIND_BUFFER_DISCARDED);
  EXPECT_NEAR(Until(1), 60, 0.1);
  EXPECT_EQ(gap(2).kind(), Gap::KIND_TOTAL_OUTAGE);
  for (const StreamNotice& notice : notices_) {
    if (notice.gap().kind() != Gap::KIND_BUFFER_DISCARDED) continue;
    for (const auto& route : notice.gap().routes()) EXPECT_NE(route.route(), "backfill");
  }
}

TEST_F(CoreGapsTest, APauseIsAGapOfItsOwnKindAndHoldsNothing) {
  Start({"a", "b"});
  Run(60);
  Apply(CommandInput(store::v1::Command::ACTION_PAUSE));
  connections_["a"].receiving = connections_["b"].receiving = false;
  Run(300);
  EXPECT_EQ(gap(1).kind(), Gap::KIND_PAUSED);
  EXPECT_NEAR(From(1), 49, 1);
  EXPECT_NEAR(Watermark(), 360, 1);
  Apply(CommandInput(store::v1::Command::ACTION_RESUME));
  Back("a");
  Run(100);
  EXPECT_EQ(core_->gaps().ledger().open_count(), 1);
  EXPECT_NEAR(Until(1), 362, 1);
  EXPECT_NEAR(Watermark(), 449, 1);
}

// A minute is allowed for a resume, but not what follows it.
TEST_F(CoreGapsTest, AnOutageSoonAfterAResumeIsNoPause) {
  Start({"a", "b"});
  Run(60);
  Apply(CommandInput(store::v1::Command::ACTION_PAUSE));
  for (const char* name : {"a", "b"}) connections_[name].receiving = false;
  Run(10);
  Apply(CommandInput(store::v1::Command::ACTION_RESUME));
  for (const char* name : {"a", "b"}) Back(name);
  Run(25);
  for (const char* name : {"a", "b"}) End(name, "reset");
  Run(10);
  for (const char* name : {"a", "b"}) Back(name);
  Run(60);
  ASSERT_EQ(core_->gaps().ledger().gaps().size(), 2u);
  EXPECT_EQ(gap(1).kind(), Gap::KIND_PAUSED);
  EXPECT_NEAR(Until(1), 72, 1);
  EXPECT_EQ(gap(2).kind(), Gap::KIND_TOTAL_OUTAGE);
  EXPECT_LT(From(2), 96);
  EXPECT_NEAR(Watermark(), From(2), 0.1);
}

TEST_F(CoreGapsTest, APausedGapGoesOnAsOneAfterARestart) {
  Start({"a"});
  Run(60);
  Apply(CommandInput(store::v1::Command::ACTION_PAUSE));
  connections_["a"].receiving = false;
  Run(30);
  Restart();
  FirstTick();
  Run(30);
  EXPECT_EQ(core_->gaps().ledger().open_count(), 1);
}

// As a host whose clock is a day ahead, before two sources have told X's time.
TEST_F(CoreGapsTest, AClockThatJumpsAheadMakesNoGapOfTheFuture) {
  Start({"a"});
  Run(60);
  connections_["a"].attached = false;
  Run(200);
  ASSERT_EQ(Types(), std::vector{StreamNotice::TYPE_GAP_OPENED});
  Restart();
  store::v1::InputRecord tick = TickInput(absl::Hours(24), now_ + absl::Hours(24));
  tick.mutable_tick()->set_first_after_start(true);
  tick.mutable_tick()->add_sources("a");
  Apply(std::move(tick));
  Run(5);
  EXPECT_LT(Until(1), 260 + 7 * 60);
}

// With one source nothing but its receive times tells X's clock from the host's.
TEST_F(CoreGapsTest, AHostThatIsAheadMakesNoGapOfWhatIsNotYetSent) {
  Start({"a"});
  // What is received now by X's clock is half a minute ago by the host's.
  constexpr absl::Duration kAhead = absl::Seconds(30);
  auto live = [&] {
    Apply(FrameInput("a", 1, connections_["a"].offset, {FirstSnowflakeAt(now_ - kAhead)},
                     now_ - kAhead));
    ++connections_["a"].offset;
    Cover("a", now_ - kAhead - kSlack - absl::Seconds(1), now_ - kAhead - kSlack);
    Second();
  };
  connections_["a"].vouches = false;
  for (int i = 0; i < 60; ++i) live();
  End("a", "reset");
  Run(5);
  ASSERT_EQ(Types(), std::vector{StreamNotice::TYPE_GAP_OPENED});
  EXPECT_NEAR(Until(1), 65 - 30, 2);
}

TEST_F(CoreGapsTest, ACoverOfWhichSomethingIsStillToComeFillsNothing) {
  Start({"a"});
  Run(60);
  End("a", "reset");
  Run(20);
  ASSERT_EQ(core_->gaps().ledger().open_count(), 1);
  // What stands before it is lost on the way.
  uint64_t expected = connections_["a"].offset;
  connections_["a"].offset += 3;
  Cover("a", now_ - absl::Seconds(60), now_, v1::EVENT_ORIGIN_BACKFILL);
  connections_["a"].offset = expected;
  Run(5);
  EXPECT_EQ(Stored(1).state(), Gap::STATE_OPEN);
  EXPECT_EQ(Types(), std::vector{StreamNotice::TYPE_GAP_OPENED});
}

// Behind X's clock while one source tells it, and set right when two do.
TEST_F(CoreGapsTest, AHostThatIsSetRightMakesNoGapOfWhatIsNotYetSent) {
  Start({"a", "b"});
  constexpr absl::Duration kBehind = absl::Seconds(20);
  auto live = [&](const std::string& name) {
    absl::Time received = now_ + kBehind;
    Apply(FrameInput(name, 1, connections_[name].offset, {FirstSnowflakeAt(received)}, received));
    ++connections_[name].offset;
    Cover(name, received - kSlack - absl::Seconds(1), received - kSlack);
  };
  connections_["a"].vouches = connections_["b"].vouches = false;
  for (int i = 0; i < 40; ++i) {
    live("a");
    if (i >= 30) live("b");
    Second();
  }
  End("a", "reset");
  End("b", "reset");
  Run(5);
  ASSERT_EQ(core_->gaps().ledger().open_count(), 1);
  EXPECT_NEAR(Until(1), 45 + 20, 2);
}

TEST_F(CoreGapsTest, AWaivedGapLetsTheWatermarkGo) {
  Start({"a"});
  Run(60);
  End("a", "reset");
  Run(20);
  Back("a");
  Run(30);
  store::v1::InputRecord waive = CommandInput(store::v1::Command::ACTION_WAIVE_GAP);
  waive.mutable_command()->set_gap(1);
  waive.mutable_command()->set_reason("known");
  Apply(waive);
  Run(1);
  EXPECT_EQ(Types(), (std::vector{StreamNotice::TYPE_GAP_OPENED, StreamNotice::TYPE_GAP_WAIVED}));
  EXPECT_EQ(Stored(1).waive_reason(), "known");
  EXPECT_NEAR(Watermark(), 100, 2);
}

TEST_F(CoreGapsTest, AGapIsPassedAfterTheLongestHoldAndLostWhenNobodyCanBeAsked) {
  Core::Options options;
  options.gaps.hold_max = absl::Minutes(5);
  options.gaps.recoverable_for = absl::Minutes(10);
  Start({"a"}, options);
  Run(60);
  End("a", "reset");
  Run(20);
  Back("a");
  Run(240);
  EXPECT_NEAR(Watermark(), 49, 1);
  Run(100);
  EXPECT_EQ(Types(), (std::vector{StreamNotice::TYPE_GAP_OPENED,
                                  StreamNotice::TYPE_WATERMARK_PASSED_GAP}));
  EXPECT_NEAR(Watermark(), 409, 2);
  Run(300);
  EXPECT_EQ(Types().back(), StreamNotice::TYPE_GAP_LOST);
}

TEST_F(CoreGapsTest, APartitionWithoutItsConnectionIsAGapWhateverTheOthersDo) {
  Start({"a", "b"}, {}, {1, 2});
  Run(60);
  End("b", "reset");
  Run(30);
  ASSERT_EQ(Types(), std::vector{StreamNotice::TYPE_GAP_OPENED});
  EXPECT_EQ(gap(1).partition(), 2u);
  EXPECT_NEAR(Watermark(), 49, 1);
}

TEST_F(CoreGapsTest, RedundancyIsToldWhenItComesAndGoes) {
  Start({"a", "b"});
  Run(60);
  ASSERT_EQ(notices_.size(), 1u);
  EXPECT_EQ(notices_[0].type(), StreamNotice::TYPE_REDUNDANCY_RESTORED);
  End("a", "reset");
  Run(2);
  Back("a");
  Run(20);
  EXPECT_EQ(notices_.size(), 1u);
  End("a", "reset");
  Run(20);
  ASSERT_EQ(notices_.size(), 2u);
  EXPECT_EQ(notices_[1].type(), StreamNotice::TYPE_REDUNDANCY_LOST);
}

}  // namespace
}  // namespace braid
