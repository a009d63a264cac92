#include "dedupe/core.h"

#include <gtest/gtest.h>

#include <memory>

#include "dedupe/cover_book.h"
#include "dedupe/frame_parts.h"
#include "proto/frame_codec.h"
#include "proto/proto_time.h"
#include "proto/snowflake.h"
#include "tests/dedupe/core_inputs.h"
#include "tests/dedupe/mem_store.h"

namespace braid {
namespace {

using Outcome = ApplyResult::Outcome;
using store::v1::InputRecord;

uint64_t IdAt(absl::Duration since_start, uint64_t low = 0) {
  return FirstSnowflakeAt(TestStart() + since_start) + low;
}

class CoreTest : public testing::Test {
 protected:
  explicit CoreTest(Core::Options options = {}) : options_(options) {
    Load();
    Apply(TickInput(absl::ZeroDuration(), TestStart()));
  }

  void Load() { core_ = *Core::Load(store_, options_); }

  // A group of its own for each input; its records stay in last_.
  ApplyResult Apply(InputRecord input) {
    last_ = Group();
    ApplyResult result = *core_->Apply(std::move(input), &last_);
    core_->Seal(&last_);
    EXPECT_TRUE(store_.Commit(last_.changes).ok());
    core_->Committed();
    for (const auto& [table, key] : last_.drops) EXPECT_TRUE(store_.DropBefore(table, key).ok());
    return result;
  }
  ApplyResult Frame(const std::string& source, uint64_t offset, const std::vector<uint64_t>& ids) {
    return Apply(FrameInput(source, 1, offset, ids, core_->now()));
  }
  void Open(const std::string& source) { Apply(OpenInput(source, 1)); }
  void Tick(absl::Duration elapsed) { Apply(TickInput(elapsed, core_->now() + elapsed)); }
  const store::v1::LogRecord& record(size_t i) { return *last_.records.at(i).record; }

