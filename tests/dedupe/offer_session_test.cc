#include "dedupe/offer_session.h"

#include <gtest/gtest.h>

#include <memory>

#include "proto/snowflake.h"
#include "tests/dedupe/core_inputs.h"
#include "tests/dedupe/mem_store.h"
#include "tests/sim/sim_loop.h"

namespace braid {
namespace {

using Refusal = v1::OfferResponse::Refusal;

class FakeResponder final : public OfferResponder {
 public:
  void Send(v1::OfferResponse response) override {
    EXPECT_FALSE(closed);
    responses.push_back(std::move(response));
  }
  void Close(absl::Status) override { closed = true; }
  void Consumed(uint64_t bytes) override { consumed += bytes; }

  std::vector<v1::OfferResponse> Take() { return std::exchange(responses, {}); }

  std::vector<v1::OfferResponse> responses;
  bool closed = false;
  uint64_t consumed = 0;
};

struct Call {
  FakeResponder responder;
  std::unique_ptr<OfferSession> session;
};

class OfferSessionTest : public testing::Test {
 protected:
  OfferSessionTest() {
    core_ = *Core::Load(store_, {});
    merger_ = std::make_unique<Merger>(loop_, store_, *core_, Merger::Options(), nullptr);
    merger_->Start();
    Settle();
  }
  void Settle() { loop_.RunFor(absl::ZeroDuration()); }

  std::unique_ptr<Call> Dial() {
    auto call = std::make_unique<Call>();
    call->session =
        std::make_unique<OfferSession>(loop_, *merger_, directory_, options_, call->responder);
    return call;
  }
  static v1::OfferRequest Hello(uint64_t epoch, const std::string& source = "fra-a") {
    v1::OfferRequest request;
    v1::OfferRequest::Hello* hello = request.mutable_hello();
    hello->set_stream("streams/prod");
    hello->set_source_id(source);
    hello->set_session_epoch(epoch);
    hello->set_session_id(epoch * 10);
    hello->add_sessions()->set_epoch(epoch);
    return request;
  }
  // The second start of a spool of which epoch 1 is this session.
  static v1::OfferRequest HelloAfter(uint64_t first_session_id) {
    v1::OfferRequest hello = Hello(2);
    v1::OfferRequest::Session* first = hello.mutable_hello()->mutable_sessions(0);
    first->set_epoch(1);
    first->set_session_id(first_session_id);
    hello.mutable_hello()->add_sessions()->set_epoch(2);
    return hello;
  }
  v1::OfferRequest Frame(uint64_t epoch, uint64_t offset, int events = 1) {
    std::vector<uint64_t> ids;
    for (int i = 0; i < events; ++i) ids.push_back(FirstSnowflakeAt(loop_.WallNow()) + offset + i);
    v1::OfferRequest request;
    *request.mutable_record() =
        FrameInput("", epoch, offset, ids, loop_.WallNow()).record().record();
    return request;
  }
  std::unique_ptr<Call> Open(uint64_t epoch) {
    std::unique_ptr<Call> call = Dial();
    call->session->OnRequest(Hello(epoch), 1);
    Settle();
    std::vector<v1::OfferResponse> responses = call->responder.Take();
    EXPECT_EQ(responses.size(), 1);
    EXPECT_TRUE(responses[0].has_welcome());
    return call;
  }
  void ExpectRefused(Call* call, Refusal::Reason reason) {
    Settle();
    ASSERT_EQ(call->responder.responses.size(), 1);
    EXPECT_EQ(call->responder.responses[0].refusal().reason(), reason);
    EXPECT_NE(call->responder.responses[0].refusal().message(), "");
    EXPECT_TRUE(call->responder.closed);
  }
  // As the first request of a call.
  void ExpectRefused(const v1::OfferRequest& first, Refusal::Reason reason) {
    std::unique_ptr<Call> call = Dial();
    call->session->OnRequest(first, 1);
    ExpectRefused(call.get(), reason);
  }

