#include "dedupe/tail.h"

#include <gtest/gtest.h>

#include "dedupe/event_lookup.h"
#include "dedupe/keys.h"
#include "dedupe/read_token.h"
#include "dedupe/tail_request.h"
#include "proto/reason.h"
#include "tests/dedupe/test_log.h"

namespace braid {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1790000100);
absl::Time At(int seconds) { return kStart + absl::Seconds(seconds); }

class TailTest : public ::testing::Test {
 protected:
  TailTest() {
    log_.AddPosts("a", {PostId(1), PostId(2), PostId(3)}, At(1));                   // 1..3
    log_.AddFrame("b", {PostId(2), PostId(4), PostId(5)}, {false, true, true}, At(2));  // 4..5
    log_.AddSightings("b", {PostId(1), PostId(2)}, At(3));
    log_.AddNotice("redundancy lost", At(4));  // 6
    log_.AddPosts("a", {PostId(6)}, At(5));    // 7
  }
  v1::TailEventsRequest Request() {
    v1::TailEventsRequest request;
    request.set_parent("streams/main");
    request.mutable_start()->set_earliest(true);
    return request;
  }
  std::vector<v1::TailEventsResponse> ReadAll(const ReadableStream& stream,
                                              const v1::TailEventsRequest& request) {
    auto options = ResolveTail(stream, request, At(6));
    EXPECT_TRUE(options.ok()) << options.status();
    Tail tail(stream.reader(), stream.log_id(), *options);
    std::vector<v1::TailEventsResponse> batches;
    while (true) {
      v1::TailEventsResponse batch;
      auto progress = tail.Fill(&batch);
      EXPECT_TRUE(progress.ok()) << progress.status();
      tail.FillPosition(&batch);
      batches.push_back(batch);
      if (!progress.ok() || *progress != Tail::Progress::kFull) return batches;
    }
  }
  TestLog log_;
};

TEST_F(TailTest, DeliversEveryNewEventInOrderWithItsOriginalLine) {
  auto batches = ReadAll(log_.stream(), Request());
  ASSERT_EQ(batches.size(), 1u);
  ASSERT_EQ(batches[0].events_size(), 6);
  for (int i = 0; i < 6; ++i) {
    const v1::Event& event = batches[0].events(i);
    EXPECT_EQ(event.sequence(), i < 5 ? i + 1 : 7);
    EXPECT_EQ(event.id(), PostId(i + 1));
    EXPECT_EQ(event.payload(), PostLine(PostId(i + 1)));
    EXPECT_EQ(event.kind(), v1::EVENT_KIND_POST);
    EXPECT_EQ(ToTime(event.create_time()), SnowflakeTime(event.id()));
    ASSERT_EQ(event.sightings_size(), 1);
  }
  EXPECT_EQ(batches[0].events(1).rule_tags_size(), 2);
  EXPECT_EQ(batches[0].events(0).rule_tags(0), "cats");
  EXPECT_EQ(ToTime(batches[0].events(4).sightings(0).receive_time()),
            At(2) + absl::Microseconds(2));
  ASSERT_EQ(batches[0].notices_size(), 1);
  EXPECT_EQ(batches[0].notices(0).sequence(), 6u);
  EXPECT_EQ(batches[0].position().next_sequence(), 8u);
}

TEST_F(TailTest, EveryCutOfBatchesResumesWithoutSkipOrRepeat) {
  auto cold = log_.Reopen();
  for (int size = 1; size <= 4; ++size) {
    std::vector<uint64_t> sequences;
    std::string cursor;
    for (int round = 0; round < 20; ++round) {
      v1::TailEventsRequest request = Request();
      request.set_cursor(cursor);
      request.set_max_batch_events(size);
      auto options = ResolveTail(*cold, request, At(6));
      ASSERT_TRUE(options.ok());
      Tail tail(cold->reader(), cold->log_id(), *options);
      v1::TailEventsResponse batch;
      ASSERT_TRUE(tail.Fill(&batch).ok());
      tail.FillPosition(&batch);
      cursor = batch.position().cursor();
      for (const auto& event : batch.events()) sequences.push_back(event.sequence());
    }
    EXPECT_EQ(sequences, (std::vector<uint64_t>{1, 2, 3, 4, 5, 7})) << size;
  }
}

