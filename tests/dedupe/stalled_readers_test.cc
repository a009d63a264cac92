// What the deduper's reading side holds for readers that do not read: the
// production gRPC server and service in this process, the readers in another.

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <string>

#include "dedupe/grpc_server.h"
#include "dedupe/stream_service.h"
#include "tests/dedupe/temporary_dir.h"
#include "tests/dedupe/test_log.h"
#include "tests/harness/process.h"
#include "tests/harness/wait.h"

namespace braid {
namespace {

// By each: a batch, its serialized form, what was read ahead (256 KiB of each)
// and gRPC's own. A hundred fit into what the process' 512 MB leave beside
// RocksDB's 160.
constexpr uint64_t kHeldBytesMax = 1 << 20;
constexpr uint64_t kHeldBytesMin = 128 << 10;

// In all arenas, and what was mapped for itself.
uint64_t HeapBytes() {
  const struct mallinfo2 heap = mallinfo2();
  return heap.uordblks + heap.hblkhd;
}

class StalledReadersTest : public ::testing::Test {
 protected:
  StalledReadersTest() {
    streams_["main"] = &log_.stream();
    GrpcServer::Options options;
    options.address = "127.0.0.1:0";
    auto server = GrpcServer::Start(options, {&service_});
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    address_ = absl::StrCat("127.0.0.1:", server_->port());
    ReadAll();
  }
  ~StalledReadersTest() override {
    if (readers_ != nullptr) readers_->Kill();
    server_->Shutdown(absl::ZeroDuration());
  }

  void AddRecords(int records, int posts, size_t filler_bytes) {
    log_.SetFiller(filler_bytes);
    for (int i = 0; i < records; ++i) {
      std::vector<uint64_t> ids;
      for (int k = 0; k < posts; ++k) ids.push_back(PostId(i * posts + k));
      log_.AddPosts("a", ids, absl::FromUnixSeconds(1790000100));
    }
  }

  void StartReaders(int readers, int reads, const std::string& request) {
    harness::ProcessOptions options;
    options.name = "stalled_readers";
    options.output_file = dir_.path() + "/output";
    options.command = {
        "tests/dedupe/stalled_readers", address_, absl::StrCat(readers), absl::StrCat(reads),
        absl::StrCat(R"(parent: "streams/main" start { earliest: true } )", request)};
    auto process = harness::Process::Start(std::move(options));
    ASSERT_TRUE(process.ok()) << process.status();
    readers_ = *std::move(process);
    absl::Status status = harness::WaitUntil("readers stall", absl::Seconds(60), [this] {
      return readers_->OutputTail() == "stalled\n";
    });
    ASSERT_TRUE(status.ok()) << status << readers_->OutputTail();
  }

  // By one who does read.
  void ReadAll() {
    auto stub = v1::StreamService::NewStub(
        grpc::CreateChannel(address_, grpc::InsecureChannelCredentials()));
    v1::TailEventsRequest request;
    request.set_parent("streams/main");
    request.mutable_start()->set_earliest(true);
    request.set_stop_at_end(true);
    request.set_accept_frames(true);
    grpc::ClientContext context;
    auto reader = stub->TailEvents(&context, request);
    v1::TailEventsResponse batch;
    while (reader->Read(&batch)) {
    }
    EXPECT_TRUE(reader->Finish().ok());
  }

  // Whatever is still under way to the readers gets there while others read.
  void ExpectBounded(int readers, int reads, const std::string& request) {
    const uint64_t before = HeapBytes();
    StartReaders(readers, reads, request);
    uint64_t most = 0;
    for (int i = 0; i < 5; ++i) {
      ReadAll();
      most = std::max(most, HeapBytes());
    }
    const uint64_t held = (most - before) / readers;
    RecordProperty("held_bytes", absl::StrCat(held));
    EXPECT_LT(held, kHeldBytesMax);
    // They wait for room: who had all of the log would hold nothing.
    EXPECT_GT(held, kHeldBytesMin);
    EXPECT_EQ(readers_->OutputTail(), "stalled\n");
  }

  TemporaryDir dir_;
  TestLog log_;
  WorkPool pool_{2};
  TailCalls calls_;
  ReadableStreams streams_;
  StreamServiceImpl service_{streams_, pool_, calls_, {}};
  std::unique_ptr<GrpcServer> server_;
  std::string address_;
  std::unique_ptr<harness::Process> readers_;
};

TEST_F(StalledReadersTest, OfPostsHoldABoundedAmount) {
  AddRecords(/*records=*/400, /*posts=*/20, /*filler_bytes=*/3000);
  ExpectBounded(100, 1, "");
}

// The transport's windows have grown by then.
TEST_F(StalledReadersTest, InFullRunHoldABoundedAmount) {
  AddRecords(400, 20, 3000);
  ExpectBounded(100, 40, "");
}

TEST_F(StalledReadersTest, OfFramesHoldABoundedAmount) {
  AddRecords(400, 20, 3000);
  ExpectBounded(100, 1, "accept_frames: true");
}

// Fewer of these: what is under way to each is many events.
TEST_F(StalledReadersTest, OfManySmallEventsHoldABoundedAmount) {
  AddRecords(600, 200, 0);
  ExpectBounded(20, 1, "max_batch_events: 10000");
}

TEST_F(StalledReadersTest, OfHeadersHoldABoundedAmount) {
  AddRecords(600, 200, 300);
  ExpectBounded(20, 1, "max_batch_events: 10000 view: EVENT_VIEW_HEADER");
}

}  // namespace
}  // namespace braid
