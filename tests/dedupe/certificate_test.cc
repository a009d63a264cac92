// Grades by facts, and versions over random lives of a stream.

#include "dedupe/certificate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "dedupe/core.h"
#include "dedupe/cover_keys.h"
#include "proto/proto_time.h"
#include "proto/snowflake.h"
#include "tests/dedupe/core_inputs.h"
#include "tests/dedupe/mem_store.h"

namespace braid {
namespace {

using store::v1::StoredGap;
using v1::Certificate;
using v1::Gap;

int64_t Start() { return absl::ToUnixMicros(TestStart()); }
// Seconds since the start.
Interval Seconds(int64_t from, int64_t until) {
  return {Start() + from * 1'000'000, Start() + until * 1'000'000};
}

class CertificateTest : public testing::Test {
 protected:
  CertificateTest() {
    facts_.range = Seconds(0, 180);
    facts_.watermark_micros = Seconds(0, 180).until;
    facts_.connections = {{"a", 0}, {"b", 0}};
    facts_.partitions = {{"a", 0}, {"b", 0}, {"job", 0}};
  }
  void Cover(const std::string& id, int64_t from, int64_t until,
             v1::EventOrigin origin = v1::EVENT_ORIGIN_LIVE) {
    facts_.cover[{id, origin}].Add(Seconds(from, until));
  }
  StoredGap& AddGap(int64_t from, int64_t until, Gap::State state,
                    Gap::Kind kind = Gap::KIND_TOTAL_OUTAGE) {
    StoredGap gap;
    gap.set_number(facts_.gaps.size() + 1);
    gap.set_kind(kind);
    gap.set_state(state);
    gap.set_from_micros(Seconds(from, until).from);
    gap.set_until_micros(Seconds(from, until).until);
    gap.set_usual_rate(10);
    facts_.gaps.push_back(gap);
    return facts_.gaps.back();
  }
  std::vector<Certificate::Grade> Grades() const {
    std::vector<Certificate::Grade> grades;
    Certificate::Body body = CertificateOf(facts_);
    for (const auto& minute : body.minutes()) grades.push_back(minute.grade());
    return grades;
  }

