#include "ingest/connection.h"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "proto/frame_codec.h"
#include "proto/proto_time.h"
#include "proto/snowflake.h"
#include "tests/sim/sim_loop.h"

namespace braid {
namespace {

using State = v1::ConnectionReport;
constexpr absl::Duration kTurn = absl::ZeroDuration();

class FakeHttpClient final : public HttpClient {
 public:
  explicit FakeHttpClient(Loop& loop) : loop_(loop) {}

  RequestId Open(HttpRequest request, std::shared_ptr<HttpHandler> handler) override {
    // X counts sockets: the old one must be gone before a new one comes.
    EXPECT_TRUE(open.empty());
    EXPECT_EQ(closing, 0);
    requests.push_back(request);
    open[++last_id] = std::move(handler);
    return last_id;
  }
  // The reader thread answers in a later turn.
  void Close(RequestId id) override {
    auto found = open.find(id);
    if (found == open.end()) return;
    auto handler = std::move(found->second);
    open.erase(found);
    if (is_stuck) return;
    ++closing;
    loop_.Post([this, handler, rest = std::exchange(unread, "")] {
      --closing;
      if (!rest.empty()) handler->OnBytes(rest, loop_.Now());
      handler->OnDone({HttpEnd::Kind::kClosed, ""}, loop_.Now());
    });
  }

  std::vector<HttpRequest> requests;
  std::map<RequestId, std::shared_ptr<HttpHandler>> open;
  RequestId last_id = 0;
  int closing = 0;
  // What the socket still holds when it is closed.
  std::string unread;
  // The reader thread answers no more.
  bool is_stuck = false;

 private:
  Loop& loop_;
};

// The records as short texts, and whole.
class FakeSink final : public RecordSink {
 public:
  void Append(v1::SessionRecord record) override {
    if (record.has_frame()) {
      EXPECT_TRUE(ValidateFrame(record.frame()).ok()) << ValidateFrame(record.frame());
      std::string said = record.frame().origin() == v1::EVENT_ORIGIN_LIVE ? "posts" : "backfill";
      said_.push_back(absl::StrCat(said, " ", record.frame().post_ids_size()));
    } else if (record.has_cover()) {
      said_.push_back("cover");
    } else if (record.has_loss()) {
      said_.push_back(absl::StrCat("loss ", v1::Loss::Reason_Name(record.loss().reason())));
    } else {
      said_.push_back(absl::StrCat("event ", record.event().cause()));
    }
    records_.push_back(std::move(record));
  }

  const v1::ConnectionEvent& last_event() const {
    for (auto it = records_.rbegin(); it != records_.rend(); ++it) {
      if (it->has_event()) return it->event();
    }
    return v1::ConnectionEvent::default_instance();
  }

  std::vector<std::string> said_;
  std::vector<v1::SessionRecord> records_;
};

using Said = std::vector<std::string>;

class ConnectionTest : public testing::Test {
 protected:
  ConnectionTest() {
    options_.request.url = "https://x.example/stream";
    options_.request.connection = "fra-a";
    options_.request.version = "0.1";
    options_.backfill.minutes_max = 5;
    options_.backoff.jitter = 0;
  }

  void Start() {
    connection_ =
        std::make_unique<Connection>(loop_, http_, sink_, random_, options_,
                                     [this]() -> absl::StatusOr<std::string> { return token_; },
                                     gate_);
    connection_->Start();
    loop_.RunFor(kTurn);
  }

  AttemptGate* gate_ = nullptr;

  HttpHandler& wire() { return *http_.open.begin()->second; }
  bool is_open() const { return !http_.open.empty(); }

