// What a source brings after days away is known, however old it is: the floor
// waits for it, and strays are kept until everybody has passed them.

#include <gtest/gtest.h>

#include <memory>

#include "dedupe/core.h"
#include "dedupe/hold.h"
#include "proto/proto_time.h"
#include "proto/snowflake.h"
#include "tests/dedupe/core_inputs.h"
#include "tests/dedupe/mem_store.h"

namespace braid {
namespace {

using store::v1::InputRecord;

uint64_t IdAt(absl::Duration since_start, uint64_t low = 0) {
  return FirstSnowflakeAt(TestStart() + since_start) + low;
}

class CoreHoldTest : public testing::Test {
 protected:
  CoreHoldTest() {
    Load();
    InputRecord first = TickInput(absl::ZeroDuration(), TestStart());
    first.mutable_tick()->set_first_after_start(true);
    first.mutable_tick()->add_sources("a");
    first.mutable_tick()->add_sources("b");
    Apply(first);
    Apply(OpenInput("a", 1));
    Apply(OpenInput("b", 1));
  }

  void Load() { core_ = *Core::Load(store_, Core::Options()); }

  ApplyResult Apply(InputRecord input) {
    group_ = Group();
    ApplyResult result = *core_->Apply(std::move(input), &group_);
    core_->Seal(&group_);
    EXPECT_TRUE(store_.Commit(group_.changes).ok());
    core_->Committed();
    for (const auto& [table, key] : group_.drops) EXPECT_TRUE(store_.DropBefore(table, key).ok());
    return result;
  }
  ApplyResult Frame(const std::string& source, uint64_t offset, const std::vector<uint64_t>& ids,
                    absl::Duration receive) {
    return Apply(FrameInput(source, 1, offset, ids, TestStart() + receive));
  }
  void Tick(absl::Duration elapsed, bool let_go = false) {
    InputRecord tick = TickInput(elapsed, core_->now() + elapsed);
    tick.mutable_tick()->set_let_go(let_go);
    Apply(tick);
  }

