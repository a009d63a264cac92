#include "dedupe/log_reader.h"

#include <gtest/gtest.h>

#include "proto/reason.h"
#include "tests/dedupe/test_log.h"

namespace braid {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1790000100);

absl::Time At(int seconds) { return kStart + absl::Seconds(seconds); }

class LogReaderTest : public ::testing::Test {
 protected:
  LogReaderTest() {
    log_.AddTick(At(0));
    log_.AddPosts("a", {PostId(1), PostId(2), PostId(3)}, At(1));  // 1..3
    log_.AddSightings("b", {PostId(1)}, At(2));
    log_.AddTick(At(2));
    log_.AddNotice("hello", At(3));                      // 4
    log_.AddPosts("b", {PostId(4), PostId(5)}, At(10));  // 5..6
    log_.AddTick(At(11));
    cold_ = log_.Reopen();
  }
  // As if a byte of the disk had changed.
  void Damage(LogKey at, size_t byte = 20) {
    std::string key = EncodeLogKey(at);
    std::string value = *log_.store().Get(Table::kLog, key);
    value[byte] = static_cast<char>(value[byte] ^ 0x40);
    WriteSet changes;
    changes.Put(Table::kLog, key, value);
    ASSERT_TRUE(log_.store().Commit(changes).ok());
  }
  static void ExpectLost(const absl::Status& status, const std::string& from,
                         const std::string& until) {
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    Reason reason = ReasonOf(status);
    EXPECT_EQ(reason.reason, "LOG_DAMAGED");
    EXPECT_EQ(reason.metadata["lost_from_sequence"], from);
    EXPECT_EQ(reason.metadata["lost_until_sequence"], until);
  }

  TestLog log_;
  std::unique_ptr<ReadableStream> cold_;
};

TEST_F(LogReaderTest, StoreAndHotTailGiveTheSameRecords) {
  for (uint64_t from = 1; from <= 7; ++from) {
    auto hot = log_.stream().reader().Read(from, 1 << 20);
    auto cold = cold_->reader().Read(from, 1 << 20);
    ASSERT_TRUE(hot.ok() && cold.ok()) << from << hot.status() << cold.status();
    ASSERT_EQ(hot->size(), cold->size()) << from;
    for (size_t i = 0; i < hot->size(); ++i) {
      EXPECT_EQ((*hot)[i].first_sequence, (*cold)[i].first_sequence);
      EXPECT_EQ((*hot)[i].sequence_count, (*cold)[i].sequence_count);
      EXPECT_EQ((*hot)[i].record->SerializeAsString(), (*cold)[i].record->SerializeAsString());
    }
  }
}

TEST_F(LogReaderTest, FindsTheRecordThatHoldsASequence) {
  const uint64_t firsts[] = {1, 1, 1, 4, 5, 5};
  for (uint64_t s = 1; s <= 6; ++s) {
    auto record = cold_->reader().RecordOf(s);
    ASSERT_TRUE(record.ok()) << record.status();
    EXPECT_EQ(record->first_sequence, firsts[s - 1]);
  }
  EXPECT_TRUE(absl::IsNotFound(cold_->reader().RecordOf(7).status()));
}

TEST_F(LogReaderTest, FindsTheFirstSequenceAdmittedAtATime) {
  EXPECT_EQ(*cold_->reader().FirstAdmittedAt(At(-5)), 1u);
  EXPECT_EQ(*cold_->reader().FirstAdmittedAt(At(1)), 1u);
  EXPECT_EQ(*cold_->reader().FirstAdmittedAt(At(2)), 4u);
  EXPECT_EQ(*cold_->reader().FirstAdmittedAt(At(4)), 5u);
  EXPECT_EQ(*cold_->reader().FirstAdmittedAt(At(11)), 7u);
}

TEST_F(LogReaderTest, PositionBehindRetentionIsToldWhatIsLost) {
  log_.SetEarliest(5);
  absl::Status status = log_.stream().reader().CheckPosition(2, At(1));
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  Reason reason = ReasonOf(status);
  EXPECT_EQ(reason.reason, "CURSOR_TOO_OLD");
  EXPECT_EQ(reason.metadata["earliest_sequence"], "5");
  EXPECT_EQ(reason.metadata["lost_sequences"], "3");
  EXPECT_EQ(reason.metadata["lost_from_time"], "2026-09-21T14:15:01+00:00");
  EXPECT_EQ(reason.metadata["lost_until_time"], "2026-09-21T14:15:10+00:00");
  EXPECT_TRUE(log_.stream().reader().CheckPosition(5, At(1)).ok());
}

