#include "proto/check_times.h"

#include "braid/v1/ingest_service.pb.h"
#include "gtest/gtest.h"

namespace braid {
namespace {

TEST(CheckTimesTest, TimesFrom1970To9999Pass) {
  v1::SessionRecord record;
  google::protobuf::Timestamp* time = record.mutable_frame()->mutable_base_receive_time();
  EXPECT_TRUE(CheckTimes(record).ok());
  time->set_seconds(253402300799);
  time->set_nanos(999999999);
  EXPECT_TRUE(CheckTimes(record).ok());
}

TEST(CheckTimesTest, TimesBeyondAreRefusedByName) {
  for (int64_t seconds : {INT64_MIN, int64_t{-1}, int64_t{253402300800}, INT64_MAX}) {
    v1::SessionRecord record;
    record.mutable_cover()->mutable_create_time_range()->mutable_end_time()->set_seconds(seconds);
    EXPECT_EQ(CheckTimes(record).message(), "end_time is out of range");
  }
  v1::SessionRecord record;
  record.mutable_loss()->mutable_last_receive_time()->set_nanos(-1);
  EXPECT_EQ(CheckTimes(record).message(), "last_receive_time is out of range");
}

TEST(CheckTimesTest, DurationsAndRepeatedMessagesAreLookedAt) {
  v1::SessionRecord event;
  event.mutable_event()->mutable_clock_skew()->set_seconds(-5);
  EXPECT_TRUE(CheckTimes(event).ok());
  event.mutable_event()->mutable_clock_skew()->set_seconds(INT64_MIN);
  EXPECT_EQ(CheckTimes(event).message(), "clock_skew is out of range");
  v1::SessionRecord frame;
  frame.mutable_frame()->add_keys();
  frame.mutable_frame()->add_keys()->mutable_event_time()->set_seconds(INT64_MAX);
  EXPECT_EQ(CheckTimes(frame).message(), "event_time is out of range");
}

}  // namespace
}  // namespace braid
