#include "dedupe/creation_tail.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/utc_text.h"
#include "dedupe/keys.h"
#include "dedupe/tail_request.h"
#include "proto/reason.h"
#include "tests/dedupe/test_log.h"

namespace braid {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1790000000);
absl::Time At(int seconds) { return kStart + absl::Seconds(seconds); }

// Posts are created at PostId(n): the n-th second.
class CreationTailTest : public ::testing::Test {
 protected:
  v1::TailEventsRequest Request() {
    v1::TailEventsRequest request;
    request.set_parent("streams/main");
    request.set_order(v1::READ_ORDER_CREATION);
    request.mutable_start()->set_earliest(true);
    return request;
  }
  void Start(const v1::TailEventsRequest& request) {
    auto reading = StartReading(log_.stream(), request, At(1000));
    ASSERT_TRUE(reading.ok()) << reading.status();
    reading_ = *std::move(reading);
  }
  std::string ReasonOfStart(const v1::TailEventsRequest& request) {
    return ReasonOf(StartReading(log_.stream(), request, At(1000)).status()).reason;
  }
  // Until there is no more.
  v1::TailEventsResponse Read() {
    v1::TailEventsResponse all;
    while (true) {
      v1::TailEventsResponse batch;
      auto progress = reading_->Fill(&batch);
      status_ = progress.status();
      reading_->FillPosition(&batch);
      all.MergeFrom(batch);
      if (!progress.ok()) return all;
      progress_ = *progress;
      if (progress_ != Reading::Progress::kFull) return all;
    }
  }
  void Resume(const v1::TailEventsResponse& after) {
    v1::TailEventsRequest request = Request();
    request.set_cursor(after.position().cursor());
    Start(request);
  }
  static std::vector<int> Posts(const google::protobuf::RepeatedPtrField<v1::Event>& events) {
    std::vector<int> posts;
    for (const v1::Event& event : events) {
      posts.push_back(static_cast<int>(absl::ToInt64Seconds(SnowflakeTime(event.id()) - kStart)));
      EXPECT_EQ(event.payload(), PostLine(event.id()));
    }
    return posts;
  }
  using Numbers = std::vector<int>;

  TestLog log_;
  std::unique_ptr<Reading> reading_;
  Reading::Progress progress_ = Reading::Progress::kFull;
  absl::Status status_;
};

TEST_F(CreationTailTest, SortsByCreationUpToTheWatermark) {
  log_.AddPosts("a", {PostId(3), PostId(1), PostId(8)}, At(9));
  log_.AddFrame("b", {PostId(1), PostId(2), PostId(5)}, {false, true, true}, At(9));
  log_.SetWatermark(At(5));
  Start(Request());
  EXPECT_EQ(Posts(Read().events()), (Numbers{1, 2, 3}));
  EXPECT_EQ(progress_, Reading::Progress::kCaughtUp);
  log_.SetWatermark(At(10));
  EXPECT_EQ(Posts(Read().events()), (Numbers{5, 8}));
}

TEST_F(CreationTailTest, NothingComesInOrderBeforeTheFirstCover) {
  log_.AddPosts("a", {PostId(3), PostId(1)}, At(9));
  log_.AddNotice("hello", At(9));
  Start(Request());
  log_.AddNotice("there", At(9));
  v1::TailEventsResponse read = Read();
  EXPECT_EQ(read.events_size(), 0);
  EXPECT_EQ(read.late_events_size(), 0);
  ASSERT_EQ(read.notices_size(), 1);
  EXPECT_EQ(read.notices(0).sequence(), 4u);
  EXPECT_FALSE(read.position().has_watermark_time());
  log_.SetWatermark(At(2));
  read = Read();
  EXPECT_EQ(Posts(read.events()), (Numbers{1}));
  EXPECT_EQ(ToTime(read.position().watermark_time()), At(2));
}

TEST_F(CreationTailTest, WhatTurnsUpBelowTheCursorIsDeliveredAsLateOnce) {
  log_.AddPosts("a", {PostId(1), PostId(4)}, At(9));
  log_.SetWatermark(At(5));
  Start(Request());
  v1::TailEventsResponse first = Read();
  EXPECT_EQ(Posts(first.events()), (Numbers{1, 4}));
  log_.AddPosts("b", {PostId(3), PostId(7), PostId(2)}, At(10));
  for (bool resumed : {false, true}) {
    if (resumed) Resume(first);
    v1::TailEventsResponse read = Read();
    EXPECT_EQ(Posts(read.late_events()), (Numbers{3, 2})) << resumed;
    EXPECT_EQ(read.events_size(), 0);
    if (resumed) Resume(read);
    EXPECT_EQ(Read().late_events_size(), 0);
  }
  log_.SetWatermark(At(8));
  EXPECT_EQ(Posts(Read().events()), (Numbers{7}));
}

