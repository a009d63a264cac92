// A whole deduper on loopback: sources in this process offer frames through
// the real IngestService, readers read through the real services.

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "base/hash.h"
#include "braid/v1/admin_service.grpc.pb.h"
#include "braid/v1/ingest_service.grpc.pb.h"
#include "braid/v1/stream_service.grpc.pb.h"
#include "dedupe/deduper.h"
#include "proto/frame_codec.h"
#include "proto/proto_time.h"
#include "proto/reason.h"
#include "proto/snowflake.h"
#include "tests/harness/wait.h"

namespace braid {
namespace {

std::string Line(uint64_t id) {
  return absl::StrCat(R"({"data":{"id":")", id, R"(","text":"post )", id, R"("}})");
}

// One connector's Offer call, by hand.
class Source {
 public:
  Source(std::shared_ptr<grpc::Channel> channel, const std::string& id, uint64_t epoch)
      : id_(id), epoch_(epoch), stub_(v1::IngestService::NewStub(channel)) {
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    call_ = stub_->Offer(&context_);
    v1::OfferRequest request;
    v1::OfferRequest::Hello* hello = request.mutable_hello();
    hello->set_stream("streams/main");
    hello->set_source_id(id);
    hello->set_network("net-" + id);
    hello->set_version("test");
    hello->set_session_epoch(epoch);
    hello->set_session_id(Hash64(id) + epoch);
    v1::OfferRequest::Session* session = hello->add_sessions();
    session->set_epoch(epoch);
    call_->Write(request);
  }
  ~Source() { context_.TryCancel(); }

  v1::OfferResponse Read() {
    v1::OfferResponse response;
    call_->Read(&response);
    return response;
  }
  void Offer(const std::vector<uint64_t>& ids) {
    v1::OfferRequest request;
    v1::SessionRecord* record = request.mutable_record();
    record->set_session_epoch(epoch_);
    record->set_offset(offset_);
    v1::Frame* frame = record->mutable_frame();
    frame->set_origin(v1::EVENT_ORIGIN_LIVE);
    SetTime(absl::Now(), frame->mutable_base_receive_time());
    std::string lines;
    for (uint64_t id : ids) {
      std::string line = Line(id);
      frame->add_post_ids(id);
      frame->add_receive_offsets_micros(0);
      frame->add_lengths(static_cast<uint32_t>(line.size()));
      frame->add_line_hashes(Hash64(line));
      lines += line;
    }
    CompressFrame(lines, frame);
    offset_ += ids.size();
    call_->Write(request);
  }
  void Report() {
    v1::OfferRequest request;
    v1::ConnectionReport* report = request.mutable_report();
    report->set_state(v1::ConnectionReport::STATE_RECEIVING);
    SetTime(absl::Now(), report->mutable_report_time());
    SetTime(absl::Now(), report->mutable_last_byte_time());
    report->set_received_events(offset_);
    call_->Write(request);
  }
  // For the last minute, as if nothing had come since what was delivered.
  bool Vouch() {
    v1::OfferRequest request;
    v1::SessionRecord* record = request.mutable_record();
    record->set_session_epoch(epoch_);
    record->set_offset(offset_++);
    v1::Cover* cover = record->mutable_cover();
    cover->set_origin(v1::EVENT_ORIGIN_LIVE);
    SetTime(absl::Now() - absl::Minutes(1), cover->mutable_create_time_range()->mutable_start_time());
    SetTime(absl::Now() - absl::Seconds(1), cover->mutable_create_time_range()->mutable_end_time());
    call_->Write(request);
    return WaitForAck();
  }
  // True when all of it is durable.
  bool Deliver(const std::vector<uint64_t>& ids) {
    Offer(ids);
    return WaitForAck();
  }
  // Reads until everything offered is durable.
  bool WaitForAck() {
    v1::OfferResponse response;
    while (call_->Read(&response)) {
      if (response.has_ack() && response.ack().end_offset() == offset_) return true;
    }
    return false;
  }
  uint64_t offset() const { return offset_; }
  void SetOffset(uint64_t offset) { offset_ = offset; }

