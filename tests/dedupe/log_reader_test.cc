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

TEST_F(LogReaderTest, ADamagedEntryIsDataLossAndNeverDelivered) {
  std::string key = EncodeLogKey({5, 0});
  std::string value = *log_.store().Get(Table::kLog, key);
  for (size_t at : {size_t{0}, size_t{20}, value.size() - 1}) {
    std::string damaged = value;
    damaged[at] ^= 0x40;
    WriteSet changes;
    changes.Put(Table::kLog, key, damaged);
    ASSERT_TRUE(log_.store().Commit(changes).ok());
    auto before = cold_->reader().Read(1, 1 << 20);
    ASSERT_TRUE(before.ok());
    EXPECT_EQ(before->size(), 2u);
    EXPECT_TRUE(absl::IsDataLoss(cold_->reader().Read(5, 1 << 20).status()));
  }
}

}  // namespace
}  // namespace braid