// It was looked up before the event came, and is delivered after.
TEST_F(CreationTailTest, EventThatComesWithinAHalfReadSpanIsNotSkipped) {
  log_.AddPosts("a", {PostId(1), PostId(2), PostId(6)}, At(9));
  log_.SetWatermark(At(20));
  v1::TailEventsRequest request = Request();
  request.set_max_batch_events(2);
  Start(request);
  v1::TailEventsResponse batch;
  ASSERT_EQ(*reading_->Fill(&batch), Reading::Progress::kFull);
  log_.AddPosts("b", {PostId(4), PostId(1) + 1}, At(10));
  v1::TailEventsResponse read = Read();
  EXPECT_EQ(Posts(read.late_events()), (Numbers{1}));
  EXPECT_EQ(Posts(read.events()), (Numbers{4, 6}));
}

TEST_F(CreationTailTest, StraysAreSortedInWhereTheyStoodAndLateWhereTheyCome) {
  log_.AddPosts("a", {PostId(1), PostId(4)}, At(9));
  log_.AddStrays("a", {PostId(3)}, At(9));
  log_.SetWatermark(At(5));
  Start(Request());
  EXPECT_EQ(Posts(Read().events()), (Numbers{1, 3, 4}));
  // Ancient, and in the future.
  log_.AddStrays("a", {20, PostId(90)}, At(10));
  EXPECT_EQ(Read().late_events_size(), 2);
  log_.SetWatermark(At(100));
  v1::TailEventsResponse read = Read();
  EXPECT_EQ(read.events_size() + read.late_events_size(), 0);
}

TEST_F(CreationTailTest, StartsByTimeOfCreationAndAtTheWatermark) {
  for (int i = 1; i < 9; ++i) log_.AddPosts("a", {PostId(9 - i)}, At(20));
  log_.SetWatermark(At(6));
  v1::TailEventsRequest request = Request();
  SetTime(At(3), request.mutable_start()->mutable_time());
  Start(request);
  EXPECT_EQ(Posts(Read().events()), (Numbers{3, 4, 5}));
  SetDuration(absl::Seconds(996), request.mutable_start()->mutable_lookback());
  Start(request);
  EXPECT_EQ(Posts(Read().events()), (Numbers{4, 5}));
  request.clear_start();
  Start(request);
  EXPECT_EQ(Read().events_size(), 0);
  SetTime(At(8), request.mutable_start()->mutable_time());
  Start(request);
  EXPECT_EQ(Read().events_size(), 0);
  log_.SetWatermark(At(8));
  EXPECT_EQ(Posts(Read().events()), (Numbers{6, 7}));
  SetTime(At(2000), request.mutable_start()->mutable_time());
  EXPECT_EQ(ReasonOfStart(request), "START_IN_FUTURE");
  request.mutable_start()->set_sequence(3);
  EXPECT_TRUE(absl::IsInvalidArgument(StartReading(log_.stream(), request, At(1000)).status()));
}

TEST_F(CreationTailTest, StopsAtTheWatermarkWhereItBeganAndAtTheLimit) {
  log_.AddPosts("a", {PostId(1), PostId(2), PostId(3), PostId(9)}, At(9));
  log_.SetWatermark(At(5));
  v1::TailEventsRequest request = Request();
  request.set_stop_at_end(true);
  Start(request);
  log_.SetWatermark(At(20));
  log_.AddPosts("a", {PostId(4)}, At(21));
  EXPECT_EQ(Posts(Read().events()), (Numbers{1, 2, 3}));
  EXPECT_EQ(progress_, Reading::Progress::kEnded);
  request = Request();
  request.set_limit(2);
  Start(request);
  v1::TailEventsResponse read = Read();
  EXPECT_EQ(Posts(read.events()), (Numbers{1, 2}));
  EXPECT_EQ(progress_, Reading::Progress::kEnded);
  Resume(read);
  EXPECT_EQ(Posts(Read().events()), (Numbers{3, 4, 9}));
}

TEST_F(CreationTailTest, RefusesFramesAndCursorsOfTheOtherOrder) {
  log_.AddPosts("a", {PostId(1)}, At(9));
  log_.SetWatermark(At(5));
  v1::TailEventsRequest request = Request();
  request.set_accept_frames(true);
  EXPECT_TRUE(absl::IsInvalidArgument(StartReading(log_.stream(), request, At(1000)).status()));
  Start(Request());
  std::string cursor = Read().position().cursor();
  request = Request();
  request.set_order(v1::READ_ORDER_ARRIVAL);
  request.set_cursor(cursor);
  EXPECT_EQ(ReasonOfStart(request), "CURSOR_INVALID");
  request.clear_cursor();
  Start(request);
  cursor = Read().position().cursor();
  request = Request();
  request.set_cursor(cursor);
  EXPECT_EQ(ReasonOfStart(request), "CURSOR_INVALID");
}