  void Answer(int status, std::map<std::string, std::string> headers = {}) {
    HttpHead head;
    head.status = status;
    head.headers = std::move(headers);
    if (head.headers.count("date") == 0) {
      head.headers["date"] =
          absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT", loop_.WallNow(), absl::UTCTimeZone());
    }
    wire().OnHead(head, loop_.Now());
    loop_.RunFor(kTurn);
  }
  void Establish() {
    Start();
    Answer(200);
  }
  void Send(absl::string_view bytes, bool drained = true) {
    wire().OnBytes(bytes, loop_.Now());
    if (drained) wire().OnDrained(loop_.Now());
    loop_.RunFor(kTurn);
  }
  // A post created now.
  std::string Post() {
    uint64_t id = FirstSnowflakeAt(loop_.WallNow()) + ++posts_;
    last_id_ = id;
    return absl::StrCat("{\"data\":{\"id\":\"", id, "\",\"text\":\"hello\"}}\r\n");
  }
  void End(HttpEnd::Kind kind, absl::string_view detail = "") {
    auto handler = http_.open.begin()->second;
    http_.open.clear();
    handler->OnDone({kind, std::string(detail)}, loop_.Now());
    loop_.RunFor(kTurn);
  }
  // Ten posts and a heartbeat a second.
  void Flow(int seconds) {
    for (int i = 0; i < seconds * 10; ++i) {
      loop_.RunFor(absl::Milliseconds(100));
      Send(Post());
    }
  }
  int Count(absl::string_view what) const {
    int count = 0;
    for (const std::string& said : sink_.said_) count += absl::StartsWith(said, what);
    return count;
  }

  SimLoop loop_;
  FakeHttpClient http_{loop_};
  FakeSink sink_;
  SeededRandom random_{1};
  Connection::Options options_;
  absl::StatusOr<std::string> token_ = std::string("TOKEN");
  std::unique_ptr<Connection> connection_;
  uint64_t posts_ = 0;
  uint64_t last_id_ = 0;
};

TEST_F(ConnectionTest, ConnectsWithTheTokenOfTheMoment) {
  Start();
  ASSERT_EQ(http_.requests.size(), 1);
  EXPECT_EQ(http_.requests[0].url, "https://x.example/stream?backfill_minutes=5");
  EXPECT_EQ(http_.requests[0].headers[0].second, "Bearer TOKEN");
  EXPECT_EQ(connection_->Report().state(), State::STATE_CONNECTING);
  Answer(200);
  EXPECT_EQ(connection_->Report().state(), State::STATE_RECEIVING);
  EXPECT_EQ(sink_.said_, (Said{"event connected"}));
  EXPECT_EQ(sink_.last_event().http_status(), 200);
  token_ = std::string("NEWER");
  End(HttpEnd::Kind::kClean);
  ASSERT_EQ(http_.requests.size(), 2);
  EXPECT_EQ(http_.requests[1].url, "https://x.example/stream?backfill_minutes=5");
  EXPECT_EQ(http_.requests[1].headers[0].second, "Bearer NEWER");
}

// Answers what it is told to, and keeps what it hears.
struct FakeGate final : AttemptGate {
  Answer Ask(absl::Time) override {
    ++asked;
    return answer;
  }
  void OnReached(absl::Time) override { ++reached; }
  void OnUnreached() override { ++unreached; }