TEST_F(TailTest, HeaderViewHasNoPayload) {
  v1::TailEventsRequest request = Request();
  request.set_view(v1::EVENT_VIEW_HEADER);
  auto batches = ReadAll(log_.stream(), request);
  EXPECT_TRUE(batches[0].events(0).payload().empty());
  EXPECT_EQ(batches[0].events(3).id(), PostId(4));
}

TEST_F(TailTest, FramesArePassedOnCompressedWithWhatToSkip) {
  v1::TailEventsRequest request = Request();
  request.set_accept_frames(true);
  request.mutable_start()->set_sequence(5);
  auto batches = ReadAll(log_.stream(), request);
  ASSERT_EQ(batches[0].frames_size(), 2);
  EXPECT_EQ(batches[0].frames(0).first_sequence(), 4u);
  EXPECT_EQ(batches[0].frames(0).skip_events(), 1u);
  EXPECT_EQ(batches[0].frames(0).connection_id(), "b");
  EXPECT_FALSE(batches[0].frames(0).frame().payload().empty());
  EXPECT_EQ(batches[0].frames(1).skip_events(), 0u);
}

TEST_F(TailTest, LimitStopsWithinARecord) {
  v1::TailEventsRequest request = Request();
  request.set_limit(2);
  auto batches = ReadAll(log_.stream(), request);
  EXPECT_EQ(batches.back().events_size(), 2);
  EXPECT_EQ(batches.back().position().next_sequence(), 3u);
}

TEST_F(TailTest, ByteBoundCutsABatch) {
  auto options = *ResolveTail(log_.stream(), Request(), At(6));
  options.batch_bytes_max = 1000;
  Tail tail(log_.stream().reader(), "log-1", options);
  v1::TailEventsResponse batch;
  EXPECT_EQ(*tail.Fill(&batch), Tail::Progress::kFull);
  EXPECT_EQ(batch.events_size(), 2);
}

// What little is in an event of the header view counts as the memory it takes.
TEST_F(TailTest, ByteBoundIsOfMemory) {
  constexpr uint64_t kMax = 100000;
  for (int i = 10; i < 2010; i += 100) {
    std::vector<uint64_t> ids;
    for (int k = i; k < i + 100; ++k) ids.push_back(PostId(k));
    log_.AddPosts("a", ids, At(6));
  }
  for (v1::EventView view : {v1::EVENT_VIEW_HEADER, v1::EVENT_VIEW_FULL}) {
    v1::TailEventsRequest request = Request();
    request.set_max_batch_events(10000);
    request.set_view(view);
    auto options = *ResolveTail(log_.stream(), request, At(6));
    options.batch_bytes_max = kMax;
    Tail tail(log_.stream().reader(), "log-1", options);
    v1::TailEventsResponse batch;
    EXPECT_EQ(*tail.Fill(&batch), Tail::Progress::kFull);
    EXPECT_LT(batch.SpaceUsedLong(), kMax * 6 / 5);
    EXPECT_GT(batch.SpaceUsedLong(), kMax / 2);
  }
}

TEST_F(TailTest, StartsByTimeLookbackAndAtTheEnd) {
  v1::TailEventsRequest request = Request();
  SetTime(At(2), request.mutable_start()->mutable_time());
  EXPECT_EQ(ResolveTail(log_.stream(), request, At(6))->from, 4u);
  SetDuration(absl::Seconds(2), request.mutable_start()->mutable_lookback());
  EXPECT_EQ(ResolveTail(log_.stream(), request, At(6))->from, 6u);
  request.clear_start();
  EXPECT_EQ(ResolveTail(log_.stream(), request, At(6))->from, 8u);
}