TEST_F(CreationTailTest, CursorOfAnotherLogIsRefused) {
  log_.AddPosts("a", {PostId(1)}, At(9));
  log_.SetWatermark(At(5));
  Start(Request());
  v1::TailEventsRequest request = Request();
  request.set_cursor(Read().position().cursor());
  store::v1::Identity identity = TestIdentity();
  identity.set_log_id("log-2");
  auto other = log_.Reopen(identity);
  EXPECT_EQ(ReasonOf(StartReading(*other, request, At(1000)).status()).reason, "LOG_EPOCH_CHANGED");
}

TEST_F(CreationTailTest, ReaderThatTheFloorPassesIsToldAndNeverSkips) {
  log_.AddPosts("a", {PostId(1), PostId(2), PostId(3)}, At(9));
  log_.SetWatermark(At(85));
  v1::TailEventsRequest request = Request();
  request.set_max_batch_events(1);
  Start(request);
  v1::TailEventsResponse batch;
  ASSERT_TRUE(reading_->Fill(&batch).ok());
  EXPECT_EQ(Posts(batch.events()), (Numbers{1}));
  reading_->FillPosition(&batch);
  log_.SetFloor(At(3));
  Read();
  EXPECT_EQ(ReasonOf(status_).reason, "CURSOR_TOO_OLD");
  request.set_cursor(batch.position().cursor());
  Reason refused = ReasonOf(StartReading(log_.stream(), request, At(1000)).status());
  EXPECT_EQ(refused.reason, "CURSOR_TOO_OLD");
  EXPECT_EQ(refused.metadata["lost_until_time"], UtcText(At(3)));
  request.clear_cursor();
  Start(request);
  EXPECT_EQ(Posts(Read().events()), (Numbers{3}));
}

TEST_F(CreationTailTest, ReaderThatTheLogsRetentionPassesIsToldAndNeverSkips) {
  log_.AddPosts("a", {PostId(1), PostId(2), PostId(3)}, At(4));
  log_.AddPosts("a", {PostId(70), PostId(80), PostId(90)}, At(91));
  log_.AddPosts("a", {PostId(150), PostId(152)}, At(153));
  log_.SetWatermark(At(85));
  v1::TailEventsRequest request = Request();
  request.set_limit(1);
  Start(request);
  v1::TailEventsResponse read = Read();
  EXPECT_EQ(Posts(read.events()), (Numbers{1}));
  log_.SetEarliest(4);
  log_.store().Erase(Table::kLog, EncodeLogKey({1, 0}));
  auto cold = log_.Reopen();
  request.set_limit(0);
  request.set_cursor(read.position().cursor());
  auto resumed = *StartReading(*cold, request, At(1000));
  v1::TailEventsResponse batch;
  EXPECT_EQ(ReasonOf(resumed->Fill(&batch).status()).reason, "CURSOR_TOO_OLD");
  EXPECT_EQ(batch.events_size(), 0);
  // Of what was created before the oldest record came, and a minute more, some may
  // be gone: a reading that begins now begins after it, watermark or not.
  SetTime(At(0), request.mutable_start()->mutable_time());
  request.clear_cursor();
  auto fresh = *StartReading(*cold, request, At(1000));
  ASSERT_TRUE(fresh->Fill(&batch).ok());
  EXPECT_EQ(batch.events_size(), 0);
  cold->OnCommit({}, {.earliest_sequence = 4, .watermark_micros = absl::ToUnixMicros(At(200))});
  ASSERT_TRUE(fresh->Fill(&batch).ok());
  EXPECT_EQ(Posts(batch.events()), (Numbers{152}));
}

TEST_F(CreationTailTest, BatchesAreBoundedAndTheHeaderViewHasNoPayload) {
  log_.SetFiller(1000);
  std::vector<uint64_t> ids;
  for (int i = 0; i < 100; ++i) ids.push_back(PostId(i));
  log_.AddPosts("a", ids, At(200));
  log_.SetWatermark(At(200));
  auto options = *ResolveCreation(log_.stream(), Request(), At(1000));
  options.batch_bytes_max = 10000;
  CreationTail tail(log_.stream(), options);
  v1::TailEventsResponse batch;
  EXPECT_EQ(*tail.Fill(&batch), Reading::Progress::kFull);
  EXPECT_LT(batch.events_size(), 12);
  v1::TailEventsRequest request = Request();
  request.set_view(v1::EVENT_VIEW_HEADER);
  Start(request);
  v1::TailEventsResponse headers;
  ASSERT_TRUE(reading_->Fill(&headers).ok());
  EXPECT_EQ(headers.events_size(), 100);
  EXPECT_TRUE(headers.events(0).payload().empty());
}

TEST_F(CreationTailTest, WaiterIsWokenByTheWatermarkAlone) {
  int woken = 0;
  log_.SetWatermark(At(5));
  Start(Request());
  Read();
  EXPECT_NE(log_.stream().hot_tail().Wait(reading_->seen(), [&] { ++woken; }), 0u);
  log_.SetWatermark(At(6));
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(log_.stream().hot_tail().Wait(reading_->seen(), [&] { ++woken; }), 0u);
}

}  // namespace
}  // namespace braid