  CertificateFacts facts_;
};

using Grades3 = std::vector<Certificate::Grade>;
constexpr auto kAll = Certificate::GRADE_COVERED_BY_ALL;
constexpr auto kOne = Certificate::GRADE_COVERED_BY_ONE;
constexpr auto kRecovered = Certificate::GRADE_RECOVERED;
constexpr auto kSuspect = Certificate::GRADE_SUSPECT;
constexpr auto kLost = Certificate::GRADE_LOST;
constexpr auto kPending = Certificate::GRADE_PENDING;

TEST_F(CertificateTest, GradesByWhoCovers) {
  Cover("a", 0, 180);
  Cover("b", 0, 90);
  EXPECT_EQ(Grades(), (Grades3{kAll, kOne, kOne}));
  Certificate::Body body = CertificateOf(facts_);
  EXPECT_EQ(body.minutes(0).covering_sources_size(), 2);
  EXPECT_EQ(body.minutes(1).covering_sources_size(), 1);
  EXPECT_GT(body.limits_size(), 4);
}

TEST_F(CertificateTest, TwoConnectionsInTurnsAreWholeButNotByAll) {
  Cover("a", 0, 100);
  Cover("b", 80, 180);
  EXPECT_EQ(Grades(), (Grades3{kOne, kOne, kOne}));
}

TEST_F(CertificateTest, OneConnectionAloneIsNotAll) {
  facts_.connections = {{"a", 0}};
  Cover("a", 0, 180);
  EXPECT_EQ(Grades(), (Grades3{kOne, kOne, kOne}));
}

TEST_F(CertificateTest, PartitionsAreNoCopiesOfEachOther) {
  facts_.connections = {{"a", 1}, {"b", 2}};
  facts_.partitions = {{"a", 1}, {"b", 2}};
  Cover("a", 0, 180);
  Cover("b", 0, 120);
  EXPECT_EQ(Grades(), (Grades3{kOne, kOne, Certificate::GRADE_UNSPECIFIED}));
}

TEST_F(CertificateTest, WhatOnlyAJobOrBackfillCoversIsRecovered) {
  Cover("a", 0, 60);
  Cover("b", 0, 60);
  Cover("a", 60, 120, v1::EVENT_ORIGIN_BACKFILL);
  Cover("job", 120, 180, v1::EVENT_ORIGIN_RECOVERY);
  EXPECT_EQ(Grades(), (Grades3{kAll, kRecovered, kRecovered}));
}

TEST_F(CertificateTest, RecoveredGapShowsAlsoWhereASpoolFilledIt) {
  Cover("a", 0, 180);
  Cover("b", 0, 180);
  AddGap(70, 80, Gap::STATE_RECOVERED);
  EXPECT_EQ(Grades(), (Grades3{kAll, kRecovered, kAll}));
}

TEST_F(CertificateTest, OpenLostWaivedAndPausedGapsAreLost) {
  Cover("a", 0, 180);
  for (Gap::State state :
       {Gap::STATE_OPEN, Gap::STATE_RECOVERING, Gap::STATE_LOST, Gap::STATE_WAIVED}) {
    facts_.cover.clear();
    facts_.gaps.clear();
    Cover("a", 0, 70);
    Cover("a", 80, 180);
    AddGap(70, 80, state);
    EXPECT_EQ(Grades(), (Grades3{kOne, kLost, kOne})) << state;
    Certificate::Minute minute = CertificateOf(facts_).minutes(1);
    EXPECT_EQ(minute.missing().value(), 100);
    EXPECT_EQ(minute.gaps(0), 1);
  }
  facts_.gaps.clear();
  AddGap(70, 80, Gap::STATE_OPEN, Gap::KIND_PAUSED);
  EXPECT_EQ(Grades(), (Grades3{kOne, kLost, kOne}));
}

TEST_F(CertificateTest, CoverThatCameAfterTheLossHealsIt) {
  Cover("a", 0, 180);
  AddGap(70, 80, Gap::STATE_LOST);
  EXPECT_EQ(Grades(), (Grades3{kOne, kOne, kOne}));
}

TEST_F(CertificateTest, OneSidedGapIsLostThoughConnectionsVouchUntilItIsFetched) {
  Cover("a", 0, 180);
  Cover("b", 0, 180);
  AddGap(70, 80, Gap::STATE_OPEN, Gap::KIND_ONE_SIDED);
  EXPECT_EQ(Grades(), (Grades3{kAll, kLost, kAll}));
  Cover("job", 60, 120, v1::EVENT_ORIGIN_RECOVERY);
  EXPECT_EQ(Grades(), (Grades3{kAll, kAll, kAll}));
  facts_.gaps[0].set_state(Gap::STATE_RECOVERED);
  EXPECT_EQ(Grades(), (Grades3{kAll, kRecovered, kAll}));
}

TEST_F(CertificateTest, VolumeDropsAndTheCapAreSuspect) {
  Cover("a", 0, 180);
  AddGap(10, 20, Gap::STATE_CLEARED, Gap::KIND_VOLUME_DROP);
  facts_.capped.Add(Seconds(130, 131));
  EXPECT_EQ(Grades(), (Grades3{kSuspect, kOne, kSuspect}));
}

TEST_F(CertificateTest, AboveTheWatermarkItIsPendingOrLost) {
  Cover("a", 0, 100);
  facts_.watermark_micros = Seconds(0, 100).until;
  EXPECT_EQ(Grades(), (Grades3{kOne, kPending, kPending}));
  AddGap(100, 110, Gap::STATE_OPEN);
  EXPECT_EQ(Grades(), (Grades3{kOne, kLost, kPending}));
}

TEST_F(CertificateTest, SumsMinutes) {
  int64_t first = Start() / kMinuteMicros;
  facts_.minutes[first].events = 2;
  facts_.minutes[first].keys.AddKey("x");
  facts_.minutes[first + 2].events = 3;
  facts_.minutes[first + 2].keys.AddKey("y");
  Certificate::Body body = CertificateOf(facts_);
  EXPECT_EQ(body.unique_events(), 5);
  KeysDigest both;
  both.AddKey("y");
  both.AddKey("x");
  EXPECT_EQ(body.keys_digest(), both.Bytes());
  EXPECT_EQ(body.minutes(1).keys_digest(), std::string(32, '\0'));
}

v1::TimeRange RangeOf(absl::Time from, absl::Time until) {
  v1::TimeRange range;
  SetTime(from, range.mutable_start_time());
  SetTime(until, range.mutable_end_time());
  return range;
}

TEST(CertificateRangeTest, TakesWholeMinutesOfAtMostADay) {
  absl::Time start = TestStart();
  absl::Time now = start + absl::Hours(24);
  EXPECT_TRUE(CertificateRange(RangeOf(start, start + absl::Hours(24)), now).ok());
  for (const v1::TimeRange& range :
       {v1::TimeRange(), RangeOf(start + absl::Seconds(1), start + absl::Minutes(2)),
        RangeOf(start, start + absl::Minutes(1) + absl::Nanoseconds(1)), RangeOf(start, start),
        RangeOf(start, start + absl::Hours(24) + absl::Minutes(1))}) {
    EXPECT_TRUE(absl::IsInvalidArgument(CertificateRange(range, now).status()))
        << range.ShortDebugString();
  }
  EXPECT_TRUE(absl::IsOutOfRange(
      CertificateRange(RangeOf(start, now), now + absl::Hours(24 * 400)).status()));
}

// Connections that vouch, pause, fall silent, catch up and give up.
class World {
 public:
  explicit World(uint64_t seed) : random_(seed) {
    Core::Options options;
    options.gaps.hold_max = absl::Minutes(3);
    options.gaps.recoverable_for = absl::Minutes(6);
    core_ = *Core::Load(store_, options);
    store::v1::InputRecord tick = TickInput(absl::ZeroDuration(), now_);
    tick.mutable_tick()->set_first_after_start(true);
    for (const char* id : {"a", "b"}) tick.mutable_tick()->add_sources(id);
    Apply(tick);
    for (const char* id : {"a", "b"}) Apply(OpenInput(id, 1));
  }