  SimLoop loop_;
  MemStore store_;
  std::unique_ptr<Core> core_;
  std::unique_ptr<Merger> merger_;
  SessionDirectory directory_{{"fra-a", "lon-b"}};
  OfferSession::Options options_{"prod", "log-1", {"fra-a", "lon-b"}};
};

TEST_F(OfferSessionTest, WelcomeSaysWhereEachSessionGoesOn) {
  std::unique_ptr<Call> first = Open(1);
  first->session->OnRequest(Frame(1, 0, 3), 1);
  Settle();
  std::unique_ptr<Call> call = Dial();
  call->session->OnRequest(HelloAfter(10), 1);
  Settle();
  const v1::OfferResponse::Welcome& welcome = call->responder.responses.at(0).welcome();
  EXPECT_EQ(welcome.log_id(), "log-1");
  ASSERT_EQ(welcome.expected_size(), 2);
  EXPECT_EQ(welcome.expected(0).session_epoch(), 1);
  EXPECT_EQ(welcome.expected(0).end_offset(), 3);
  EXPECT_EQ(welcome.expected(1).end_offset(), 0);
}

TEST_F(OfferSessionTest, APauseIsToldAtTheWelcomeAndItsEndToWhoMissedIt) {
  std::unique_ptr<Call> before = Open(1);
  auto command = [&](store::v1::Command::Action action) {
    merger_->Admit(CommandInput(action), 0, nullptr);
    Settle();
  };
  command(store::v1::Command::ACTION_PAUSE);
  before->session->TellPause();
  before->session->TellPause();
  ASSERT_EQ(before->responder.responses.size(), 1);
  EXPECT_EQ(before->responder.Take()[0].directive().action(), v1::OfferResponse::ACTION_PAUSE);
  std::unique_ptr<Call> late = Dial();
  late->session->OnRequest(Hello(1, "lon-b"), 1);
  Settle();
  ASSERT_EQ(late->responder.responses.size(), 2);
  EXPECT_EQ(late->responder.Take()[1].directive().action(), v1::OfferResponse::ACTION_PAUSE);
  command(store::v1::Command::ACTION_RESUME);
  v1::OfferRequest report;
  report.mutable_report()->set_state(v1::ConnectionReport::STATE_PAUSED);
  late->session->OnRequest(report, 1);
  EXPECT_TRUE(late->responder.responses.empty()) << "before its turn";
  late->session->TellPause();
  EXPECT_EQ(late->responder.Take()[0].directive().action(), v1::OfferResponse::ACTION_RESUME);
  std::unique_ptr<Call> again = Open(2);
  again->session->OnRequest(report, 1);
  again->session->OnRequest(report, 1);
  ASSERT_EQ(again->responder.responses.size(), 1);
  EXPECT_EQ(again->responder.Take()[0].directive().action(), v1::OfferResponse::ACTION_RESUME);
}

TEST_F(OfferSessionTest, OlderSessionWithAnotherIdIsRefused) {
  std::unique_ptr<Call> first = Open(1);
  first->session->OnRequest(Frame(1, 0, 3), 1);
  Settle();
  // The spool was lost, began at epoch 1 again, and was restarted.
  std::unique_ptr<Call> call = Dial();
  call->session->OnRequest(HelloAfter(11), 1);
  Settle();
  const v1::OfferResponse::Refusal& refusal = call->responder.responses.at(0).refusal();
  EXPECT_EQ(refusal.reason(), v1::OfferResponse::Refusal::REASON_STALE_EPOCH);
  EXPECT_EQ(refusal.highest_epoch(), 1);
}

TEST_F(OfferSessionTest, AckComesAfterTheCommitAndOncePerCommit) {
  std::unique_ptr<Call> call = Open(1);
  call->session->OnRequest(Frame(1, 0, 2), 1);
  call->session->OnRequest(Frame(1, 2, 2), 1);
  EXPECT_TRUE(call->responder.responses.empty());
  uint64_t commits = store_.commits();
  Settle();
  EXPECT_EQ(store_.commits(), commits + 1);
  ASSERT_EQ(call->responder.responses.size(), 1);
  EXPECT_EQ(call->responder.responses[0].ack().end_offset(), 4);
  EXPECT_EQ(call->responder.responses[0].ack().session_epoch(), 1);
}

TEST_F(OfferSessionTest, RepeatIsAcknowledgedAgain) {
  std::unique_ptr<Call> call = Open(1);
  call->session->OnRequest(Frame(1, 0, 2), 1);
  Settle();
  call->responder.Take();
  call->session->OnRequest(Frame(1, 0, 2), 1);
  Settle();
  ASSERT_EQ(call->responder.responses.size(), 1);
  EXPECT_EQ(call->responder.responses[0].ack().end_offset(), 2);
}

TEST_F(OfferSessionTest, HoleIsNackedOnceUntilItIsFilled) {
  std::unique_ptr<Call> call = Open(1);
  for (uint64_t offset = 5; offset < 9; ++offset) call->session->OnRequest(Frame(1, offset), 1);
  Settle();
  ASSERT_EQ(call->responder.responses.size(), 1);
  EXPECT_EQ(call->responder.Take()[0].nack().expected_offset(), 0);
  call->session->OnRequest(Frame(1, 0), 1);
  Settle();
  EXPECT_TRUE(call->responder.Take().at(0).has_ack());
  call->session->OnRequest(Frame(1, 5), 1);
  Settle();
  EXPECT_EQ(call->responder.Take().at(0).nack().expected_offset(), 1);
}

TEST_F(OfferSessionTest, HelloIsCheckedAgainstTheConfiguration) {
  v1::OfferRequest hello = Hello(1);
  hello.mutable_hello()->set_stream("streams/dev");
  ExpectRefused(hello, Refusal::REASON_UNKNOWN_STREAM);
  ExpectRefused(Hello(1, "nobody"), Refusal::REASON_UNKNOWN_CONNECTION);
  hello = Hello(1);
  hello.mutable_hello()->clear_sessions();
  ExpectRefused(hello, Refusal::REASON_INVALID);
  ExpectRefused(Frame(1, 0), Refusal::REASON_INVALID);
}

TEST_F(OfferSessionTest, ConnectionMustCarryThePartitionItIsConfiguredFor) {
  v1::OfferRequest hello = Hello(1);
  hello.mutable_hello()->add_partitions(1);
  ExpectRefused(hello, Refusal::REASON_UNKNOWN_CONNECTION);

  options_.partitions = {{"fra-a", 2}};
  ExpectRefused(hello, Refusal::REASON_UNKNOWN_CONNECTION);
  ExpectRefused(Hello(1), Refusal::REASON_UNKNOWN_CONNECTION);
  hello.mutable_hello()->set_partitions(0, 2);
  std::unique_ptr<Call> call = Dial();
  call->session->OnRequest(hello, 1);
  Settle();
  ASSERT_EQ(call->responder.responses.size(), 1);
  EXPECT_TRUE(call->responder.responses[0].has_welcome());
}

TEST_F(OfferSessionTest, StaleEpochIsToldTheHighest) {
  std::unique_ptr<Call> newer = Open(5);
  std::unique_ptr<Call> call = Dial();
  call->session->OnRequest(Hello(4), 1);
  ExpectRefused(call.get(), Refusal::REASON_STALE_EPOCH);
  EXPECT_EQ(call->responder.responses[0].refusal().highest_epoch(), 5);
  EXPECT_FALSE(newer->responder.closed);
}

TEST_F(OfferSessionTest, NewerCallOfASourceSupersedesTheOlder) {
  std::unique_ptr<Call> older = Open(1);
  std::unique_ptr<Call> newer = Open(1);
  ExpectRefused(older.get(), Refusal::REASON_SUPERSEDED);
  older->session->OnRequest(Frame(1, 0), 10);
  Settle();
  EXPECT_EQ(core_->last_sequence(), 0) << "nothing more is taken from it";
  newer->session->OnRequest(Frame(1, 0), 1);
  Settle();
  EXPECT_EQ(core_->last_sequence(), 1);
  older.reset();
  EXPECT_TRUE(directory_.Snapshot()[0].connected);
}

TEST_F(OfferSessionTest, TwoProcessesOfOneNameAreNoticedARestartIsNot) {
  std::unique_ptr<Call> a = Open(1);
  std::unique_ptr<Call> reconnect = Open(1);
  EXPECT_EQ(directory_.Snapshot()[0].takeovers, 0) << "the same session, on a new call";
  std::unique_ptr<Call> restart = Open(2);
  EXPECT_EQ(directory_.Snapshot()[0].takeovers, 1);
  EXPECT_FALSE(IsContested(directory_.Snapshot()[0], loop_.Now()));
  std::unique_ptr<Call> b = Open(3);
  std::unique_ptr<Call> c = Open(4);
  EXPECT_EQ(directory_.Snapshot()[0].takeovers, 3);
  EXPECT_TRUE(IsContested(directory_.Snapshot()[0], loop_.Now()));
  EXPECT_FALSE(IsContested(directory_.Snapshot()[0], loop_.Now() + kContestSpan * 2));
  c.reset();
  EXPECT_FALSE(directory_.Snapshot()[0].connected);
  EXPECT_EQ(directory_.Snapshot()[0].close_time, loop_.Now());
}

TEST_F(OfferSessionTest, FullDiskRefusesHelloAndRecords) {
  std::unique_ptr<Call> open = Open(1);
  merger_->SetAccepting(false);
  open->session->OnRequest(Frame(1, 0), 1);
  ExpectRefused(open.get(), Refusal::REASON_DISK_FULL);
  ExpectRefused(Hello(1), Refusal::REASON_DISK_FULL);
  EXPECT_EQ(core_->last_sequence(), 0);
}

TEST_F(OfferSessionTest, EveryByteIsGivenBackOnceAndOnlyAfterItsCommit) {
  std::unique_ptr<Call> call = Open(1);
  EXPECT_EQ(call->responder.consumed, 1);
  call->session->OnRequest(Frame(1, 0), 1000);
  EXPECT_EQ(call->responder.consumed, 1);
  Settle();
  EXPECT_EQ(call->responder.consumed, 1001);
  call->session->OnRequest(Frame(1, 7), 500);
  Settle();
  EXPECT_EQ(call->responder.consumed, 1501);
}

TEST_F(OfferSessionTest, DirectoryKnowsWhatEachSourceSaidAndDelivered) {
  std::unique_ptr<Call> call = Open(3);
  v1::OfferRequest report;
  report.mutable_report()->set_received_events(42);
  call->session->OnRequest(report, 1);
  call->session->OnRequest(Frame(3, 0, 4), 1);
  Settle();
  std::vector<SourceSnapshot> sources = directory_.Snapshot();
  ASSERT_EQ(sources.size(), 2);
  EXPECT_EQ(sources[0].source_id, "fra-a");
  EXPECT_TRUE(sources[0].connected);
  EXPECT_EQ(sources[0].session_epoch, 3);
  EXPECT_EQ(sources[0].report.received_events(), 42);
  EXPECT_EQ(sources[0].new_events, 4);
  EXPECT_FALSE(sources[1].connected);
  call.reset();
  EXPECT_FALSE(directory_.Snapshot()[0].connected);
}

TEST_F(OfferSessionTest, DestroyedSessionGetsNoAnswer) {
  std::unique_ptr<Call> call = Open(1);
  call->session->OnRequest(Frame(1, 0), 1);
  call->session.reset();
  Settle();
  EXPECT_TRUE(call->responder.responses.empty());
  EXPECT_EQ(core_->last_sequence(), 1) << "what was admitted is kept";
}

TEST(CheckRequestTest, MalformedRecordsAreRefused) {
  v1::OfferRequest request;
  EXPECT_FALSE(CheckRequest(request).ok());
  EXPECT_FALSE((request.mutable_record(), CheckRequest(request)).ok());
  *request.mutable_record() = FrameInput("", 1, 0, {20}, TestStart()).record().record();
  EXPECT_TRUE(CheckRequest(request).ok());
  request.mutable_record()->mutable_frame()->add_lengths(1);
  EXPECT_FALSE(CheckRequest(request).ok());
  request.mutable_record()->mutable_loss()->set_offsets(~uint64_t{0});
  EXPECT_FALSE(CheckRequest(request).ok());
}

}  // namespace
}  // namespace braid
