#include "dedupe/gap_ledger.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "dedupe/cover_keys.h"
#include "tests/dedupe/mem_store.h"

namespace braid {
namespace {

using store::v1::StoredGap;
using v1::Gap;
using v1::StreamNotice;

std::string Spool(Interval) { return "spool"; }

std::vector<StreamNotice::Type> TypesOf(const GapLedger::Changes& changes) {
  std::vector<StreamNotice::Type> types;
  for (const GapLedger::Change& change : changes) types.push_back(change.type);
  return types;
}

class GapLedgerTest : public testing::Test {
 protected:
  GapLedger::Changes Report(std::vector<GapLedger::Hole> holes) {
    return ledger_.Report(0, holes, 1000);
  }
  GapLedger::Changes Cover(int64_t from, int64_t until) {
    covered_.Add({from, until});
    return ledger_.Narrow(0, covered_, 1000, Spool);
  }
  const StoredGap& gap(uint64_t number) const { return ledger_.gaps().at(number); }
  Interval SpanOf(uint64_t number) const {
    return {gap(number).from_micros(), gap(number).until_micros()};
  }
  void Reload() {
    WriteSet changes;
    ledger_.Seal(&changes);
    ASSERT_TRUE(store_.Commit(changes).ok());
    GapLedger again(store_, {});
    ASSERT_TRUE(again.Load(0).ok());
    ASSERT_EQ(again.gaps().size(), ledger_.gaps().size());
    for (const auto& [number, gap] : ledger_.gaps()) {
      EXPECT_EQ(again.gaps().at(number).SerializeAsString(), gap.SerializeAsString());
    }
    EXPECT_EQ(again.open_count(), ledger_.open_count());
  }