  void Step() {
    int source = static_cast<int>(random_.Below(2));
    switch (random_.Below(12)) {
      case 0:
        receiving_[source] = !receiving_[source];
        break;
      case 1:
        Event(source, random_.Below(5) == 0 ? absl::Minutes(4) : absl::ZeroDuration());
        break;
      case 2:
        if (random_.Below(4) == 0) CatchUp(source);
        break;
      case 3:
        if (random_.Below(6) == 0) Waive();
        break;
      default:
        Second();
    }
  }
  CertificateFacts Facts() const {
    return *ReadCertificateFacts(store_, Seconds(60, 360), {{"a", 0}, {"b", 0}}, core_->now());
  }

 private:
  void Apply(store::v1::InputRecord input) {
    absl::Status status = CommitInput(std::move(input), core_.get(), &store_).status();
    ASSERT_TRUE(status.ok()) << status;
  }
  static const char* Id(int source) { return source == 0 ? "a" : "b"; }
  void Event(int source, absl::Duration late) {
    uint64_t id = FirstSnowflakeAt(now_ - late) + random_.Below(1 << 22);
    Apply(FrameInput(Id(source), 1, offset_[source]++, {id}, now_));
  }
  void Vouch(int source, absl::Time from, absl::Time until, v1::EventOrigin origin) {
    store::v1::InputRecord input = CoverInput(Id(source), 1, offset_[source]++, from, until);
    input.mutable_record()->mutable_record()->mutable_cover()->set_origin(origin);
    Apply(input);
  }
  // A part of what it has missed.
  void CatchUp(int source) {
    absl::Time from = now_ - absl::Seconds(random_.Below(300));
    v1::EventOrigin origin =
        random_.Below(2) == 0 ? v1::EVENT_ORIGIN_BACKFILL : v1::EVENT_ORIGIN_LIVE;
    Vouch(source, from, from + absl::Seconds(1 + random_.Below(100)), origin);
  }
  void Waive() {
    store::v1::InputRecord input = CommandInput(store::v1::Command::ACTION_WAIVE_GAP);
    input.mutable_command()->set_gap(core_->gaps().ledger().last_number());
    input.mutable_command()->set_reason("known");
    Apply(input);
  }
  void Second() {
    store::v1::InputRecord tick = TickInput(absl::Seconds(1), now_ += absl::Seconds(1));
    for (int source : {0, 1}) {
      if (receiving_[source]) {
        absl::Time from = std::max(vouched_[source], now_ - absl::Seconds(12));
        vouched_[source] = now_ - absl::Seconds(10);
        if (from < vouched_[source]) {
          Vouch(source, from, vouched_[source], v1::EVENT_ORIGIN_LIVE);
        }
      }
      auto* attention = tick.mutable_tick()->add_attention();
      attention->set_source_id(Id(source));
      attention->set_receiving(receiving_[source]);
      attention->set_drained(true);
    }
    Apply(tick);
  }

