#include "dedupe/live_copies.h"

#include <gtest/gtest.h>

#include <memory>

#include "tests/dedupe/core_inputs.h"

namespace braid {
namespace {

const absl::Time kNow = TestStart() + absl::Hours(1);

CommittedRecord Delivered(bool is_first, absl::Time received,
                          v1::EventOrigin origin = v1::EVENT_ORIGIN_LIVE) {
  auto entry = std::make_shared<store::v1::LogRecord>();
  v1::Frame frame = MakeFrame({1, 2, 3, 4}, received);
  frame.set_origin(origin);
  *(is_first ? entry->mutable_events()->mutable_frame()
             : entry->mutable_sightings()->mutable_frame()) = frame;
  CommittedRecord record;
  record.sequence_count = is_first ? 4 : 0;
  record.record = entry;
  return record;
}

TEST(LiveCopiesTest, TwoHealthyConnectionsAreTwoCopies) {
  LiveCopies copies;
  copies.Add(Delivered(true, kNow), kNow);
  copies.Add(Delivered(false, kNow), kNow);
  EXPECT_EQ(copies.copies(), 8u);
  EXPECT_EQ(copies.events(), 4u);
}

TEST(LiveCopiesTest, BackfillBringsNoCopiesOfTheLastMinute) {
  LiveCopies copies;
  copies.Add(Delivered(true, kNow), kNow);
  for (int i = 0; i < 30; ++i) copies.Add(Delivered(false, kNow, v1::EVENT_ORIGIN_BACKFILL), kNow);
  EXPECT_EQ(copies.copies(), 4u);
}

TEST(LiveCopiesTest, ASpoolOfAnHourAgoBringsNeitherCopiesNorEvents) {
  LiveCopies copies;
  copies.Add(Delivered(false, kNow - absl::Minutes(30)), kNow);
  copies.Add(Delivered(true, kNow - absl::Minutes(30)), kNow);
  EXPECT_EQ(copies.copies(), 0u);
  EXPECT_EQ(copies.events(), 0u);
}

}  // namespace
}  // namespace braid
