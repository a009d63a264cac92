#include "dedupe/ingest_service.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <thread>

#include "base/random.h"
#include "base/real_loop.h"
#include "proto/snowflake.h"
#include "tests/dedupe/core_inputs.h"
#include "tests/dedupe/mem_store.h"

namespace braid {
namespace {

using Refusal = v1::OfferResponse::Refusal;

// A server in this process and a client over gRPC's in-process channel.
class IngestServiceTest : public testing::Test {
 protected:
  void StartServer(IngestService::Options options = {}) {
    core_ = *Core::Load(store_, {});
    merger_ = std::make_unique<Merger>(loop_, store_, *core_, Merger::Options(), nullptr);
    merger_->Start();
    loop_.Start();
    service_ = std::make_unique<IngestService>(
        std::map<std::string, IngestStream>{
            {"prod", {&loop_, merger_.get(), &directory_, {"prod", "log-1", {"fra-a"}}}}},
        std::move(options));
    grpc::ServerBuilder builder;
    SetIngestServerLimits(&builder);
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    stub_ = v1::IngestService::NewStub(server_->InProcessChannel(grpc::ChannelArguments()));
    call_ = stub_->Offer(&context_);
  }
  void TearDown() override {
    context_.TryCancel();
    call_.reset();
    server_->Shutdown();
    loop_.Stop();
  }

  static v1::OfferRequest Hello() {
    v1::OfferRequest request;
    v1::OfferRequest::Hello* hello = request.mutable_hello();
    hello->set_stream("streams/prod");
    hello->set_source_id("fra-a");
    hello->set_session_epoch(1);
    hello->set_session_id(10);
    hello->add_sessions()->set_epoch(1);
    return request;
  }
  static v1::OfferRequest Frame(uint64_t offset) {
    v1::OfferRequest request;
    *request.mutable_record() =
        FrameInput("", 1, offset, {FirstSnowflakeAt(absl::Now()) + offset}, absl::Now())
            .record()
            .record();
    return request;
  }
  v1::OfferResponse Read() {
    v1::OfferResponse response;
    EXPECT_TRUE(call_->Read(&response));
    return response;
  }

