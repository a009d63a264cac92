#include "ingest/grpc_offer_dialer.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "base/real_loop.h"
#include "braid/v1/ingest_service.grpc.pb.h"

namespace braid {
namespace {

// Answers each Hello with a Welcome, each record with an Ack of its end; a
// report ends the call with NOT_FOUND.
class EchoService final : public v1::IngestService::Service {
  grpc::Status Offer(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::OfferResponse, v1::OfferRequest>* stream) override {
    v1::OfferRequest request;
    while (stream->Read(&request)) {
      v1::OfferResponse response;
      if (request.has_hello()) response.mutable_welcome()->set_log_id(request.hello().source_id());
      if (request.has_record()) {
        response.mutable_ack()->set_end_offset(request.record().offset() + 1);
      }
      if (request.has_report()) return grpc::Status(grpc::StatusCode::NOT_FOUND, "as asked");
      stream->Write(response);
    }
    MutexLock lock(&mu_);
    ++ended_;
    ended_changed_.NotifyAll();
    return grpc::Status::OK;
  }

 public:
  void AwaitEnd() {
    MutexLock lock(&mu_);
    while (ended_ == 0) ended_changed_.Wait(&mu_);
  }

 private:
  Mutex mu_;
  CondVar ended_changed_;
  int ended_ ABSL_GUARDED_BY(mu_) = 0;
};

// Hands what arrives to the test's thread.
class Inbox final : public OfferCallHandler {
 public:
  void OnResponse(const v1::OfferResponse& response) override {
    Put(response.has_ack() ? absl::StrCat("ack ", response.ack().end_offset())
                           : absl::StrCat("welcome ", response.welcome().log_id()));
  }
  void OnClosed(const absl::Status& status) override {
    Put(absl::StrCat("closed ", absl::StatusCodeToString(status.code())));
  }
  std::string Take() {
    MutexLock lock(&mu_);
    while (lines_.empty()) changed_.Wait(&mu_);
    std::string line = lines_.front();
    lines_.pop_front();
    return line;
  }
  bool empty() {
    MutexLock lock(&mu_);
    return lines_.empty();
  }

 private:
  void Put(std::string line) {
    MutexLock lock(&mu_);
    lines_.push_back(std::move(line));
    changed_.NotifyAll();
  }
  Mutex mu_;
  CondVar changed_;
  std::deque<std::string> lines_ ABSL_GUARDED_BY(mu_);
};

class GrpcOfferDialerTest : public testing::Test {
 protected:
  GrpcOfferDialerTest() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    GrpcOfferDialer::Options options;
    options.deduper.set_address(absl::StrCat("127.0.0.1:", port_));
    dialer_ = std::make_unique<GrpcOfferDialer>(loop_, options);
    loop_.Start();
  }
  ~GrpcOfferDialerTest() override {
    OnLoop([this] { call_.reset(); });
    dialer_.reset();
    loop_.Stop();
    server_->Shutdown();
  }

  void OnLoop(absl::AnyInvocable<void()> turn) {
    Mutex mu;
    CondVar changed;
    bool done = false;
    loop_.Post([&] {
      turn();
      MutexLock lock(&mu);
      done = true;
      changed.NotifyAll();
    });
    MutexLock lock(&mu);
    while (!done) changed.Wait(&mu);
  }
  void Dial() {
    OnLoop([this] { call_ = dialer_->Dial(&inbox_); });
  }
  void Send(v1::OfferRequest request) {
    OnLoop([&] { call_->Send(request); });
  }
  static v1::OfferRequest Hello() {
    v1::OfferRequest request;
    request.mutable_hello()->set_source_id("fra-a");
    return request;
  }

  RealLoop loop_;
  int port_ = 0;
  EchoService service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<GrpcOfferDialer> dialer_;
  Inbox inbox_;
  std::unique_ptr<OfferCall> call_;
};

TEST_F(GrpcOfferDialerTest, MessagesCrossInOrderBothWays) {
  Dial();
  Send(Hello());
  EXPECT_EQ(inbox_.Take(), "welcome fra-a");
  OnLoop([this] {
    for (uint64_t i = 0; i < 1000; ++i) {
      v1::OfferRequest request;
      request.mutable_record()->set_offset(i);
      request.mutable_record()->mutable_frame()->set_payload(std::string(1000, 'x'));
      call_->Send(std::move(request));
    }
  });
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(inbox_.Take(), absl::StrCat("ack ", i + 1));
}

TEST_F(GrpcOfferDialerTest, EndByTheServerIsToldWithItsStatus) {
  Dial();
  v1::OfferRequest request;
  request.mutable_report();
  Send(request);
  EXPECT_EQ(inbox_.Take(), "closed NOT_FOUND");
  Send(Hello());
  EXPECT_TRUE(inbox_.empty()) << "sending after the end is harmless";
}

TEST_F(GrpcOfferDialerTest, UnreachableDeduperIsToldAsAClosedCall) {
  server_->Shutdown();
  Dial();
  Send(Hello());
  EXPECT_EQ(inbox_.Take(), "closed UNAVAILABLE");
}

TEST_F(GrpcOfferDialerTest, PlainTextBeyondLoopbackEndsAtOnce) {
  dialer_.reset();
  GrpcOfferDialer::Options options;
  options.deduper.set_address("deduper.example:7400");
  dialer_ = std::make_unique<GrpcOfferDialer>(loop_, options);
  Dial();
  Send(Hello());
  EXPECT_EQ(inbox_.Take(), "closed PERMISSION_DENIED");
}

TEST_F(GrpcOfferDialerTest, DestroyedCallIsCancelledAndItsHandlerLeftAlone) {
  Dial();
  Send(Hello());
  EXPECT_EQ(inbox_.Take(), "welcome fra-a");
  OnLoop([this] {
    call_->Send(Hello());
    call_.reset();
  });
  service_.AwaitEnd();
  dialer_.reset();
  OnLoop([] {});
  EXPECT_TRUE(inbox_.empty());
}

TEST_F(GrpcOfferDialerTest, DialerEndsCallsThatAreStillOpen) {
  Dial();
  Send(Hello());
  EXPECT_EQ(inbox_.Take(), "welcome fra-a");
  dialer_.reset();
  EXPECT_EQ(inbox_.Take(), "closed CANCELLED");
}

}  // namespace
}  // namespace braid