  Core::Options options_;
  MemStore store_;
  std::unique_ptr<Core> core_;
  Group last_;
};

TEST_F(CoreTest, NewEventsTakeDenseSequences) {
  Open("a");
  ApplyResult result = Frame("a", 0, {IdAt({}, 1), IdAt({}, 2), IdAt({}, 3)});
  EXPECT_EQ(result.outcome, Outcome::kApplied);
  EXPECT_EQ(result.expected_offset, 3);
  EXPECT_EQ(result.new_events, 3);
  EXPECT_EQ(core_->last_sequence(), 3);
  EXPECT_EQ(*store_.Get(Table::kIds, PostWindowKey(IdAt({}, 2))), EncodeSequence(2));
  ASSERT_EQ(last_.records.size(), 1);
  EXPECT_EQ(last_.records[0].first_sequence, 1);
  EXPECT_EQ(last_.records[0].sequence_count, 3);
  EXPECT_EQ(record(0).events().new_bitmap(), "\x07");
  EXPECT_EQ(record(0).events().late_bitmap(), "");
}

TEST_F(CoreTest, SecondOfferOfSameIdIsADuplicate) {
  Open("a");
  Open("b");
  Frame("a", 0, {IdAt({}, 1), IdAt({}, 2)});
  ApplyResult result = Frame("b", 0, {IdAt({}, 1), IdAt({}, 2)});
  EXPECT_EQ(result.outcome, Outcome::kApplied);
  EXPECT_EQ(result.new_events, 0);
  EXPECT_EQ(result.duplicate_events, 2);
  EXPECT_EQ(core_->last_sequence(), 2);
  ASSERT_EQ(last_.records.size(), 1);
  const v1::Frame& sightings = record(0).sightings().frame();
  EXPECT_EQ(sightings.post_ids_size(), 2);
  EXPECT_EQ(sightings.receive_offsets_micros_size(), 2);
  EXPECT_EQ(sightings.payload(), "");
  std::string key = EncodeSightingKey(SightingBucket(IdAt({}, 1)),
                                      {last_.records[0].first_sequence, last_.records[0].ordinal});
  EXPECT_TRUE(store_.Get(Table::kSightings, key).ok());
}

TEST_F(CoreTest, RepeatWithinOneFrameIsADuplicate) {
  Open("a");
  ApplyResult result = Frame("a", 0, {IdAt({}, 1), IdAt({}, 1)});
  EXPECT_EQ(result.new_events, 1);
  EXPECT_EQ(result.duplicate_events, 1);
  EXPECT_EQ(record(0).events().new_bitmap(), "\x01");
}

TEST_F(CoreTest, FrameWithFewNewEventsIsRepacked) {
  Open("a");
  Open("b");
  std::vector<uint64_t> ids;
  for (uint64_t i = 1; i <= 9; ++i) ids.push_back(IdAt({}, i));
  Frame("a", 0, {ids.begin(), ids.end() - 1});
  Frame("b", 0, ids);
  ASSERT_EQ(last_.records.size(), 2);
  EXPECT_EQ(record(0).sightings().frame().post_ids_size(), 8);
  const store::v1::Events& events = record(1).events();
  ASSERT_EQ(events.frame().post_ids_size(), 1);
  EXPECT_EQ(events.frame().post_ids(0), ids[8]);
  EXPECT_EQ(events.new_bitmap(), "\x01");
  EXPECT_TRUE(ValidateFrame(events.frame()).ok());
  EXPECT_EQ(*DecompressPayload(events.frame()), LineOf(ids[8]));
  EXPECT_EQ(last_.records[1].first_sequence, 9);
}

TEST_F(CoreTest, FrameWithEnoughNewEventsIsKeptAsItCame) {
  Open("a");
  Open("b");
  Frame("a", 0, {IdAt({}, 1)});
  Frame("b", 0, {IdAt({}, 1), IdAt({}, 2)});
  ASSERT_EQ(last_.records.size(), 1);
  EXPECT_EQ(record(0).events().frame().post_ids_size(), 2);
  EXPECT_EQ(record(0).events().new_bitmap(), "\x02");
  // Its duplicate is a sighting like any other.
  EXPECT_EQ(store_.table(Table::kSightings).size(), 1);
}

TEST_F(CoreTest, UnreadablePayloadIsNotRepacked) {
  Open("a");
  Open("b");
  std::vector<uint64_t> ids = {IdAt({}, 1), IdAt({}, 2), IdAt({}, 3), IdAt({}, 4), IdAt({}, 5)};
  Frame("a", 0, {ids.begin(), ids.end() - 1});
  InputRecord input = FrameInput("b", 1, 0, ids, core_->now());
  input.mutable_record()->mutable_record()->mutable_frame()->set_payload("garbage");
  EXPECT_EQ(Apply(input).new_events, 1);
  EXPECT_EQ(record(0).events().frame().payload(), "garbage");
}

TEST_F(CoreTest, LowerOffsetIsARepeatAndHigherAHole) {
  Open("a");
  Frame("a", 0, {IdAt({}, 1), IdAt({}, 2)});
  EXPECT_EQ(Frame("a", 0, {IdAt({}, 1), IdAt({}, 2)}).outcome, Outcome::kRepeated);
  ApplyResult hole = Frame("a", 3, {IdAt({}, 3)});
  EXPECT_EQ(hole.outcome, Outcome::kHole);
  EXPECT_EQ(hole.expected_offset, 2);
  EXPECT_EQ(core_->last_sequence(), 2);
}

TEST_F(CoreTest, RecordOfAnUnnamedSessionIsNotOpened) {
  EXPECT_EQ(Frame("a", 0, {IdAt({}, 1)}).outcome, Outcome::kNotOpened);
}

TEST_F(CoreTest, LowerEpochAndCopiedEpochAreStale) {
  Apply(OpenInput("a", 5, 111));
  ApplyResult lower = Apply(OpenInput("a", 4, 111));
  EXPECT_EQ(lower.outcome, Outcome::kStaleEpoch);
  EXPECT_EQ(lower.highest_epoch, 5);
  EXPECT_EQ(Apply(OpenInput("a", 5, 222)).outcome, Outcome::kStaleEpoch);
  EXPECT_EQ(Apply(OpenInput("a", 5, 111)).outcome, Outcome::kApplied);
  EXPECT_EQ(Apply(OpenInput("a", 6, 222)).outcome, Outcome::kApplied);
  EXPECT_EQ(Apply(OpenInput("b", 1, 333)).outcome, Outcome::kApplied);
}

TEST_F(CoreTest, SessionNoLongerNamedIsLostWhenRecordsAreMissing) {
  InputRecord open = OpenInput("a", 1);
  open.mutable_opened()->mutable_sessions(0)->set_end_offset(5);
  Apply(open);
  Frame("a", 0, {IdAt({}, 1), IdAt({}, 2)});
  Apply(OpenInput("a", 2));
  EXPECT_TRUE(core_->sessions().Find("a", 1)->lost());
  EXPECT_EQ(core_->sessions().Find("a", 1)->lost_offsets(), 3);
  ASSERT_EQ(last_.records.size(), 2);
  EXPECT_EQ(record(1).loss().offsets(), 3);
  EXPECT_EQ(record(1).session_epoch(), 1);
}

// Another deduper refused it: it would come a second time, also when the window
// has forgotten it.
TEST_F(CoreTest, SessionUnderANewNumberGoesOnWhereItStood) {
  Apply(OpenInput("a", 1, 111));
  Frame("a", 0, {IdAt({}, 1), IdAt({}, 2)});
  InputRecord renamed = OpenInput("a", 8, 111);
  ApplyResult result = Apply(renamed);
  EXPECT_EQ(result.outcome, Outcome::kApplied);
  EXPECT_EQ(result.expected_offset, 2);
  EXPECT_EQ(core_->sessions().Find("a", 1), nullptr);
  EXPECT_EQ(last_.records.size(), 1) << "no loss";
  EXPECT_EQ(Apply(renamed).expected_offset, 2);
}

TEST_F(CoreTest, LostSessionThatTurnsUpUnderANewNumberIsTaken) {
  InputRecord open = OpenInput("a", 1, 111);
  open.mutable_opened()->mutable_sessions(0)->set_end_offset(5);
  Apply(open);
  Frame("a", 0, {IdAt({}, 1), IdAt({}, 2)});
  Apply(OpenInput("a", 2, 222));
  EXPECT_TRUE(core_->sessions().Find("a", 1)->lost());
  EXPECT_EQ(Apply(OpenInput("a", 8, 111)).expected_offset, 0);
}

TEST_F(CoreTest, WhatASourceNoLongerRetainsIsALossNotAWait) {
  Open("a");
  InputRecord open = OpenInput("a", 1);
  open.mutable_opened()->mutable_sessions(0)->set_first_retained_offset(10);
  ApplyResult result = Apply(open);
  EXPECT_EQ(result.expected_offset, 10);
  EXPECT_EQ(record(1).loss().offsets(), 10);
  EXPECT_EQ(core_->sessions().Find("a", 1)->contiguous_offset(), 0);
  EXPECT_EQ(core_->state().lost_lines(), 10);
}

TEST_F(CoreTest, LossMovesExpectedButNotContiguous) {
  Open("a");
  Frame("a", 0, {IdAt({}, 1)});
  EXPECT_EQ(Apply(LossInput("a", 1, 1, 4)).expected_offset, 5);
  EXPECT_EQ(Frame("a", 5, {IdAt({}, 2)}).expected_offset, 6);
  EXPECT_EQ(core_->sessions().Find("a", 1)->contiguous_offset(), 1);
  EXPECT_EQ(core_->state().lost_lines(), 4);
}

TEST_F(CoreTest, LossWithoutOffsetsTakesItsOwnOne) {
  Open("a");
  EXPECT_EQ(Apply(LossInput("a", 1, 0, 0)).expected_offset, 1);
  EXPECT_EQ(core_->state().lost_lines(), 1);
}

TEST_F(CoreTest, CoverIsKeptByItsStart) {
  Open("a");
  Apply(CoverInput("a", 1, 0, TestStart(), TestStart() + absl::Seconds(1)));
  Interval span{absl::ToUnixMicros(TestStart()),
                absl::ToUnixMicros(TestStart() + absl::Seconds(1))};
  auto stored = ReadCover(store_, span);
  ASSERT_TRUE(stored.ok());
  ASSERT_EQ(stored->size(), 1);
  EXPECT_TRUE(stored->begin()->second.Covers(span));
  EXPECT_TRUE(record(0).has_cover());
}

TEST_F(CoreTest, AncientFutureAndTimelessKeysAreLateAndDeliveredOnce) {
  Open("a");
  Open("b");
  std::vector<uint64_t> ids = {IdAt(-absl::Hours(27)), IdAt(absl::Hours(1)), 20, IdAt({}, 1)};
  EXPECT_EQ(Frame("a", 0, ids).new_events, 4);
  EXPECT_EQ(record(0).events().late_bitmap(), "\x07");
  EXPECT_EQ(core_->state().stray_count(), 3);
  EXPECT_EQ(Frame("b", 0, ids).new_events, 0);
  Load();
  EXPECT_EQ(Frame("a", 4, ids).new_events, 0);
  EXPECT_EQ(core_->state().late_events(), 3);
}

TEST_F(CoreTest, StrayIsStillKnownWhenTimeReachesIt) {
  Open("a");
  Frame("a", 0, {IdAt(absl::Hours(1))});
  Tick(absl::Hours(1));
  EXPECT_EQ(Frame("a", 1, {IdAt(absl::Hours(1))}).new_events, 0);
}

TEST_F(CoreTest, StraysAreForgottenAfterTheirSpan) {
  Open("a");
  Frame("a", 0, {20});
  Tick(absl::Hours(25));
  EXPECT_EQ(Frame("a", 1, {20}).new_events, 0);
  Tick(absl::Hours(2));
  EXPECT_TRUE(store_.table(Table::kStrays).empty());
  EXPECT_EQ(Frame("a", 2, {20}).new_events, 1);
}

TEST_F(CoreTest, FloorMovesWithTicksAndKeysBelowItAreOutside) {
  Open("a");
  Frame("a", 0, {IdAt({}, 1)});
  Tick(absl::Hours(27));
  EXPECT_EQ(core_->floor(), TestStart() + absl::Hours(1));
  EXPECT_TRUE(store_.table(Table::kIds).empty());
  // Below the floor: delivered again, marked late.
  EXPECT_EQ(Frame("a", 1, {IdAt({}, 1)}).new_events, 1);
  EXPECT_EQ(record(0).events().late_bitmap(), "\x01");
}

TEST_F(CoreTest, EarliestSequenceFollowsRetentionAndDropsTheLog) {
  Open("a");
  Frame("a", 0, {IdAt({}, 1), IdAt({}, 2)});
  Tick(absl::Minutes(2));
  Frame("a", 2, {IdAt(absl::Minutes(2), 3)});
  Tick(absl::Hours(13));
  EXPECT_EQ(core_->state().earliest_sequence(), 1);
  Tick(absl::Hours(13));
  EXPECT_EQ(core_->state().earliest_sequence(), 3);
  EXPECT_GE(DecodeLogKey(store_.table(Table::kLog).begin()->first).sequence, 3);
}

TEST_F(CoreTest, TwoAgreeingSourcesSetTheClock) {
  Open("a");
  Open("b");
  absl::Time x_time = TestStart() + absl::Minutes(7);
  Apply(FrameInput("a", 1, 0, {IdAt({}, 1)}, x_time));
  Tick(absl::Seconds(1));
  EXPECT_EQ(core_->now(), TestStart() + absl::Seconds(1)) << "one source is not enough";
  Apply(FrameInput("b", 1, 0, {IdAt({}, 2)}, x_time + absl::Seconds(1)));
  Tick(absl::Seconds(1));
  EXPECT_NEAR(absl::ToDoubleSeconds(core_->now() - x_time), 2, 0.001);
}

TEST_F(CoreTest, SourcesThatDisagreeOrAreSilentDoNotSetTheClock) {
  Open("a");
  Open("b");
  Apply(FrameInput("a", 1, 0, {IdAt({}, 1)}, TestStart() + absl::Minutes(7)));
  Apply(FrameInput("b", 1, 0, {IdAt({}, 2)}, TestStart() + absl::Minutes(8)));
  Tick(absl::Seconds(1));
  EXPECT_EQ(core_->now(), TestStart() + absl::Seconds(1));
  Apply(FrameInput("b", 1, 1, {IdAt({}, 3)}, TestStart() + absl::Minutes(9)));
  Tick(absl::Minutes(1));
  EXPECT_EQ(core_->now(), TestStart() + absl::Seconds(61));
}

TEST_F(CoreTest, FloorNeverGoesBack) {
  Open("a");
  Open("b");
  Tick(absl::Hours(2));
  absl::Time floor = core_->floor();
  Apply(FrameInput("a", 1, 0, {IdAt({}, 1)}, TestStart()));
  Apply(FrameInput("b", 1, 0, {IdAt({}, 2)}, TestStart()));
  Tick(absl::Seconds(1));
  EXPECT_LT(core_->now(), TestStart() + absl::Minutes(1));
  EXPECT_EQ(core_->floor(), floor);
}

TEST_F(CoreTest, WallClockADayAheadAtAStartDoesNotThrowTheWindowAway) {
  Open("a");
  Frame("a", 0, {IdAt({}, 1)});
  Tick(absl::Seconds(1));
  absl::Time floor = core_->floor();
  store::v1::InputRecord start = TickInput(absl::Hours(48), core_->now() + absl::Hours(48));
  start.mutable_tick()->set_first_after_start(true);
  Apply(start);
  EXPECT_LE(core_->floor(), floor + absl::Minutes(1));
  EXPECT_EQ(core_->state().earliest_sequence(), 1);
  EXPECT_EQ(Frame("a", 1, {IdAt({}, 1)}).new_events, 0);
}

TEST_F(CoreTest, PostReceivedAheadOfTheCoresTimeIsNoStray) {
  Open("a");
  absl::Time ahead = TestStart() + absl::Hours(3);
  Apply(FrameInput("a", 1, 0, {IdAt(absl::Hours(3), 1)}, ahead));
  EXPECT_EQ(core_->state().late_events(), 0);
}

TEST_F(CoreTest, RecordsWithoutSequencesStandBetweenThoseWith) {
  Open("a");
  EXPECT_EQ(last_.records[0].first_sequence, 1);
  uint32_t ordinal = last_.records[0].ordinal;
  Apply(CoverInput("a", 1, 0, TestStart(), TestStart() + absl::Seconds(1)));
  EXPECT_EQ(last_.records[0].ordinal, ordinal + 1);
  Frame("a", 1, {IdAt({}, 1)});
  EXPECT_EQ(last_.records[0].ordinal, ordinal + 2);
  Apply(CoverInput("a", 1, 2, TestStart(), TestStart() + absl::Seconds(1)));
  EXPECT_EQ(last_.records[0].first_sequence, 2);
  EXPECT_EQ(last_.records[0].ordinal, 0);
}

TEST_F(CoreTest, LossCutsTheCoversThatComeAfterIt) {
  Open("a");
  absl::Time lost_until = TestStart() + absl::Seconds(10);
  store::v1::InputRecord loss = CoverInput("a", 1, 0, TestStart(), TestStart());
  loss.mutable_record()->mutable_record()->mutable_loss()->set_offsets(1);
  SetTime(lost_until,
          loss.mutable_record()->mutable_record()->mutable_loss()->mutable_last_receive_time());
  Apply(loss);
  // Written before the spool gave up what stands before it.
  Apply(CoverInput("a", 1, 1, TestStart(), lost_until));
  EXPECT_TRUE(last_.records.empty());
  Apply(CoverInput("a", 1, 2, TestStart(), lost_until + absl::Seconds(5)));
  ASSERT_EQ(last_.records.size(), 1);
  const v1::TimeRange& range = last_.records[0].record->cover().create_time_range();
  EXPECT_EQ(ToTime(range.start_time()), lost_until + absl::Milliseconds(1));
  EXPECT_EQ(ToTime(range.end_time()), lost_until + absl::Seconds(5));
}

TEST_F(CoreTest, LossOfUnknownTimeVoidsCoversUntilTheNextFrame) {
  Open("a");
  store::v1::InputRecord loss = CoverInput("a", 1, 0, TestStart(), TestStart());
  loss.mutable_record()->mutable_record()->mutable_loss()->set_offsets(1);
  Apply(loss);
  Apply(CoverInput("a", 1, 1, TestStart(), TestStart() + absl::Seconds(5)));
  EXPECT_TRUE(last_.records.empty());
  Frame("a", 2, {IdAt({}, 1)});
  Apply(CoverInput("a", 1, 3, TestStart(), TestStart() + absl::Hours(1)));
  ASSERT_EQ(last_.records.size(), 1);
  EXPECT_GT(ToTime(last_.records[0].record->cover().create_time_range().start_time()), TestStart());
}

}  // namespace
}  // namespace braid