  Answer answer{absl::ZeroDuration(), ""};
  int asked = 0, reached = 0, unreached = 0;
};

TEST_F(ConnectionTest, AnAttemptWaitsUntilTheGateLetsItPass) {
  FakeGate gate;
  gate.answer = {absl::Seconds(7), "budget"};
  gate_ = &gate;
  Start();
  EXPECT_TRUE(http_.requests.empty());
  EXPECT_EQ(connection_->Report().state(), State::STATE_BACKING_OFF);
  EXPECT_EQ(connection_->Report().wait_class(), "budget");
  EXPECT_EQ(connection_->counters().held_for_budget.value(), 1);
  gate.answer = {absl::ZeroDuration(), ""};
  loop_.RunFor(absl::Seconds(6));
  EXPECT_TRUE(http_.requests.empty());
  loop_.RunFor(absl::Seconds(2));
  ASSERT_EQ(http_.requests.size(), 1);
  EXPECT_EQ(gate.asked, 2);
  EXPECT_EQ(gate.reached, 0);
  Answer(200);
  EXPECT_EQ(gate.reached, 1);
  connection_ = nullptr;
}

TEST_F(ConnectionTest, TheGateHearsOfAttemptsThatNeverReachedX) {
  FakeGate gate;
  gate_ = &gate;
  Start();
  End(HttpEnd::Kind::kConnectFailed);
  EXPECT_EQ(gate.unreached, 1);
  EXPECT_EQ(gate.reached, 0);
  connection_ = nullptr;
}

TEST_F(ConnectionTest, PostsBecomeFramesWhenTheSocketIsDrained) {
  Establish();
  std::string lines = Post() + "\r\n";
  lines += Post();
  lines += Post();
  Send(lines);
  EXPECT_EQ(sink_.said_, (Said{"event connected", "posts 3"}));
  EXPECT_EQ(sink_.records_[1].frame().post_ids(2), last_id_);
  EXPECT_EQ(ToTime(sink_.records_[1].frame().base_receive_time()), connection_->XNow());
  EXPECT_EQ(connection_->Report().received_events(), 3);
}

TEST_F(ConnectionTest, FrameWaitsForCompanyAtMostFiveMilliseconds) {
  options_.reader.block_bytes_max = 10;  // a block per read, without a drain
  Establish();
  Send(Post(), /*drained=*/false);
  EXPECT_EQ(Count("posts"), 0);
  loop_.RunFor(absl::Milliseconds(4));
  Send(Post(), /*drained=*/false);
  EXPECT_EQ(Count("posts"), 0);
  loop_.RunFor(absl::Milliseconds(1));
  EXPECT_EQ(sink_.said_.back(), "posts 2");
}

TEST_F(ConnectionTest, CoversComeBetweenFramesAtLeastOnceASecond) {
  Establish();
  Flow(30);
  int covers = Count("cover");
  EXPECT_GE(covers, 15);
  Flow(10);
  EXPECT_GE(Count("cover"), covers + 10);
}

TEST_F(ConnectionTest, EndIsReportedWithItsCauseIdsAndTimesAndRetriedAtOnce) {
  Establish();
  Send(Post());
  uint64_t first = last_id_;
  absl::Time last_byte = connection_->XNow();
  Flow(61);
  loop_.RunFor(absl::Seconds(1));
  End(HttpEnd::Kind::kReset, "Connection reset by peer");
  const v1::ConnectionEvent& event = sink_.last_event();
  EXPECT_EQ(event.cause(), "reset");
  EXPECT_EQ(event.state(), State::STATE_BACKING_OFF);
  EXPECT_EQ(event.first_post_id(), first);
  EXPECT_EQ(event.last_post_id(), last_id_);
  EXPECT_EQ(ToTime(event.last_byte_time()), last_byte + absl::Seconds(61));
  EXPECT_EQ(event.detail(), "Connection reset by peer");
  EXPECT_TRUE(is_open());
  EXPECT_EQ(http_.requests.size(), 2);
}

TEST_F(ConnectionTest, SilenceClosesTheSocketAndReconnectsAtOnce) {
  Establish();
  Flow(61);
  for (int i = 0; i < 3; ++i) {
    loop_.RunFor(absl::Seconds(24));
    Send(i == 0 ? "\r\n" : "{");  // any byte is a sign of life
    EXPECT_EQ(http_.requests.size(), 1);
  }
  loop_.RunFor(absl::Seconds(25));
  EXPECT_EQ(http_.requests.size(), 2);
  EXPECT_EQ(sink_.last_event().cause(), "silence");
  EXPECT_EQ(sink_.last_event().state(), State::STATE_BACKING_OFF);
}

TEST_F(ConnectionTest, DayOfHeartbeatsIsNoReasonToReconnect) {
  Establish();
  for (int i = 0; i < 24 * 180; ++i) {
    loop_.RunFor(absl::Seconds(20));
    Send("\r\n");
  }
  EXPECT_EQ(http_.requests.size(), 1);
  EXPECT_EQ(Count("event"), 1);
}

class DataSilence : public ConnectionTest {
 protected:
  // One post a second for five minutes: a pause of 12 s comes once a day.
  void Feed() {
    Establish();
    for (int i = 0; i < 300; ++i) SendPostNow(absl::Seconds(1));
  }
  void SendPostNow(absl::Duration after) {
    loop_.RunFor(after);
    uint64_t id = FirstSnowflakeAt(connection_->XNow()) + next_++;
    Send(absl::StrCat("{\"data\":{\"id\":\"", id, "\",\"text\":\"x\"}}\r\n"));
  }
  void SendHeartbeats(int count) {
    for (int i = 0; i < count; ++i) {
      loop_.RunFor(absl::Seconds(5));
      if (is_open()) Send("\r\n");
    }
  }
  double SilenceSeconds() { return connection_->counters().data_silence_seconds.value(); }
  uint64_t next_ = 1;
};

TEST_F(DataSilence, IsReportedAndEndsNothing) {
  Feed();
  SendHeartbeats(2);
  EXPECT_EQ(SilenceSeconds(), 0) << "explained by the usual rate";
  EXPECT_FALSE(connection_->Report().has_data_silence());
  SendHeartbeats(2);
  EXPECT_GT(SilenceSeconds(), 12);
  EXPECT_GT(ToDuration(connection_->Report().data_silence()), absl::Seconds(12));
  SendHeartbeats(60);
  EXPECT_EQ(http_.requests.size(), 1);
  EXPECT_EQ(connection_->counters().data_silences.value(), 1);
  SendPostNow(absl::Seconds(1));
  loop_.RunFor(absl::Seconds(1));
  EXPECT_EQ(SilenceSeconds(), 0);
  EXPECT_FALSE(connection_->Report().has_data_silence());
}

TEST_F(DataSilence, EndsTheConnectionOnceWhereThatIsWished) {
  options_.reconnect_on_data_silence = true;
  Feed();
  SendHeartbeats(4);
  EXPECT_EQ(sink_.last_event().cause(), "data_silence");
  ASSERT_EQ(http_.requests.size(), 2);
  EXPECT_EQ(SilenceSeconds(), 0);
  Answer(200);
  SendHeartbeats(60);
  EXPECT_EQ(http_.requests.size(), 2) << "it was not fed yet";
}

TEST_F(ConnectionTest, ServerThatNeverAnswersIsGivenUp) {
  Start();
  loop_.RunFor(absl::Seconds(25));
  EXPECT_EQ(sink_.last_event().cause(), "no_answer");
  loop_.RunFor(absl::Milliseconds(250));
  EXPECT_EQ(http_.requests.size(), 2);
}

TEST_F(ConnectionTest, RefusalsWaitByTheirClassAndKeepTheirBody) {
  Start();
  Answer(429);
  wire().OnBytes(R"({"connection_issue":"TooManyConnections"})", loop_.Now());
  End(HttpEnd::Kind::kClean);
  EXPECT_EQ(sink_.last_event().cause(), "too_many_connections");
  EXPECT_EQ(sink_.last_event().http_status(), 429);
  EXPECT_TRUE(absl::StrContains(sink_.last_event().detail(), "TooManyConnections"));
  EXPECT_EQ(connection_->Report().state(), State::STATE_BACKING_OFF);
  EXPECT_EQ(ToTime(connection_->Report().next_attempt_time()) - connection_->XNow(),
            absl::Seconds(5));
  loop_.RunFor(absl::Milliseconds(4999));
  EXPECT_FALSE(is_open());
  loop_.RunFor(absl::Milliseconds(1));
  ASSERT_TRUE(is_open());
  std::string reset = absl::StrCat(absl::ToUnixSeconds(loop_.WallNow()) + 600);
  Answer(429, {{"x-rate-limit-reset", reset}});
  End(HttpEnd::Kind::kClean);
  EXPECT_EQ(sink_.last_event().cause(), "rate_limited");
  EXPECT_EQ(connection_->Report().wait_class(), "rate_limited");
  EXPECT_EQ(connection_->Report().last_cause(), "rate_limited");
  loop_.RunFor(absl::Seconds(598));
  EXPECT_FALSE(is_open());
  loop_.RunFor(absl::Seconds(4));
  EXPECT_TRUE(is_open());
}

TEST_F(ConnectionTest, RefusalWhoseBodyNeverEndsIsGivenUp) {
  Start();
  Answer(503);
  for (int i = 0; i < 9; ++i) {
    loop_.RunFor(absl::Seconds(1));
    wire().OnBytes("x", loop_.Now());
  }
  loop_.RunFor(absl::Seconds(1));
  EXPECT_EQ(sink_.last_event().cause(), "server_error");
  EXPECT_FALSE(is_open());
}

TEST_F(ConnectionTest, UnreadableTokenIsRetriedAndNeverSent) {
  token_ = absl::NotFoundError("no file");
  Start();
  EXPECT_EQ(http_.requests.size(), 0);
  EXPECT_EQ(sink_.last_event().cause(), "token");
  token_ = std::string("T");
  loop_.RunFor(absl::Seconds(5));
  EXPECT_EQ(http_.requests.size(), 1);
}

TEST_F(ConnectionTest, WhatXSaidBeforeTheEndIsItsCause) {
  Establish();
  Flow(61);
  Send(R"({"errors":[{"title":"operational-disconnect",)"
       R"("disconnect_type":"UpstreamOperationalDisconnect"}]})"
       "\r\n");
  EXPECT_EQ(sink_.last_event().cause(), "message:errors");
  EXPECT_TRUE(absl::StrContains(sink_.last_event().detail(), "UpstreamOperationalDisconnect"));
  End(HttpEnd::Kind::kClean);
  EXPECT_EQ(sink_.last_event().cause(), "operational_disconnect");
  EXPECT_EQ(sink_.last_event().detail(), "clean_eof");
  EXPECT_TRUE(is_open());
  EXPECT_EQ(connection_->Report().control_messages(), 1);
}

TEST_F(ConnectionTest, ControlMessagesAreBoundedInRateAndSize) {
  Establish();
  std::string line = absl::StrCat("{\"info\":{\"message\":\"", std::string(5000, 'x'), "\"}}\r\n");
  for (int i = 0; i < 300; ++i) Send(line);
  EXPECT_EQ(Count("event message:info"), 100);
  EXPECT_EQ(sink_.last_event().detail().size(), 2048);
  EXPECT_EQ(connection_->Report().control_messages(), 300);
  loop_.RunFor(absl::Seconds(1));
  for (int i = 0; i < 300; ++i) Send(line);
  EXPECT_EQ(Count("event message:info"), 110);
}

TEST_F(ConnectionTest, LossStandsInTheOrderOfReceiptAndRunsAreMerged) {
  options_.reader.line_bytes_max = 1000;
  Establish();
  Send(absl::StrCat(Post(), "garbage\r\n{\r\nmore\r\n", Post(), std::string(2000, 'x'), "\r\n",
                    Post()));
  EXPECT_EQ(sink_.said_, (Said{"event connected", "posts 1", "loss REASON_UNPARSABLE_LINE",
                               "posts 1", "loss REASON_OVERSIZE_LINE", "posts 1"}));
  EXPECT_EQ(connection_->Report().lost_lines(), 4);
}

TEST_F(ConnectionTest, FullRingIsALoss) {
  options_.reader.in_flight_bytes_max = 1;
  Establish();
  Send(Post());
  End(HttpEnd::Kind::kReset);
  EXPECT_EQ(Count("loss REASON_RING_FULL"), 1);
  EXPECT_EQ(Count("posts"), 0);
}

TEST_F(ConnectionTest, BackfillComesInFramesOfItsOwn) {
  Establish();
  Flow(61);
  loop_.RunFor(absl::Seconds(3));
  std::string old_post = Post();
  End(HttpEnd::Kind::kReset);
  loop_.RunFor(absl::Seconds(20));
  Answer(200);
  Send(old_post + Post());
  ASSERT_GE(sink_.said_.size(), 2);
  EXPECT_EQ(sink_.said_[sink_.said_.size() - 2], "backfill 1");
  EXPECT_EQ(sink_.said_.back(), "posts 1");
}

TEST_F(ConnectionTest, DrainWritesEverythingThenALastCoverAndTellsWhenDone) {
  Establish();
  Flow(61);
  wire().OnBytes(Post(), loop_.Now());
  wire().OnDrained(loop_.Now());  // posted, not yet consumed
  bool done = false;
  size_t before = sink_.said_.size();
  connection_->Drain([&done] { done = true; });
  EXPECT_EQ(connection_->Report().state(), State::STATE_DRAINING);
  EXPECT_FALSE(is_open());
  loop_.RunFor(kTurn);
  EXPECT_TRUE(done);
  EXPECT_EQ(Said(sink_.said_.begin() + before, sink_.said_.end()),
            (Said{"posts 1", "cover", "event drain"}));
  size_t after = sink_.said_.size();
  loop_.RunFor(absl::Hours(1));
  EXPECT_EQ(sink_.said_.size(), after);
  EXPECT_EQ(http_.requests.size(), 1);
}

TEST_F(ConnectionTest, DrainWhileBackingOffIsDoneAtOnce) {
  Start();
  End(HttpEnd::Kind::kConnectFailed);
  EXPECT_EQ(sink_.last_event().cause(), "connect");
  bool done = false;
  connection_->Drain([&] {
    done = true;
    connection_.reset();  // the owner may do so
  });
  loop_.RunFor(absl::Hours(1));
  EXPECT_TRUE(done);
  EXPECT_EQ(http_.requests.size(), 1);
}

TEST_F(ConnectionTest, TheReportSaysHowTheLastAttemptEndedAndSinceWhenItStreams) {
  Start();
  Answer(401);
  End(HttpEnd::Kind::kClean);
  v1::ConnectionReport report = connection_->Report();
  EXPECT_EQ(report.last_cause(), "unauthorized");
  EXPECT_EQ(report.http_status(), 401);
  EXPECT_TRUE(report.needs_operator());
  EXPECT_EQ(ToTime(report.next_attempt_time()), connection_->XNow() + absl::Seconds(320) - kTurn);
  EXPECT_FALSE(report.has_stream_start_time());
  loop_.RunFor(absl::Seconds(320));
  Answer(200);
  absl::Time since = connection_->XNow();
  loop_.RunFor(absl::Seconds(5));
  report = connection_->Report();
  EXPECT_FALSE(report.needs_operator());
  EXPECT_EQ(report.http_status(), 200);
  EXPECT_NEAR(absl::ToDoubleSeconds(since - ToTime(report.stream_start_time())), 0, 1);
}

TEST_F(ConnectionTest, ReconnectClosesTheOldSocketFirst) {
  Establish();
  connection_->Reconnect();
  loop_.RunFor(kTurn);
  EXPECT_EQ(sink_.last_event().cause(), "requested");
  EXPECT_EQ(http_.requests.size(), 2);
}

TEST_F(ConnectionTest, APausedConnectionStaysAwayUntilItIsResumed) {
  Establish();
  connection_->Pause();
  connection_->Pause();
  loop_.RunFor(absl::Hours(5));
  EXPECT_EQ(connection_->Report().state(), State::STATE_PAUSED);
  EXPECT_EQ(sink_.last_event().cause(), "paused");
  EXPECT_EQ(http_.requests.size(), 1);
  connection_->Resume();
  loop_.RunFor(absl::Seconds(1));
  EXPECT_EQ(http_.requests.size(), 2);
}

TEST_F(ConnectionTest, ALineThatAPauseCutsIsNoLossAndNothingIsWaitedFor) {
  Establish();
  http_.unread = Post() + Post().substr(0, 40);
  connection_->Pause();
  loop_.RunFor(kTurn);
  EXPECT_EQ(sink_.said_, (Said{"event connected", "posts 1", "event requested", "event paused"}));
  EXPECT_EQ(connection_->Report().lost_lines(), 0);
  const v1::ConnectionEvent& end = sink_.records_[2].event();
  EXPECT_EQ(end.wait_class(), "");
  EXPECT_FALSE(end.has_next_attempt_delay());
  EXPECT_EQ(end.cut_line_bytes(), 40);
}

TEST_F(ConnectionTest, APauseIsNotBoughtBackByBackfill) {
  Establish();
  const auto asked = [this] { return http_.requests.back().url; };
  EXPECT_TRUE(absl::StrContains(asked(), "backfill_minutes=5"));
  connection_->Pause();
  loop_.RunFor(absl::Minutes(3));
  connection_->Resume();
  loop_.RunFor(kTurn);
  EXPECT_FALSE(absl::StrContains(asked(), "backfill")) << asked();
  Answer(200);
  // Later only as far back as the stream that followed.
  for (int i = 0; i < 9; ++i) {
    loop_.RunFor(absl::Seconds(10));
    Send("\r\n");
  }
  End(HttpEnd::Kind::kClean);
  loop_.RunFor(kTurn);
  EXPECT_TRUE(absl::StrContains(asked(), "backfill_minutes=2")) << asked();
}

TEST_F(ConnectionTest, APausedConnectionDrains) {
  Establish();
  connection_->Pause();
  loop_.RunFor(kTurn);
  bool done = false;
  connection_->Drain([&] { done = true; });
  loop_.RunFor(kTurn);
  EXPECT_TRUE(done);
}

TEST_F(ConnectionTest, LateCallsOfAClosedSocketAreIgnored) {
  Establish();
  auto old = http_.open.begin()->second;
  connection_->Reconnect();
  loop_.RunFor(kTurn);
  size_t before = sink_.said_.size();
  old->OnBytes(Post(), loop_.Now());
  old->OnDrained(loop_.Now());
  old->OnDone({HttpEnd::Kind::kReset, ""}, loop_.Now());
  loop_.RunFor(kTurn);
  EXPECT_EQ(sink_.said_.size(), before);
  connection_.reset();
  old->OnDone({HttpEnd::Kind::kReset, ""}, loop_.Now());
  loop_.RunFor(absl::Hours(1));
}

// What the reader thread or the socket still holds when we close.
TEST_F(ConnectionTest, ClosingLosesNothingThatWasReadAndOpensOnlyAfterwards) {
  Establish();
  http_.unread = Post() + Post();
  connection_->Reconnect();
  EXPECT_EQ(connection_->Report().state(), State::STATE_CLOSING);
  EXPECT_EQ(http_.requests.size(), 1);
  loop_.RunFor(kTurn);
  EXPECT_EQ(sink_.said_, (Said{"event connected", "posts 2", "event requested"}));
  EXPECT_EQ(http_.requests.size(), 2);
}

TEST_F(ConnectionTest, ClosingReportsAFullRing) {
  options_.reader.in_flight_bytes_max = 1;
  Establish();
  http_.unread = Post();
  bool done = false;
  connection_->Drain([&] { done = true; });
  loop_.RunFor(kTurn);
  EXPECT_TRUE(done);
  EXPECT_EQ(Count("loss REASON_RING_FULL"), 1);
}

TEST_F(ConnectionTest, StuckReaderIsALossAndDoesNotHoldUpADrain) {
  Establish();
  Send(Post());
  absl::Time last_byte = connection_->XNow();
  loop_.RunFor(absl::Seconds(1));
  http_.is_stuck = true;
  bool done = false;
  connection_->Drain([&] { done = true; });
  loop_.RunFor(absl::Milliseconds(1999));
  EXPECT_FALSE(done);
  loop_.RunFor(absl::Milliseconds(1));
  EXPECT_TRUE(done);
  EXPECT_EQ(sink_.said_, (Said{"event connected", "posts 1", "loss REASON_CLOSED", "event drain"}));
  const v1::Loss& loss = sink_.records_[2].loss();
  EXPECT_EQ(ToTime(loss.first_receive_time()), last_byte);
  EXPECT_EQ(ToTime(loss.last_receive_time()), connection_->XNow());
}

TEST_F(ConnectionTest, CutLineIsTakenIfWholeElseALossWithItsId) {
  Establish();
  std::string whole = Post();
  Send(whole.substr(0, whole.size() - 2));
  End(HttpEnd::Kind::kReset);
  EXPECT_EQ(sink_.said_, (Said{"event connected", "posts 1", "event reset"}));
  Answer(200);
  std::string cut = Post();
  Send(cut.substr(0, cut.size() - 5));
  End(HttpEnd::Kind::kTruncated);
  EXPECT_EQ(sink_.said_[4], "loss REASON_CUT_LINE");
  EXPECT_EQ(sink_.last_event().cut_line_post_id(), last_id_);
  EXPECT_EQ(sink_.last_event().cut_line_bytes(), cut.size() - 5);
  EXPECT_TRUE(absl::StrContains(sink_.last_event().detail(), "cut line: {"));
}

TEST_F(ConnectionTest, DayOfInvalidCredentialsProvokesNoRateLimit) {
  options_.backoff.jitter = 0.2;
  Start();
  absl::Time until = loop_.Now() + absl::Hours(24);
  std::vector<absl::Time> requests;
  while (loop_.Now() < until) {
    if (!is_open()) {
      loop_.RunFor(absl::Seconds(1));
      continue;
    }
    requests.push_back(loop_.Now());
    Answer(401);
    End(HttpEnd::Kind::kClean);
    EXPECT_EQ(connection_->Report().wait_class(), "terminal");
  }
  EXPECT_GT(requests.size(), 200);
  for (size_t i = 50; i < requests.size(); ++i) {
    ASSERT_GT(requests[i] - requests[i - 50], absl::Minutes(15));
  }
}

TEST_F(ConnectionTest, IdFromTheFarFutureDoesNotMoveTheClock) {
  Establish();
  Send("{\"data\":{\"id\":\"9223372036854775807\"}}\r\n");
  EXPECT_EQ(Count("posts"), 1);
  EXPECT_LT(connection_->XNow() - loop_.WallNow(), absl::Seconds(2));
}

TEST_F(ConnectionTest, AcceptedAndDroppedOverAndOverIsNotRetriedAtOnceForEver) {
  Start();
  for (int i = 0; i < 50; ++i) {
    while (!is_open()) loop_.RunFor(absl::Milliseconds(50));
    Answer(200);
    End(HttpEnd::Kind::kClean);
  }
  EXPECT_GT(loop_.Now() - absl::UnixEpoch() - absl::Hours(1), absl::Minutes(4));
}

class FakeObserver final : public ConnectionObserver {
 public:
  void OnAccepted(absl::Time from, absl::Time until) override {
    EXPECT_LE(from, until);
    seen.push_back("accepted");
  }
  void OnEnded(const Verdict& verdict) override {
    seen.push_back(std::string(CauseWord(verdict.cause)));
  }
  Said seen;
};

TEST_F(ConnectionTest, ObserverHearsOfTheSocketsLife) {
  FakeObserver observer;
  connection_ = std::make_unique<Connection>(loop_, http_, sink_, random_, options_,
                                             [this]() -> absl::StatusOr<std::string> { return token_; });
  connection_->SetObserver(&observer);
  connection_->Start();
  loop_.RunFor(kTurn);
  Answer(200);
  EXPECT_EQ(observer.seen, Said{"accepted"});
  connection_->Note("slots_listed", "two");
  EXPECT_EQ(sink_.last_event().cause(), "slots_listed");
  EXPECT_EQ(sink_.last_event().detail(), "two");
  connection_->Drain([] {});
  loop_.RunFor(kTurn);
  EXPECT_EQ(observer.seen, (Said{"accepted", "drain"}));
  size_t records = sink_.records_.size();
  connection_->Note("slots_listed", "late");
  EXPECT_EQ(sink_.records_.size(), records) << "nothing after a drain";
}

TEST_F(ConnectionTest, FifthFailureInTenMinutesIsAnAlertOnce) {
  Start();
  for (int i = 0; i < 7; ++i) {
    ASSERT_TRUE(is_open());
    Answer(503);
    auto handler = http_.open.begin()->second;
    http_.open.clear();
    handler->OnDone({HttpEnd::Kind::kClean, ""}, loop_.Now());
    for (int s = 0; s < 400 && !is_open(); ++s) loop_.RunFor(absl::Seconds(1));
  }
  int began = 0;
  for (const std::string& said : sink_.said_) began += said == "event reconnects_repeat_began";
  EXPECT_EQ(began, 1);
  EXPECT_EQ(connection_->counters().alerts[0].value(), 1u);
  // 5, 10, ... 320 s: the seventh is the longest.
  EXPECT_EQ(connection_->counters().alert[1].value(), 1);
}

}  // namespace
}  // namespace braid