  MemStore store_;
  GapLedger ledger_{store_, {}};
  IntervalSet covered_;
};

TEST_F(GapLedgerTest, AOneSidedGapGrowsIsSplitAndClosesByWhatItIsTold) {
  GapLedger::Changes changes;
  uint64_t number = ledger_.ReportOneSided(0, {100, 200}, true, 1000, &changes);
  ledger_.Edit(number)->mutable_missing()->set_value(4);
  EXPECT_EQ(ledger_.ReportOneSided(0, {200, 300}, true, 1000, &changes), number);
  EXPECT_EQ(changes.size(), 1u);
  // Holes of cover are another matter, and so is cover by who was compared.
  Report({{{500, 600}, Gap::KIND_TOTAL_OUTAGE, true}});
  EXPECT_TRUE(gap(number).growing());
  EXPECT_TRUE(Cover(0, 300).empty());
  GapLedger::Change split = ledger_.SplitOff(number, 250, 1000);
  EXPECT_EQ(split.gap.parent(), number);
  EXPECT_EQ(split.gap.missing().value(), 4);
  EXPECT_EQ(SpanOf(split.gap.number()), (Interval{100, 250}));
  EXPECT_FALSE(gap(split.gap.number()).growing());
  EXPECT_EQ(SpanOf(number), (Interval{250, 300}));
  EXPECT_TRUE(gap(number).growing());
  EXPECT_EQ(ledger_.OpenOneSided(0).size(), 2u);
  // What comes behind it is live, not what fills it.
  ledger_.OnMerged(299, 7);
  ledger_.OnMerged(301, 8);
  EXPECT_EQ(gap(number).filled_events(), 1u);
  IntervalSet recovered;
  recovered.Add({100, 300});
  for (uint64_t open : ledger_.OpenOneSided(0)) {
    ledger_.NarrowOne(open, recovered, 1000, "recovery", &changes);
  }
  EXPECT_EQ(gap(number).state(), Gap::STATE_RECOVERED);
  EXPECT_TRUE(ledger_.OpenOneSided(0).empty());
}

TEST_F(GapLedgerTest, OneSidedGapsThatMeetSumWhatTheyMiss) {
  GapLedger::Changes changes;
  uint64_t first = ledger_.ReportOneSided(0, {100, 200}, false, 1000, &changes);
  uint64_t second = ledger_.ReportOneSided(0, {300, 400}, false, 1000, &changes);
  ledger_.Edit(first)->mutable_missing()->set_value(2);
  ledger_.Edit(second)->mutable_missing()->set_value(3);
  EXPECT_EQ(ledger_.ReportOneSided(0, {200, 300}, false, 1000, &changes), first);
  EXPECT_EQ(gap(first).missing().value(), 5);
  EXPECT_EQ(SpanOf(first), (Interval{100, 400}));
  EXPECT_EQ(ledger_.Surviving(second), first);
}

TEST_F(GapLedgerTest, AHoleIsAGapUntilItIsCovered) {
  EXPECT_EQ(TypesOf(Report({{{10, 20}}})), std::vector{StreamNotice::TYPE_GAP_OPENED});
  EXPECT_TRUE(Cover(0, 10).empty());
  EXPECT_EQ(TypesOf(Cover(8, 20)), std::vector{StreamNotice::TYPE_GAP_RECOVERED});
  EXPECT_EQ(gap(1).state(), Gap::STATE_RECOVERED);
  EXPECT_EQ(gap(1).recovered_by(), "spool");
  EXPECT_EQ(ledger_.open_count(), 0);
  Reload();
}

TEST_F(GapLedgerTest, AGrowingHoleIsOneGapAndIsToldOnce) {
  EXPECT_EQ(Report({{{10, 20}, Gap::KIND_TOTAL_OUTAGE, true}}).size(), 1);
  EXPECT_TRUE(Report({{{20, 21}, Gap::KIND_TOTAL_OUTAGE, true}}).empty());
  EXPECT_TRUE(gap(1).growing());
  EXPECT_TRUE(Report({{{21, 25}, Gap::KIND_TOTAL_OUTAGE, false}}).empty());
  EXPECT_FALSE(gap(1).growing());
  EXPECT_EQ(SpanOf(1), (Interval{10, 25}));
  Reload();
}

TEST_F(GapLedgerTest, AGapStopsGrowingWhenNothingIsAddedToIt) {
  Report({{{10, 20}, Gap::KIND_TOTAL_OUTAGE, true}});
  Report({});
  EXPECT_FALSE(gap(1).growing());
}

TEST_F(GapLedgerTest, CoverInTheMiddleSplitsAndTheOldNumberStaysInFront) {
  Report({{{10, 40}}});
  EXPECT_EQ(TypesOf(Cover(20, 30)),
            (std::vector{StreamNotice::TYPE_GAP_NARROWED, StreamNotice::TYPE_GAP_OPENED}));
  EXPECT_EQ(SpanOf(1), (Interval{10, 20}));
  EXPECT_EQ(SpanOf(2), (Interval{30, 40}));
  EXPECT_EQ(gap(2).parent(), 1);
  EXPECT_EQ(gap(1).first_from_micros(), 10);
  Reload();
}

TEST_F(GapLedgerTest, AHoleBetweenTwoGapsJoinsThemUnderTheOlderNumber) {
  Report({{{10, 20}}, {{30, 40}}});
  EXPECT_EQ(TypesOf(Report({{{20, 30}}})), std::vector{StreamNotice::TYPE_GAP_MERGED});
  EXPECT_EQ(SpanOf(1), (Interval{10, 40}));
  EXPECT_EQ(gap(2).state(), Gap::STATE_MERGED);
  EXPECT_EQ(gap(2).merged_into(), 1);
  EXPECT_EQ(ledger_.open_count(), 1);
  Reload();
}

TEST_F(GapLedgerTest, UnlikeGapsStayApart) {
  Report({{{10, 20}, Gap::KIND_PAUSED}});
  Report({{{20, 30}, Gap::KIND_TOTAL_OUTAGE}});
  EXPECT_EQ(SpanOf(1), (Interval{10, 20}));
  EXPECT_EQ(SpanOf(2), (Interval{20, 30}));
}

TEST_F(GapLedgerTest, AClosedGapIsNotReopenedByItsNeighbour) {
  Report({{{10, 20}}});
  EXPECT_TRUE(ledger_.Waive(1, "known", 1000).has_value());
  Report({{{20, 30}}});
  EXPECT_EQ(gap(1).state(), Gap::STATE_WAIVED);
  EXPECT_EQ(SpanOf(2), (Interval{20, 30}));
  EXPECT_FALSE(ledger_.Waive(1, "again", 1000).has_value());
}

TEST_F(GapLedgerTest, AGapIsLostWhenNobodyCanBeAskedAnyMore) {
  Report({{{10, 20}}, {{30, 40}}});
  EXPECT_EQ(TypesOf(ledger_.Lose(20, 1000)), std::vector{StreamNotice::TYPE_GAP_LOST});
  EXPECT_EQ(gap(1).state(), Gap::STATE_LOST);
  EXPECT_EQ(gap(2).state(), Gap::STATE_OPEN);
}

TEST_F(GapLedgerTest, WhatIsMergedIntoAnOpenGapIsCounted) {
  Report({{{10, 20}}});
  ledger_.OnMerged(9, 1);
  ledger_.OnMerged(10, 2);
  ledger_.OnMerged(19, 3);
  ledger_.OnMerged(20, 4);
  EXPECT_EQ(gap(1).filled_events(), 2);
  EXPECT_EQ(gap(1).first_fill_sequence(), 2);
  EXPECT_EQ(gap(1).last_fill_sequence(), 3);
}

TEST_F(GapLedgerTest, AtTheBoundAGapGrowsOverWhatIsWhole) {
  GapLedger ledger(store_, {2});
  ledger.Report(0, {{{10, 20}}, {{30, 40}}}, 1000);
  EXPECT_TRUE(ledger.Report(0, {{{50, 60}}}, 1000).empty());
  EXPECT_EQ(ledger.open_count(), 2);
  EXPECT_EQ(ledger.gaps().at(2).until_micros(), 60);
  IntervalSet covered;
  covered.Add({40, 50});
  ledger.Narrow(0, covered, 1000, Spool);
  EXPECT_EQ(ledger.open_count(), 2);
  EXPECT_EQ(ledger.gaps().at(2).until_micros(), 60);
}

TEST_F(GapLedgerTest, PartitionsHaveGapsOfTheirOwn) {
  ledger_.Report(1, {{{10, 20}}}, 1000);
  ledger_.Report(2, {{{20, 30}}}, 1000);
  EXPECT_EQ(ledger_.gaps().size(), 2);
  covered_.Add({0, 100});
  ledger_.Narrow(2, covered_, 1000, Spool);
  EXPECT_EQ(gap(1).state(), Gap::STATE_OPEN);
  EXPECT_EQ(gap(2).state(), Gap::STATE_RECOVERED);
}

TEST_F(GapLedgerTest, OldClosedGapsExpireAndOpenOnesDoNot) {
  Report({{{10, 20}}, {{30, 40}}});
  ledger_.Waive(1, "known", 50);
  Reload();
  WriteSet changes;
  ASSERT_TRUE(ledger_.Expire((GapLedger::kDaysKept + 1) * kDayMicros, &changes).ok());
  ASSERT_TRUE(store_.Commit(changes).ok());
  EXPECT_FALSE(store_.Get(Table::kCover, CoverGapKey(1)).ok());
  EXPECT_TRUE(store_.Get(Table::kCover, CoverGapKey(2)).ok());
}

// Against single instants: open gaps are the holes that were told and are not
// covered; no instant is in two; instants of closed gaps stay closed.
TEST_F(GapLedgerTest, OpenGapsAreTheInstantsToldAndNotCovered) {
  constexpr int64_t kEnd = 60;
  for (uint32_t seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    MemStore store;
    GapLedger ledger(store, {});
    IntervalSet covered;
    std::map<int64_t, Gap::Kind> expected;
    int64_t told_until = 0;
    for (int step = 0; step < 40; ++step) {
      if (random() % 2 == 0) {
        Interval span{static_cast<int64_t>(random() % kEnd), 0};
        span.until = span.from + 1 + static_cast<int64_t>(random() % 12);
        covered.Add(span);
        for (int64_t i = span.from; i < span.until; ++i) expected.erase(i);
      } else {
        // What is new below the horizon.
        int64_t horizon = std::min<int64_t>(kEnd, told_until + static_cast<int64_t>(random() % 9));
        std::vector<GapLedger::Hole> holes;
        for (const Interval& hole : covered.Missing({told_until, horizon})) {
          Gap::Kind kind = random() % 3 == 0 ? Gap::KIND_PAUSED : Gap::KIND_TOTAL_OUTAGE;
          holes.push_back({hole, kind, false});
          for (int64_t i = hole.from; i < hole.until; ++i) expected[i] = kind;
        }
        told_until = horizon;
        ledger.Report(0, holes, 1000);
      }
      ledger.Narrow(0, covered, 1000, Spool);
      std::map<int64_t, Gap::Kind> open;
      for (const auto& [number, gap] : ledger.gaps()) {
        if (!IsOpen(gap)) continue;
        for (int64_t i = gap.from_micros(); i < gap.until_micros(); ++i) {
          EXPECT_TRUE(open.emplace(i, gap.kind()).second) << "twice: " << i;
        }
      }
      ASSERT_EQ(open, expected) << "seed " << seed << " step " << step;
    }
  }
}

}  // namespace
}  // namespace braid