  MemStore store_;
  RealLoop loop_;
  std::unique_ptr<Core> core_;
  SessionDirectory directory_{{"fra-a"}};
  std::unique_ptr<Merger> merger_;
  std::unique_ptr<IngestService> service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::IngestService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::OfferRequest, v1::OfferResponse>> call_;
};

TEST_F(IngestServiceTest, RecordsAreAcknowledgedUpToTheLast) {
  StartServer();
  ASSERT_TRUE(call_->Write(Hello()));
  EXPECT_EQ(Read().welcome().log_id(), "log-1");
  for (uint64_t offset = 0; offset < 500; ++offset) ASSERT_TRUE(call_->Write(Frame(offset)));
  uint64_t acked = 0;
  while (acked < 500) {
    v1::OfferResponse response = Read();
    ASSERT_TRUE(response.has_ack());
    EXPECT_GT(response.ack().end_offset(), acked);
    acked = response.ack().end_offset();
  }
  EXPECT_EQ(acked, 500);
}

TEST_F(IngestServiceTest, CallGoesOnThoughEveryRequestFillsTheWindow) {
  StartServer({.bytes_in_flight_max = 1});
  ASSERT_TRUE(call_->Write(Hello()));
  Read();
  for (uint64_t offset = 0; offset < 50; ++offset) ASSERT_TRUE(call_->Write(Frame(offset)));
  uint64_t acked = 0;
  while (acked < 50) acked = Read().ack().end_offset();
}

TEST_F(IngestServiceTest, RefusalIsTheLastWord) {
  StartServer();
  v1::OfferRequest hello = Hello();
  hello.mutable_hello()->set_source_id("nobody");
  ASSERT_TRUE(call_->Write(hello));
  EXPECT_EQ(Read().refusal().reason(), Refusal::REASON_UNKNOWN_CONNECTION);
  v1::OfferResponse none;
  EXPECT_FALSE(call_->Read(&none));
  EXPECT_TRUE(call_->Finish().ok());
}

TEST_F(IngestServiceTest, UnknownStreamAndMissingHelloAreRefused) {
  StartServer();
  ASSERT_TRUE(call_->Write(Frame(0)));
  EXPECT_EQ(Read().refusal().reason(), Refusal::REASON_INVALID);
  grpc::ClientContext context;
  auto call = stub_->Offer(&context);
  v1::OfferRequest hello = Hello();
  hello.mutable_hello()->set_stream("streams/other");
  ASSERT_TRUE(call->Write(hello));
  v1::OfferResponse response;
  ASSERT_TRUE(call->Read(&response));
  EXPECT_EQ(response.refusal().reason(), Refusal::REASON_UNKNOWN_STREAM);
  EXPECT_TRUE(call->Finish().ok());
}

TEST_F(IngestServiceTest, MalformedFrameEndsTheCallWithAReason) {
  StartServer();
  ASSERT_TRUE(call_->Write(Hello()));
  Read();
  v1::OfferRequest bad = Frame(0);
  bad.mutable_record()->mutable_frame()->clear_lengths();
  ASSERT_TRUE(call_->Write(bad));
  v1::OfferResponse response = Read();
  EXPECT_EQ(response.refusal().reason(), Refusal::REASON_INVALID);
  EXPECT_NE(response.refusal().message(), "");
}

TEST_F(IngestServiceTest, PeerWithoutTheRoleIsDenied) {
  StartServer({.may_call = [](const grpc::CallbackServerContext&) {
    return absl::PermissionDeniedError("a certificate of role reader may not offer");
  }});
  v1::OfferResponse none;
  EXPECT_FALSE(call_->Read(&none));
  grpc::Status status = call_->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(status.error_message(), "a certificate of role reader may not offer");
}

TEST_F(IngestServiceTest, PeerMayOnlyOfferAsItself) {
  StartServer({.may_offer_as = [](const grpc::CallbackServerContext&, const std::string& source) {
    return source == "fra-a" ? absl::PermissionDeniedError("not as fra-a") : absl::OkStatus();
  }});
  ASSERT_TRUE(call_->Write(Hello()));
  v1::OfferResponse none;
  EXPECT_FALSE(call_->Read(&none));
  EXPECT_EQ(call_->Finish().error_code(), grpc::StatusCode::PERMISSION_DENIED);
}

TEST_F(IngestServiceTest, CancelledCallLeavesTheDirectory) {
  StartServer();
  ASSERT_TRUE(call_->Write(Hello()));
  Read();
  EXPECT_TRUE(directory_.Snapshot()[0].connected);
  context_.TryCancel();
  EXPECT_FALSE(call_->Finish().ok());
  server_->Shutdown();
  loop_.Stop();
  EXPECT_FALSE(directory_.Snapshot()[0].connected);
}

TEST_F(IngestServiceTest, ShutdownWithOpenCallsAndRecordsUnderWayEndsEverything) {
  StartServer();
  ASSERT_TRUE(call_->Write(Hello()));
  Read();
  for (uint64_t offset = 0; offset < 200; ++offset) ASSERT_TRUE(call_->Write(Frame(offset)));
  // A second one that has said nothing yet.
  grpc::ClientContext silent_context;
  auto silent = stub_->Offer(&silent_context);
  server_->Shutdown(std::chrono::system_clock::now());
  v1::OfferResponse response;
  while (call_->Read(&response)) {
  }
  EXPECT_FALSE(call_->Finish().ok());
  EXPECT_FALSE(silent->Finish().ok());
  loop_.Stop();
  EXPECT_FALSE(directory_.Snapshot()[0].connected);
}

// While no commit ends, what is read of a call stays within its window: the
// source is stopped instead.
TEST_F(IngestServiceTest, CallWhoseCommitsDoNotEndIsNotReadOn) {
  constexpr uint64_t kWindowBytes = 64 << 10;
  StartServer({.bytes_in_flight_max = kWindowBytes});
  ASSERT_TRUE(call_->Write(Hello()));
  Read();
  std::promise<void> go_on;
  std::promise<void> stopped;
  loop_.Post([&] {
    stopped.set_value();
    go_on.get_future().wait();
  });
  stopped.get_future().wait();
  std::vector<uint64_t> ids;
  for (uint64_t i = 0; i < 500; ++i) ids.push_back(FirstSnowflakeAt(absl::Now()) + i);
  constexpr uint64_t kFrames = 2000;
  std::atomic<uint64_t> written{0};
  std::thread writer([&] {
    for (; written < kFrames; ++written) {
      v1::OfferRequest request;
      *request.mutable_record() =
          FrameInput("", 1, written * ids.size(), ids, absl::Now()).record().record();
      if (!call_->Write(request)) return;
    }
  });
  // The writer comes to a stand by itself, long before its end.
  uint64_t before = kFrames;
  while (written != before || before == 0) {
    before = written;
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
  EXPECT_LT(before, kFrames / 2);
  go_on.set_value();
  uint64_t acked = 0;
  while (acked < kFrames * ids.size()) acked = Read().ack().end_offset();
  writer.join();
}

TEST_F(IngestServiceTest, PeerThatSendsGarbageIsCutOffAndNobodyElseNotices) {
  StartServer();
  ASSERT_TRUE(call_->Write(Hello()));
  Read();
  SeededRandom random(1);
  grpc::GenericStub stub(server_->InProcessChannel(grpc::ChannelArguments()));
  for (int i = 0; i < 50; ++i) {
    std::string garbage(1 + random.Below(5000), '\0');
    for (char& byte : garbage) byte = static_cast<char>(random.Below(256));
    // The first byte says wire type 7, which is none.
    garbage[0] = '\x0f';
    grpc::Slice slice(garbage);
    grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    grpc::ClientContext context;
    grpc::CompletionQueue queue;
    auto call = stub.PrepareCall(&context, "/braid.v1.IngestService/Offer", &queue);
    void* tag = nullptr;
    bool ok = false;
    call->StartCall(nullptr);
    ASSERT_TRUE(queue.Next(&tag, &ok));
    call->Write(request, nullptr);
    ASSERT_TRUE(queue.Next(&tag, &ok));
    grpc::Status status;
    call->Finish(&status, nullptr);
    ASSERT_TRUE(queue.Next(&tag, &ok));
  }
  ASSERT_TRUE(call_->Write(Frame(0)));
  EXPECT_EQ(Read().ack().end_offset(), 1u);
}

}  // namespace
}  // namespace braid