 private:
  const std::string id_;
  const uint64_t epoch_;
  uint64_t offset_ = 0;
  std::unique_ptr<v1::IngestService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::OfferRequest, v1::OfferResponse>> call_;
};

class DeduperTest : public ::testing::Test {
 protected:
  DeduperTest() {
    std::string pattern = absl::StrCat(::testing::TempDir(), "/deduperXXXXXX");
    dir_ = mkdtemp(pattern.data());
    config_.set_data_dir(dir_ + "/data");
    config_.mutable_listen()->set_grpc("127.0.0.1:0");
    config_.mutable_listen()->set_http("127.0.0.1:0");
    config::v1::StreamConfig* stream = config_.add_streams();
    stream->set_name("main");
    for (const char* id : {"fra-a", "nyc-b"}) stream->add_connections()->set_id(id);
    first_id_ = FirstSnowflakeAt(absl::Now() - absl::Seconds(1));
  }
  ~DeduperTest() override {
    deduper_.reset();
    std::filesystem::remove_all(dir_);
  }

  void Init() { ASSERT_TRUE(Deduper::Init(config_, absl::Now()).ok()); }
  absl::Status InitAndStart() {
    Init();
    return Start();
  }
  absl::Status Start() {
    absl::StatusOr<std::unique_ptr<Deduper>> started =
        Deduper::Start(config_, [](absl::Status status) { ADD_FAILURE() << status; });
    if (!started.ok()) return started.status();
    deduper_ = *std::move(started);
    channel_ = grpc::CreateChannel(absl::StrCat("127.0.0.1:", deduper_->grpc_port()),
                                   grpc::InsecureChannelCredentials());
    return absl::OkStatus();
  }
  uint64_t Id(int n) const { return first_id_ + static_cast<uint64_t>(n) * 4096; }
  std::vector<uint64_t> Ids(int from, int until) const {
    std::vector<uint64_t> ids;
    for (int i = from; i < until; ++i) ids.push_back(Id(i));
    return ids;
  }
  // The whole log, in order.
  std::vector<v1::Event> ReadAll(std::string* cursor) {
    auto stub = v1::StreamService::NewStub(channel_);
    grpc::ClientContext context;
    v1::TailEventsRequest request;
    request.set_parent("streams/main");
    request.set_stop_at_end(true);
    request.mutable_start()->set_earliest(true);
    request.set_cursor(*cursor);
    auto reader = stub->TailEvents(&context, request);
    std::vector<v1::Event> events;
    v1::TailEventsResponse batch;
    while (reader->Read(&batch)) {
      events.insert(events.end(), batch.events().begin(), batch.events().end());
      *cursor = batch.position().cursor();
    }
    grpc::Status status = reader->Finish();
    EXPECT_TRUE(status.ok()) << status.error_message();
    return events;
  }
  v1::StreamStatus Status() {
    auto stub = v1::AdminService::NewStub(channel_);
    grpc::ClientContext context;
    v1::GetStatusRequest request;
    request.set_stream("streams/main");
    v1::StreamStatus status;
    EXPECT_TRUE(stub->GetStatus(&context, request, &status).ok());
    return status;
  }
  // The reason it is refused for; empty: granted.
  std::string Drain(const std::string& name, bool force = false) {
    auto stub = v1::AdminService::NewStub(channel_);
    grpc::ClientContext context;
    v1::DrainConnectionRequest request;
    request.set_name(name);
    request.set_force(force);
    v1::DrainConnectionResponse response;
    return ReasonOf(FromGrpcStatus(stub->DrainConnection(&context, request, &response))).reason;
  }

