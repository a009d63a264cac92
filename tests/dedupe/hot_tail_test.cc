#include "dedupe/hot_tail.h"

#include <gtest/gtest.h>

namespace braid {
namespace {

CommittedRecord Record(uint64_t first, uint32_t count, size_t payload_bytes = 100) {
  auto record = std::make_shared<store::v1::LogRecord>();
  record->mutable_events()->set_new_count(count);
  record->mutable_events()->mutable_frame()->set_payload(std::string(payload_bytes, 'x'));
  return {first, count, 0, 0, record};
}

TEST(HotTailTest, ReadsFromTheMiddleOfARecord) {
  HotTail tail(10, {});
  tail.Append({Record(10, 3), Record(13, 2)});
  std::vector<CommittedRecord> records;
  ASSERT_TRUE(tail.Read(12, 1 << 20, &records));
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].first_sequence, 10u);
  EXPECT_EQ(tail.next_sequence(), 15u);
}

TEST(HotTailTest, SendsReadersBehindItToTheStore) {
  HotTail tail(10, {});
  std::vector<CommittedRecord> records;
  EXPECT_FALSE(tail.Read(9, 1 << 20, &records));
  EXPECT_TRUE(tail.Read(10, 1 << 20, &records));
  EXPECT_TRUE(records.empty());
}

TEST(HotTailTest, ForgetsTheOldestBeyondItsBound) {
  HotTail tail(1, {.bytes_max = 1000});
  for (uint64_t s = 1; s <= 100; ++s) tail.Append({Record(s, 1)});
  EXPECT_LE(tail.bytes(), 1000u);
  EXPECT_GT(tail.first_sequence(), 80u);
  std::vector<CommittedRecord> records;
  EXPECT_FALSE(tail.Read(tail.first_sequence() - 1, 1 << 20, &records));
  EXPECT_TRUE(tail.Read(tail.first_sequence(), 1 << 20, &records));
  EXPECT_EQ(records.back().first_sequence, 100u);
}

TEST(HotTailTest, StopsAtTheBytesAskedFor) {
  HotTail tail(1, {});
  for (uint64_t s = 1; s <= 10; ++s) tail.Append({Record(s, 1)});
  std::vector<CommittedRecord> records;
  ASSERT_TRUE(tail.Read(1, 250, &records));
  EXPECT_EQ(records.size(), 3u);
}

TEST(HotTailTest, RecordsWithoutSequencesAreNotHeld) {
  HotTail tail(1, {});
  tail.Append({Record(1, 0)});
  EXPECT_EQ(tail.bytes(), 0u);
  EXPECT_EQ(tail.next_sequence(), 1u);
}

TEST(HotTailTest, WakesAWaiterOnceWhenItsSequenceIsThere) {
  HotTail tail(1, {});
  int woken = 0;
  EXPECT_NE(tail.Wait({1}, [&] { ++woken; }), 0u);
  tail.Append({Record(1, 0)});
  EXPECT_EQ(woken, 0);
  tail.Append({Record(1, 1)});
  tail.Append({Record(2, 1)});
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(tail.Wait({1}, [&] { ++woken; }), 0u);
  HotTail::WaitId id = tail.Wait({3}, [&] { ++woken; });
  tail.Cancel(id);
  tail.Append({Record(3, 1)});
  EXPECT_EQ(woken, 1);
}

}  // namespace
}  // namespace braid