  MemStore store_;
  std::unique_ptr<Core> core_;
  Group group_;
};

TEST_F(CoreHoldTest, BacklogOfFourDaysIsKnown) {
  Frame("b", 0, {IdAt({}, 1)}, absl::ZeroDuration());
  Frame("a", 0, {IdAt({}, 1), IdAt(absl::Minutes(1), 2)}, absl::Minutes(1));
  Tick(absl::Hours(4 * 24));
  Frame("a", 2, {IdAt(absl::Hours(4 * 24), 3)}, absl::Hours(4 * 24));
  Tick(absl::Seconds(1));
  Load();
  EXPECT_EQ(Frame("b", 1, {IdAt(absl::Minutes(1), 2)}, absl::Minutes(1)).new_events, 0);
  EXPECT_EQ(Frame("b", 2, {IdAt(absl::Hours(4 * 24), 3)}, absl::Hours(4 * 24)).new_events, 0);
  EXPECT_EQ(core_->state().late_events(), 0);
}

TEST_F(CoreHoldTest, FloorFollowsWhenEverybodyIsBack) {
  Frame("a", 0, {IdAt({}, 1)}, absl::ZeroDuration());
  Frame("b", 0, {IdAt({}, 1)}, absl::ZeroDuration());
  Tick(absl::Hours(72));
  EXPECT_EQ(core_->floor(), TestStart() - absl::Hours(26));
  EXPECT_EQ(core_->held_back(), absl::Hours(72));
  EXPECT_EQ(store_.table(Table::kIds).size(), 1);
  Frame("a", 1, {IdAt(absl::Hours(72), 2)}, absl::Hours(72));
  Frame("b", 1, {IdAt(absl::Hours(72), 2)}, absl::Hours(72));
  Tick(absl::Minutes(1));
  EXPECT_LE(core_->held_back(), absl::Minutes(1));
  EXPECT_EQ(store_.table(Table::kIds).size(), 1);
}

TEST_F(CoreHoldTest, LogDoesNotWait) {
  Frame("a", 0, {IdAt({}, 1)}, absl::ZeroDuration());
  Frame("b", 0, {IdAt({}, 1)}, absl::ZeroDuration());
  Tick(absl::Minutes(1));
  Tick(absl::Hours(72));
  EXPECT_EQ(core_->state().earliest_sequence(), 2);
  EXPECT_GT(core_->held_back(), absl::Hours(72));
}

TEST_F(CoreHoldTest, FirstBacklogOfANewLogIsKnown) {
  absl::Duration old = -absl::Hours(5 * 24);
  EXPECT_EQ(Frame("a", 0, {IdAt(old, 1)}, old).new_events, 1);
  Frame("a", 1, {IdAt({}, 2)}, absl::ZeroDuration());
  for (int i = 0; i < 10; ++i) Tick(absl::Minutes(1));
  // Nobody has heard of b's records yet.
  EXPECT_EQ(Frame("b", 0, {IdAt(old, 1)}, old).new_events, 0);
}

TEST_F(CoreHoldTest, OlderSessionHoldsUntilItIsComplete) {
  Frame("a", 0, {IdAt({}, 1), IdAt({}, 2)}, absl::ZeroDuration());
  Frame("b", 0, {IdAt({}, 1)}, absl::ZeroDuration());
  InputRecord open = OpenInput("b", 2, 8);
  auto* old = open.mutable_opened()->mutable_sessions()->Add();
  old->set_epoch(1);
  old->set_session_id(OpenInput("b", 1).opened().session_id());
  old->set_end_offset(2);
  open.mutable_opened()->mutable_sessions()->SwapElements(0, 1);
  Tick(absl::Hours(72));
  Apply(open);
  Apply(FrameInput("b", 2, 0, {IdAt(absl::Hours(72), 3)}, TestStart() + absl::Hours(72)));
  Frame("a", 2, {IdAt(absl::Hours(72), 3)}, absl::Hours(72));
  Tick(absl::Minutes(1));
  EXPECT_EQ(core_->floor(), TestStart() - absl::Hours(26));
  EXPECT_EQ(Frame("b", 1, {IdAt({}, 2)}, absl::ZeroDuration()).new_events, 0);
  Tick(absl::Minutes(1));
  EXPECT_GT(core_->floor(), TestStart() + absl::Hours(45));
}

TEST_F(CoreHoldTest, HoldEndsAtItsBoundAndWhatMayStandTwiceIsMarkedAndCounted) {
  Frame("a", 0, {IdAt({}, 1)}, absl::ZeroDuration());
  Frame("b", 0, {IdAt({}, 2)}, absl::ZeroDuration());
  Tick(absl::Hours(7 * 24));
  EXPECT_TRUE(core_->SourcesBeyondHold().empty());
  Tick(absl::Hours(27));
  EXPECT_EQ(core_->held_back(), absl::Hours(7 * 24));
  EXPECT_EQ(core_->SourcesBeyondHold(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(Frame("b", 1, {IdAt({}, 1)}, absl::Seconds(1)).new_events, 1);
  EXPECT_EQ(group_.records[0].record->events().late_bitmap(), "\x01");
  EXPECT_EQ(core_->state().unheld_events(), 1);
  // What only the backlogs hold stands once, also beyond the bound.
  EXPECT_EQ(Frame("b", 2, {IdAt({}, 4)}, absl::Seconds(1)).new_events, 1);
  Tick(absl::Hours(40));
  EXPECT_EQ(Frame("a", 1, {IdAt({}, 4)}, absl::Seconds(1)).new_events, 0);
}

TEST_F(CoreHoldTest, ConnectionThatIsNoLongerConfiguredHoldsNothing) {
  Frame("a", 0, {IdAt({}, 1)}, absl::ZeroDuration());
  Frame("b", 0, {IdAt({}, 1)}, absl::ZeroDuration());
  Tick(absl::Hours(48));
  Frame("a", 1, {IdAt(absl::Hours(48), 2)}, absl::Hours(48));
  InputRecord start = TickInput(absl::Seconds(1), core_->now() + absl::Seconds(1));
  start.mutable_tick()->set_first_after_start(true);
  start.mutable_tick()->add_sources("a");
  Apply(start);
  EXPECT_LE(core_->held_back(), absl::Seconds(1));
}

TEST_F(CoreHoldTest, ShortDiskLetsGoByTheHour) {
  Frame("a", 0, {IdAt({}, 1)}, absl::ZeroDuration());
  Frame("b", 0, {IdAt({}, 1)}, absl::ZeroDuration());
  Tick(absl::Hours(72));
  absl::Time floor = core_->floor();
  Tick(absl::Seconds(1), true);
  EXPECT_EQ(core_->floor(), floor + absl::Hours(1));
  Tick(absl::Seconds(1), false);
  EXPECT_EQ(core_->floor(), floor + absl::Hours(1)) << "stops when there is room";
  for (int i = 0; i < 80; ++i) Tick(absl::Minutes(1), true);
  EXPECT_EQ(core_->held_back(), absl::ZeroDuration());
  EXPECT_TRUE(store_.table(Table::kIds).empty());
}

TEST_F(CoreHoldTest, SourceAheadOfTimeDoesNotMoveTheFloorPastNow) {
  Frame("a", 0, {IdAt({}, 1)}, absl::Hours(300));
  Frame("b", 0, {IdAt({}, 1)}, absl::Hours(300));
  Tick(absl::Hours(10));
  EXPECT_EQ(core_->floor(), TestStart() - absl::Hours(26));
}

TEST_F(CoreHoldTest, CoversLossesAndConnectionEventsSayWhatIsDelivered) {
  Apply(CoverInput("a", 1, 0, TestStart(), TestStart()));
  InputRecord event = LossInput("b", 1, 0, 1);
  SetTime(TestStart(),
          event.mutable_record()->mutable_record()->mutable_event()->mutable_event_time());
  Apply(event);
  Tick(absl::Seconds(1));
  EXPECT_EQ(core_->held_back(), absl::Seconds(1));
}

TEST_F(CoreHoldTest, StrayWaitsForWhoIsAway) {
  Frame("b", 0, {IdAt({}, 1)}, absl::ZeroDuration());
  Frame("a", 0, {20, IdAt(-absl::Hours(30))}, absl::ZeroDuration());
  Tick(absl::Hours(96));
  Frame("a", 2, {IdAt(absl::Hours(96), 3)}, absl::Hours(96));
  Tick(absl::Seconds(1));
  EXPECT_EQ(Frame("b", 1, {20, IdAt(-absl::Hours(30))}, absl::ZeroDuration()).new_events, 0);
}

TEST_F(CoreHoldTest, PostAtTheEdgeOfTheWindowIsKnownBySmallDifferencesOfReceipt) {
  Frame("a", 0, {IdAt({}, 9)}, absl::Minutes(1));
  Frame("b", 0, {IdAt({}, 9)}, absl::Minutes(1));
  // One source is away while a post arrives 26 h late.
  Tick(absl::Hours(26));
  std::vector<uint64_t> edge = {IdAt(absl::Seconds(1), 5), IdAt(absl::Seconds(3), 5)};
  absl::Duration receive = absl::Hours(26) + absl::Seconds(2);
  EXPECT_EQ(Frame("a", 1, edge, receive).new_events, 2);
  Tick(absl::Hours(30));
  EXPECT_EQ(Frame("b", 1, edge, receive + absl::Minutes(50)).new_events, 0);
}

TEST_F(CoreHoldTest, ManyStraysAreAllKnownAndForgottenAFewAtATime) {
  std::vector<uint64_t> ids;
  for (uint64_t id = 1; id <= 2 * Strays::kExpireMax + 5; ++id) ids.push_back(id);
  Frame("a", 0, ids, absl::ZeroDuration());
  EXPECT_EQ(core_->state().stray_count(), ids.size());
  Load();
  EXPECT_EQ(Frame("b", 0, ids, absl::ZeroDuration()).new_events, 0);
  Tick(absl::Hours(27));
  Frame("a", ids.size(), {IdAt(absl::Hours(27))}, absl::Hours(27));
  Frame("b", ids.size(), {IdAt(absl::Hours(27))}, absl::Hours(27));
  Tick(absl::Seconds(1));
  EXPECT_EQ(core_->state().stray_count(), Strays::kExpireMax + 5);
  Tick(absl::Seconds(1));
  Tick(absl::Seconds(1));
  EXPECT_EQ(core_->state().stray_count(), 0);
  EXPECT_TRUE(store_.table(Table::kStrays).empty());
}

TEST_F(CoreHoldTest, AdmissionStampsDoNotGoBackOverARestart) {
  InputRecord later = OpenInput("a", 1);
  later.set_admission_micros(absl::ToUnixMicros(TestStart() + absl::Hours(1)));
  Apply(later);
  Load();
  Apply(OpenInput("a", 1));
  EXPECT_EQ(group_.records[0].record->admission_micros(),
            absl::ToUnixMicros(TestStart() + absl::Hours(1)));
}

TEST(HoldTest, DiskIsShortBeforeInputIsRefused) {
  constexpr uint64_t kGiB = uint64_t{1} << 30;
  EXPECT_FALSE(DiskIsShort(11 * kGiB, 100 * kGiB));
  EXPECT_TRUE(DiskIsShort(9 * kGiB, 100 * kGiB));
  EXPECT_TRUE(DiskIsShort(kGiB / 4, kGiB));
  EXPECT_FALSE(DiskIsShort(0, 0)) << "not asked yet";
}

}  // namespace
}  // namespace braid