  SeededRandom random_;
  MemStore store_;
  std::unique_ptr<Core> core_;
  absl::Time now_ = TestStart();
  bool receiving_[2] = {true, true};
  uint64_t offset_[2] = {0, 0};
  absl::Time vouched_[2] = {TestStart(), TestStart()};
};

// What is certified, but for names of gaps (one that is split goes on as two)
// and for how much a one-sided gap lacks: that is refined as more is compared.
std::string Certified(const Certificate::Body& body, const CertificateFacts& facts) {
  std::set<uint64_t> one_sided;
  for (const store::v1::StoredGap& gap : facts.gaps) {
    if (gap.kind() == v1::Gap::KIND_ONE_SIDED) one_sided.insert(gap.number());
  }
  Certificate::Body stripped;
  for (Certificate::Minute minute : body.minutes()) {
    for (uint64_t gap : minute.gaps()) {
      if (one_sided.count(gap) > 0) minute.clear_missing();
    }
    minute.clear_gaps();
    *stripped.add_minutes() = minute;
  }
  return stripped.SerializeAsString();
}

TEST(CertificatePropertyTest, VersionRisesExactlyWithChanges) {
  std::map<Certificate::Grade, int> seen;
  int silent = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    World world(seed);
    Certificate::Body before = CertificateOf(world.Facts());
    CertificateFacts facts_before = world.Facts();
    for (int step = 0; step < 1200; ++step) {
      world.Step();
      CertificateFacts facts = world.Facts();
      Certificate::Body after = CertificateOf(facts);
      ASSERT_GE(after.version(), before.version()) << seed << " " << step;
      bool changed = Certified(after, facts) != Certified(before, facts_before);
      if (changed) {
        ASSERT_GT(after.version(), before.version()) << seed << " " << step;
      } else {
        ++silent;
      }
      for (const auto& minute : after.minutes()) ++seen[minute.grade()];
      before = after;
      facts_before = facts;
    }
  }
  for (Certificate::Grade grade : {kAll, kOne, kRecovered, kLost, kPending}) {
    EXPECT_GT(seen[grade], 0) << Certificate::Grade_Name(grade);
  }
  EXPECT_GT(silent, 0);
}

}  // namespace
}  // namespace braid