TEST_F(LogReaderTest, PositionInTheFutureIsRefused) {
  EXPECT_TRUE(cold_->reader().CheckPosition(7, absl::InfinitePast()).ok());
  EXPECT_EQ(ReasonOf(cold_->reader().CheckPosition(8, absl::InfinitePast())).reason,
            "CURSOR_IN_FUTURE");
}

TEST_F(LogReaderTest, ADamagedEntryIsReportedWithItsIntervalAndNeverDelivered) {
  for (size_t at : {size_t{0}, size_t{20}, size_t{60}}) {
    Damage({5, 0}, at);
    auto before = cold_->reader().Read(1, 1 << 20);
    ASSERT_TRUE(before.ok());
    EXPECT_EQ(before->size(), 2u);
    ExpectLost(cold_->reader().Read(5, 1 << 20).status(), "5", "7");
    // From the middle of it only the rest is lost to the reader.
    ExpectLost(cold_->reader().Read(6, 1 << 20).status(), "6", "7");
    Damage({5, 0}, at);
    EXPECT_TRUE(cold_->reader().Read(5, 1 << 20).ok());
  }
}

TEST_F(LogReaderTest, ReadingGoesOnBehindADamagedEntry) {
  Damage({1, 1});
  ExpectLost(cold_->reader().Read(1, 1 << 20).status(), "1", "4");
  auto rest = cold_->reader().Read(4, 1 << 20);
  ASSERT_TRUE(rest.ok()) << rest.status();
  EXPECT_EQ(rest->size(), 2u);
}

TEST_F(LogReaderTest, ADamagedEntryWithoutEventsStopsNobody) {
  // Tick, sightings, tick: wherever a read begins.
  for (LogKey at : {LogKey{1, 0}, LogKey{4, 0}, LogKey{4, 1}, LogKey{7, 0}}) Damage(at);
  for (uint64_t from = 1; from <= 7; ++from) {
    auto read = cold_->reader().Read(from, 1 << 20);
    ASSERT_TRUE(read.ok()) << from << " " << read.status();
    auto hot = log_.stream().reader().Read(from, 1 << 20);
    EXPECT_EQ(read->size(), hot->size()) << from;
  }
  EXPECT_GT(cold_->reader().damaged_passed().value(), 0u);
}

TEST_F(LogReaderTest, AMissingEntryIsReportedLikeADamagedOne) {
  log_.store().Erase(Table::kLog, EncodeLogKey({4, 2}));
  auto before = cold_->reader().Read(1, 1 << 20);
  ASSERT_TRUE(before.ok());
  EXPECT_EQ(before->size(), 1u);
  ExpectLost(cold_->reader().Read(4, 1 << 20).status(), "4", "5");
  log_.store().Erase(Table::kLog, EncodeLogKey({5, 0}));
  ExpectLost(cold_->reader().Read(4, 1 << 20).status(), "4", "7");
}

TEST_F(LogReaderTest, StartByTimeFindsItsWayAroundDamage) {
  Damage({4, 2});
  EXPECT_EQ(*cold_->reader().FirstAdmittedAt(At(-5)), 1u);
  EXPECT_EQ(*cold_->reader().FirstAdmittedAt(At(1)), 1u);
  // May be what is damaged: the reader is told.
  EXPECT_EQ(*cold_->reader().FirstAdmittedAt(At(4)), 4u);
  EXPECT_EQ(*cold_->reader().FirstAdmittedAt(At(11)), 7u);
}

// Retention at the worst moment: between a look and the next one.
TEST_F(LogReaderTest, WhatIsDroppedWhileItIsReadIsNeverSkipped) {
  for (int call = 1; call <= 2; ++call) {
    TestLog log;
    log.AddPosts("a", {PostId(1), PostId(2)}, At(1));
    log.AddPosts("a", {PostId(3)}, At(2));
    auto cold = log.Reopen();
    int calls = 0;
    log.store().SetBeforeLook([&] {
      if (++calls != call) return;
      cold->OnCommit({}, {.earliest_sequence = 3});
      log.store().Erase(Table::kLog, EncodeLogKey({1, 0}));
    });
    auto read = cold->reader().Read(1, 1 << 20);
    EXPECT_EQ(ReasonOf(read.status()).reason, "CURSOR_TOO_OLD") << call << read.status();
    EXPECT_EQ(ReasonOf(read.status()).metadata["earliest_sequence"], "3");
  }
}

}  // namespace
}  // namespace braid
