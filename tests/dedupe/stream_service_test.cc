// StreamService over real gRPC on loopback.

#include "dedupe/stream_service.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "proto/reason.h"
#include "tests/dedupe/test_log.h"

namespace braid {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1790000100);

class StreamServiceTest : public ::testing::Test {
 protected:
  StreamServiceTest() {
    streams_["main"] = &log_.stream();
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    stub_ = v1::StreamService::NewStub(grpc::CreateChannel(
        absl::StrCat("127.0.0.1:", port), grpc::InsecureChannelCredentials()));
  }
  ~StreamServiceTest() override { server_->Shutdown(std::chrono::system_clock::now()); }

  v1::TailEventsRequest Request() {
    v1::TailEventsRequest request;
    request.set_parent("streams/main");
    request.mutable_start()->set_earliest(true);
    return request;
  }
  void AddPosts(int from, int until) {
    for (int i = from; i < until; ++i) log_.AddPosts("a", {PostId(i)}, kStart);
  }

  TestLog log_;
  WorkPool pool_{2};
  TailCalls calls_;
  ReadableStreams streams_;
  StreamServiceImpl service_{streams_, pool_, calls_, {}};
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::StreamService::Stub> stub_;
};

TEST_F(StreamServiceTest, TailFollowsTheLogAsItGrows) {
  AddPosts(0, 10);
  grpc::ClientContext context;
  auto reader = stub_->TailEvents(&context, Request());
  v1::TailEventsResponse batch;
  uint64_t next = 1;
  std::thread writer;
  while (next <= 1000 && reader->Read(&batch)) {
    for (const v1::Event& event : batch.events()) EXPECT_EQ(event.sequence(), next++);
    if (next == 11 && !writer.joinable()) writer = std::thread([this] { AddPosts(10, 1000); });
  }
  writer.join();
  EXPECT_EQ(next, 1001u);
  context.TryCancel();
  while (reader->Read(&batch)) {
  }
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(StreamServiceTest, StopAtEndEndsWithAPosition) {
  AddPosts(0, 3);
  grpc::ClientContext context;
  v1::TailEventsRequest request = Request();
  request.set_stop_at_end(true);
  auto reader = stub_->TailEvents(&context, request);
  v1::TailEventsResponse batch;
  int events = 0;
  std::string cursor;
  while (reader->Read(&batch)) {
    events += batch.events_size();
    cursor = batch.position().cursor();
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(events, 3);
  EXPECT_FALSE(cursor.empty());
}

TEST_F(StreamServiceTest, QuietStreamSendsHeartbeats) {
  grpc::ClientContext context;
  v1::TailEventsRequest request = Request();
  SetDuration(absl::Milliseconds(100), request.mutable_heartbeat_interval());
  auto reader = stub_->TailEvents(&context, request);
  v1::TailEventsResponse batch;
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(reader->Read(&batch));
    EXPECT_EQ(batch.events_size(), 0);
    EXPECT_EQ(batch.position().next_sequence(), 1u);
  }
}

TEST_F(StreamServiceTest, BatchDelayGathersEvents) {
  grpc::ClientContext context;
  v1::TailEventsRequest request = Request();
  request.set_max_batch_events(5);
  SetDuration(absl::Seconds(10), request.mutable_max_batch_delay());
  auto reader = stub_->TailEvents(&context, request);
  v1::TailEventsResponse batch;
  ASSERT_TRUE(reader->Read(&batch));
  EXPECT_EQ(batch.events_size(), 0);
  EXPECT_FALSE(batch.position().cursor().empty());
  AddPosts(0, 5);
  ASSERT_TRUE(reader->Read(&batch));
  EXPECT_EQ(batch.events_size(), 5);
}

TEST_F(StreamServiceTest, StalledReaderHoldsUpNobody) {
  AddPosts(0, 20000);  // more than flow control takes
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<v1::TailEventsResponse>>> stalled;
  for (int i = 0; i < 10; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    stalled.push_back(stub_->TailEvents(contexts.back().get(), Request()));
  }
  grpc::ClientContext context;
  v1::TailEventsRequest request = Request();
  request.set_stop_at_end(true);
  auto reader = stub_->TailEvents(&context, request);
  v1::TailEventsResponse batch;
  int events = 0;
  while (reader->Read(&batch)) events += batch.events_size();
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(events, 20000);
  for (auto& context : contexts) context->TryCancel();
  for (auto& call : stalled) {
    while (call->Read(&batch)) {
    }
    EXPECT_FALSE(call->Finish().ok());
  }
}

TEST_F(StreamServiceTest, DrainSendsTheLastPositionAndUnavailable) {
  AddPosts(0, 1);
  grpc::ClientContext context;
  auto reader = stub_->TailEvents(&context, Request());
  v1::TailEventsResponse batch;
  ASSERT_TRUE(reader->Read(&batch));
  calls_.Drain();
  v1::TailEventsResponse last;
  while (reader->Read(&batch)) last = batch;
  EXPECT_EQ(last.position().next_sequence(), 2u);
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  grpc::ClientContext late_context;
  auto late = stub_->TailEvents(&late_context, Request());
  while (late->Read(&batch)) {
  }
  EXPECT_EQ(late->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(StreamServiceTest, ErrorsCarryAReasonThatClientsRead) {
  grpc::ClientContext context;
  v1::TailEventsRequest request = Request();
  request.mutable_start()->set_sequence(77);
  auto reader = stub_->TailEvents(&context, request);
  v1::TailEventsResponse batch;
  EXPECT_FALSE(reader->Read(&batch));
  grpc::Status status = reader->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::OUT_OF_RANGE);
  Reason reason = ReasonOf(FromGrpcStatus(status));
  EXPECT_EQ(reason.reason, "CURSOR_IN_FUTURE");
  EXPECT_EQ(reason.metadata["requested_sequence"], "77");
  EXPECT_EQ(reason.metadata["next_sequence"], "1");
}

TEST_F(StreamServiceTest, UnknownStreamIsNotFound) {
  grpc::ClientContext context;
  v1::TailEventsRequest request = Request();
  request.set_parent("streams/other");
  auto reader = stub_->TailEvents(&context, request);
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(StreamServiceTest, GetEventAnswersByName) {
  AddPosts(0, 2);
  grpc::ClientContext context;
  v1::GetEventRequest request;
  request.set_name(absl::StrCat("streams/main/events/", PostId(1)));
  v1::Event event;
  ASSERT_TRUE(stub_->GetEvent(&context, request, &event).ok());
  EXPECT_EQ(event.sequence(), 2u);
  for (const char* bad : {"streams/main/events/", "streams/main/events/x", "main/events/1", ""}) {
    grpc::ClientContext bad_context;
    request.set_name(bad);
    EXPECT_EQ(stub_->GetEvent(&bad_context, request, &event).error_code(),
              grpc::StatusCode::INVALID_ARGUMENT)
        << bad;
  }
}

TEST_F(StreamServiceTest, PagesCoverTheLogOnce) {
  AddPosts(0, 250);
  v1::ListEventsRequest request;
  request.set_parent("streams/main");
  uint64_t next = 1;
  int pages = 0;
  do {
    auto page = ListEvents(streams_, request, 1 << 20);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const v1::Event& event : page->events()) EXPECT_EQ(event.sequence(), next++);
    request.set_page_token(page->next_page_token());
    ++pages;
  } while (!request.page_token().empty());
  EXPECT_EQ(next, 251u);
  EXPECT_EQ(pages, 3);
}

TEST_F(StreamServiceTest, CreationOrderFollowsTheWatermarkAndTellsLateEvents) {
  log_.AddPosts("a", {PostId(3), PostId(1), PostId(2)}, kStart);
  log_.SetWatermark(SnowflakeTime(PostId(2)));
  grpc::ClientContext context;
  v1::TailEventsRequest request = Request();
  request.set_order(v1::READ_ORDER_CREATION);
  auto reader = stub_->TailEvents(&context, request);
  v1::TailEventsResponse batch;
  ASSERT_TRUE(reader->Read(&batch));
  ASSERT_EQ(batch.events_size(), 1);
  EXPECT_EQ(batch.events(0).id(), PostId(1));
  EXPECT_TRUE(batch.position().has_watermark_time());
  // Neither waits for a heartbeat: the watermark alone, and a late event.
  log_.SetWatermark(SnowflakeTime(PostId(9)));
  ASSERT_TRUE(reader->Read(&batch));
  ASSERT_EQ(batch.events_size(), 2);
  EXPECT_EQ(batch.events(1).id(), PostId(3));
  log_.AddPosts("b", {PostId(0)}, kStart);
  ASSERT_TRUE(reader->Read(&batch));
  EXPECT_EQ(batch.events_size(), 0);
  ASSERT_EQ(batch.late_events_size(), 1);
  EXPECT_EQ(batch.late_events(0).id(), PostId(0));
  context.TryCancel();
}

TEST_F(StreamServiceTest, PagesInCreationOrderHoldARangeUpToTheWatermark) {
  for (int i = 0; i < 250; ++i) log_.AddPosts("a", {PostId(249 - i)}, kStart);
  log_.AddStrays("a", {PostId(100) + 1}, kStart);
  v1::ListEventsRequest request;
  request.set_parent("streams/main");
  request.set_order(v1::READ_ORDER_CREATION);
  // Nothing is sorted before the first cover.
  EXPECT_EQ(ListEvents(streams_, request, 1 << 20)->events_size(), 0);
  log_.SetWatermark(SnowflakeTime(PostId(240)));
  SetTime(SnowflakeTime(PostId(20)), request.mutable_range()->mutable_start_time());
  for (int end : {150, 245}) {
    SetTime(SnowflakeTime(PostId(end)), request.mutable_range()->mutable_end_time());
    std::vector<uint64_t> ids;
    request.clear_page_token();
    do {
      auto page = ListEvents(streams_, request, 1 << 20);
      ASSERT_TRUE(page.ok()) << page.status();
      for (const v1::Event& event : page->events()) ids.push_back(event.id());
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
    EXPECT_EQ(ids.size(), std::min(end, 240) - 20 + 1u);
    EXPECT_EQ(ids.front(), PostId(20));
    EXPECT_EQ(std::count(ids.begin(), ids.end(), PostId(100) + 1), 1);
  }
  request.set_order(v1::READ_ORDER_ARRIVAL);
  EXPECT_TRUE(absl::IsInvalidArgument(ListEvents(streams_, request, 1 << 20).status()));
}

TEST_F(StreamServiceTest, PageArgumentsAreChecked) {
  AddPosts(0, 2000);
  v1::ListEventsRequest request;
  request.set_parent("streams/main");
  request.set_page_size(-1);
  EXPECT_TRUE(absl::IsInvalidArgument(ListEvents(streams_, request, 1 << 20).status()));
  request.set_page_size(5000);
  auto page = ListEvents(streams_, request, 1 << 20);
  EXPECT_EQ(page->events_size(), 1000);
  request.set_page_token(page->next_page_token());
  request.set_view(v1::EVENT_VIEW_HEADER);
  EXPECT_TRUE(absl::IsInvalidArgument(ListEvents(streams_, request, 1 << 20).status()));
}

}  // namespace
}  // namespace braid