  std::string dir_;
  config::v1::DeduperConfig config_;
  uint64_t first_id_;
  std::unique_ptr<Deduper> deduper_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(DeduperTest, TwoSourcesBecomeOneLogThatSurvivesARestart) {
  ASSERT_TRUE(InitAndStart().ok());
  {
    Source a(channel_, "fra-a", 1);
    Source b(channel_, "nyc-b", 1);
    ASSERT_TRUE(a.Read().has_welcome());
    ASSERT_TRUE(b.Read().has_welcome());
    a.Offer(Ids(0, 50));
    ASSERT_TRUE(a.Deliver(Ids(60, 100)));
    b.Offer(Ids(40, 70));
    ASSERT_TRUE(b.Deliver(Ids(0, 20)));
    std::string cursor;
    std::vector<v1::Event> events = ReadAll(&cursor);
    ASSERT_EQ(events.size(), 100u);
    std::set<uint64_t> ids;
    for (size_t i = 0; i < events.size(); ++i) {
      EXPECT_EQ(events[i].sequence(), i + 1);
      EXPECT_EQ(events[i].payload(), Line(events[i].id()));
      ids.insert(events[i].id());
    }
    EXPECT_EQ(ids.size(), 100u);
  }
  // Again from disk, and on.
  deduper_.reset();
  ASSERT_TRUE(Start().ok());
  std::string cursor;
  ASSERT_EQ(ReadAll(&cursor).size(), 100u);
  Source a(channel_, "fra-a", 1);
  v1::OfferResponse welcome = a.Read();
  ASSERT_TRUE(welcome.has_welcome());
  ASSERT_EQ(welcome.welcome().expected_size(), 1);
  EXPECT_EQ(welcome.welcome().expected(0).end_offset(), 90u);
  a.SetOffset(90);
  ASSERT_TRUE(a.Deliver(Ids(95, 110)));
  std::vector<v1::Event> events = ReadAll(&cursor);
  ASSERT_EQ(events.size(), 10u);
  EXPECT_EQ(events[0].sequence(), 101u);
}

TEST_F(DeduperTest, AnEventTellsWhoSawIt) {
  ASSERT_TRUE(InitAndStart().ok());
  Source a(channel_, "fra-a", 1);
  Source b(channel_, "nyc-b", 1);
  ASSERT_TRUE(a.Read().has_welcome());
  ASSERT_TRUE(b.Read().has_welcome());
  ASSERT_TRUE(a.Deliver({Id(1), Id(2)}));
  ASSERT_TRUE(b.Deliver({Id(2), Id(3)}));
  auto stub = v1::StreamService::NewStub(channel_);
  auto seen_by = [&](int n) {
    grpc::ClientContext context;
    v1::GetEventRequest request;
    request.set_name(absl::StrCat("streams/main/events/", Id(n)));
    v1::Event event;
    grpc::Status status = stub->GetEvent(&context, request, &event);
    if (!status.ok()) return ReasonOf(FromGrpcStatus(status)).reason;
    EXPECT_EQ(event.payload(), Line(Id(n)));
    return absl::StrJoin(event.sightings(), ",", [](std::string* out, const v1::Sighting& s) {
      absl::StrAppend(out, s.connection_id());
    });
  };
  EXPECT_EQ(seen_by(1), "fra-a");
  EXPECT_EQ(seen_by(2), "fra-a,nyc-b");
  EXPECT_EQ(seen_by(3), "nyc-b");
  EXPECT_EQ(seen_by(4), "EVENT_NOT_FOUND");
}

TEST_F(DeduperTest, HealthFollowsTheConnections) {
  ASSERT_TRUE(InitAndStart().ok());
  EXPECT_EQ(Status().health(), v1::StreamStatus::HEALTH_DARK);
  Source a(channel_, "fra-a", 1);
  ASSERT_TRUE(a.Read().has_welcome());
  a.Report();
  ASSERT_TRUE(a.Deliver({Id(1)}));
  EXPECT_EQ(Status().health(), v1::StreamStatus::HEALTH_EXPOSED);
  {
    Source b(channel_, "nyc-b", 1);
    ASSERT_TRUE(b.Read().has_welcome());
    b.Report();
    ASSERT_TRUE(b.Deliver({Id(1)}));
    // Both receive, and neither vouches.
    EXPECT_EQ(Status().health(), v1::StreamStatus::HEALTH_EXPOSED);
    v1::StreamStatus status;
    absl::Status both = harness::WaitUntil("both vouch", absl::Seconds(30), [&] {
      for (Source* source : {&a, &b}) {
        source->Report();
        EXPECT_TRUE(source->Vouch());
      }
      status = Status();
      return status.health() == v1::StreamStatus::HEALTH_REDUNDANT;
    });
    ASSERT_TRUE(both.ok()) << both << status.DebugString();
    ASSERT_EQ(status.connections_size(), 2);
    EXPECT_EQ(status.connections(0).name(), "streams/main/connections/fra-a");
    EXPECT_EQ(status.connections(1).network(), "net-nyc-b");
    EXPECT_EQ(status.problems_size(), 0) << status.problems(0);
    // X time, and its floor, are known as soon as anything is committed.
    EXPECT_GT(ToTime(status.sample_time()), absl::Now() - absl::Minutes(1));
  // Connections that have brought nothing yet may bring what is a week old.
    EXPECT_GT(ToTime(status.floor_time()), absl::Now() - absl::Hours(27 + 7 * 24));
  }
}

TEST_F(DeduperTest, OneConnectionIsLetGoAtATime) {
  ASSERT_TRUE(InitAndStart().ok());
  Source a(channel_, "fra-a", 1);
  ASSERT_TRUE(a.Read().has_welcome());
  EXPECT_EQ(Drain("streams/main/connections/fra-a"), "PEER_NOT_RECEIVING");
  Source b(channel_, "nyc-b", 1);
  ASSERT_TRUE(b.Read().has_welcome());
  b.Report();
  ASSERT_TRUE(b.Deliver({Id(1)}));
  EXPECT_EQ(Drain("streams/main/connections/fra-a"), "PEER_NOT_SETTLED");
  EXPECT_EQ(Drain("streams/main/connections/fra-a", true), "");
  v1::OfferResponse response = a.Read();
  EXPECT_EQ(response.directive().action(), v1::OfferResponse::ACTION_DRAIN);
  EXPECT_EQ(Drain("streams/main/connections/nyc-b"), "DRAIN_GRANTED");
  EXPECT_EQ(Drain("streams/main/connections/lon-c"), "UNKNOWN_CONNECTION");
  EXPECT_EQ(Drain("streams/other/connections/fra-a"), "UNKNOWN_STREAM");
}

TEST_F(DeduperTest, DrainTellsReadersWhereToResume) {
  ASSERT_TRUE(InitAndStart().ok());
  Source a(channel_, "fra-a", 1);
  ASSERT_TRUE(a.Read().has_welcome());
  ASSERT_TRUE(a.Deliver({Id(1)}));
  auto stub = v1::StreamService::NewStub(channel_);
  grpc::ClientContext context;
  v1::TailEventsRequest request;
  request.set_parent("streams/main");
  request.mutable_start()->set_earliest(true);
  auto reader = stub->TailEvents(&context, request);
  v1::TailEventsResponse batch;
  ASSERT_TRUE(reader->Read(&batch));
  absl::Time begin = absl::Now();
  std::thread stopper([this] { deduper_->Drain(); });
  v1::TailEventsResponse last;
  while (reader->Read(&batch)) last = batch;
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(last.position().next_sequence(), 2u);
  stopper.join();
  EXPECT_LT(absl::Now() - begin, absl::Seconds(5));
}

TEST_F(DeduperTest, UnknownConnectionAndStreamAreRefused) {
  ASSERT_TRUE(InitAndStart().ok());
  Source stranger(channel_, "sfo-c", 1);
  v1::OfferResponse response = stranger.Read();
  EXPECT_EQ(response.refusal().reason(),
            v1::OfferResponse::Refusal::REASON_UNKNOWN_CONNECTION);
}

TEST_F(DeduperTest, DirectoriesThatAreNotOursAreRefused) {
  EXPECT_FALSE(Start().ok());  // nothing there
  Init();
  EXPECT_FALSE(Deduper::Init(config_, absl::Now()).ok());  // not empty
  ASSERT_TRUE(Start().ok());
  absl::StatusOr<std::unique_ptr<Deduper>> second =
      Deduper::Start(config_, [](absl::Status) {});
  EXPECT_FALSE(second.ok());  // in use
}

TEST_F(DeduperTest, PlainTextBeyondLoopbackIsRefused) {
  Init();
  config_.mutable_listen()->set_grpc("0.0.0.0:0");
  EXPECT_EQ(Start().code(), absl::StatusCode::kPermissionDenied);
}

}  // namespace
}  // namespace braid