TEST_F(TailTest, RefusesBadPositions) {
  auto reason = [&](const v1::TailEventsRequest& request) {
    return ReasonOf(ResolveTail(log_.stream(), request, At(6)).status()).reason;
  };
  v1::TailEventsRequest request = Request();
  request.mutable_start()->set_sequence(9);
  EXPECT_EQ(reason(request), "CURSOR_IN_FUTURE");
  request.set_cursor("bm90IGEgY3Vyc29y");
  EXPECT_EQ(reason(request), "CURSOR_INVALID");
  ReadToken token;
  token.log_id = "log-0";
  token.next_sequence = 2;
  request.set_cursor(EncodeReadToken(token));
  EXPECT_EQ(reason(request), "LOG_EPOCH_CHANGED");
  log_.SetEarliest(4);
  token.log_id = "log-1";
  request.set_cursor(EncodeReadToken(token));
  EXPECT_EQ(reason(request), "CURSOR_TOO_OLD");
}

TEST_F(TailTest, ReaderThatRetentionPassesIsToldAndNeverSkips) {
  v1::TailEventsRequest request = Request();
  auto options = *ResolveTail(log_.stream(), request, At(6));
  options.batch_events_max = 2;
  options.batch_bytes_max = 64;
  Tail tail(log_.stream().reader(), "log-1", options);
  v1::TailEventsResponse batch;
  ASSERT_TRUE(tail.Fill(&batch).ok());
  log_.SetEarliest(7);
  absl::Status status;
  for (int i = 0; i < 10 && status.ok(); ++i) {
    batch.Clear();
    status = tail.Fill(&batch).status();
  }
  EXPECT_EQ(ReasonOf(status).reason, "CURSOR_TOO_OLD");
}

TEST(ReadTokenTest, AnyChangedCharacterIsNoticed) {
  ReadToken token;
  token.log_id = "log-1";
  token.next_sequence = 12345;
  token.delivered_time = At(1);
  std::string text = EncodeReadToken(token);
  auto decoded = DecodeReadToken(ReadToken::Kind::kCursor, text);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->next_sequence, 12345u);
  EXPECT_EQ(decoded->log_id, "log-1");
  EXPECT_EQ(decoded->delivered_time, At(1));
  EXPECT_FALSE(DecodeReadToken(ReadToken::Kind::kPage, text).ok());
  for (size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = changed[i] == 'B' ? 'Q' : 'B';
    EXPECT_FALSE(DecodeReadToken(ReadToken::Kind::kCursor, changed).ok()) << i;
  }
}

TEST_F(TailTest, EveryCursorOfALogThatWentBackIsToldWhatIsLost) {
  // Up to 4 the new log is the old one, which had come to 7 events.
  store::v1::Identity identity = TestIdentity();
  identity.set_log_id("log-2");
  auto* ancestor = identity.add_ancestors();
  ancestor->set_log_id("log-1");
  ancestor->set_kept_until_sequence(5);
  ancestor->set_lost_until_sequence(8);
  auto stream = log_.Reopen(identity);
  for (uint64_t next = 1; next <= 8; ++next) {
    ReadToken token;
    token.log_id = "log-1";
    token.next_sequence = next;
    v1::TailEventsRequest request = Request();
    request.set_cursor(EncodeReadToken(token));
    auto options = ResolveTail(*stream, request, At(6));
    EXPECT_TRUE(absl::IsOutOfRange(options.status()));
    Reason reason = ReasonOf(options.status());
    EXPECT_EQ(reason.reason, "LOG_EPOCH_CHANGED");
    EXPECT_EQ(reason.metadata["lost_from_sequence"], absl::StrCat(std::min<uint64_t>(next, 5)));
    EXPECT_EQ(reason.metadata["lost_until_sequence"], "8");
  }
  // It went back once more, further: the first one has lost as much.
  identity.set_log_id("log-3");
  ancestor = identity.add_ancestors();
  ancestor->set_log_id("log-2");
  ancestor->set_kept_until_sequence(3);
  ancestor->set_lost_until_sequence(6);
  ReadToken token;
  token.log_id = "log-1";
  token.next_sequence = 8;
  EXPECT_EQ(ReasonOf(CheckLogId(token, identity)).metadata["resume_sequence"], "3");
  token.log_id = "log-2";
  token.next_sequence = 5;
  EXPECT_EQ(ReasonOf(CheckLogId(token, identity)).metadata["lost_until_sequence"], "6");
  token.log_id = "log-0";
  EXPECT_EQ(ReasonOf(CheckLogId(token, identity)).metadata.count("lost_from_sequence"), 0u);
}

// The whole data directory was restored, mark and all, and went on.
TEST_F(TailTest, CursorOfOtherContentUnderTheSameLogIdIsRefused) {
  v1::TailEventsRequest request = Request();
  for (int size = 1; size <= 7; ++size) {
    request.clear_cursor();
    request.set_limit(size);
    std::string cursor = ReadAll(log_.stream(), request).back().position().cursor();
    v1::TailEventsRequest resume = Request();
    resume.set_cursor(cursor);
    EXPECT_TRUE(ResolveTail(log_.stream(), resume, At(6)).ok());
    ReadToken token = *DecodeReadToken(ReadToken::Kind::kCursor, cursor);
    EXPECT_NE(token.chain, 0u);
    token.chain ^= 1;
    resume.set_cursor(EncodeReadToken(token));
    EXPECT_EQ(ReasonOf(ResolveTail(log_.stream(), resume, At(6)).status()).reason,
              "LOG_ROLLED_BACK");
    auto cold = log_.Reopen();
    EXPECT_EQ(ReasonOf(ResolveTail(*cold, resume, At(6)).status()).reason, "LOG_ROLLED_BACK");
  }
}

TEST_F(TailTest, FindsAPostWithEverySighting) {
  auto cold = log_.Reopen();
  auto event = FindPost(*cold, PostId(2), v1::EVENT_VIEW_FULL);
  ASSERT_TRUE(event.ok()) << event.status();
  EXPECT_EQ(event->sequence(), 2u);
  EXPECT_EQ(event->payload(), PostLine(PostId(2)));
  ASSERT_EQ(event->sightings_size(), 3);
  EXPECT_EQ(event->sightings(0).connection_id(), "a");
  EXPECT_EQ(event->sightings(1).connection_id(), "b");
  EXPECT_EQ(ToTime(event->sightings(1).receive_time()), At(2));
  EXPECT_EQ(ToTime(event->sightings(2).receive_time()), At(3) + absl::Microseconds(1));
  EXPECT_EQ(FindPost(*cold, PostId(4), v1::EVENT_VIEW_FULL)->sightings_size(), 1);
}

TEST_F(TailTest, PostBelowTheFloorOrUnknownIsNotFound) {
  EXPECT_EQ(ReasonOf(FindPost(log_.stream(), PostId(99), v1::EVENT_VIEW_FULL).status()).reason,
            "EVENT_NOT_FOUND");
  log_.SetEarliest(4);
  EXPECT_TRUE(absl::IsNotFound(FindPost(log_.stream(), PostId(2), v1::EVENT_VIEW_FULL).status()));
  EXPECT_TRUE(FindPost(log_.stream(), PostId(4), v1::EVENT_VIEW_FULL).ok());
}

TEST_F(TailTest, StrayIsFound) {
  std::string window_key = PostWindowKey(20);
  WriteSet changes;
  changes.Put(Table::kStrays, EncodeStrayIdKey(window_key),
              EncodeStrayValue({3, absl::ToUnixMicros(At(1))}));
  ASSERT_TRUE(log_.store().Commit(changes).ok());
  auto event = FindPost(log_.stream(), 20, v1::EVENT_VIEW_FULL);
  ASSERT_TRUE(event.ok());
  EXPECT_EQ(event->sequence(), 3u);
}

}  // namespace
}  // namespace braid
