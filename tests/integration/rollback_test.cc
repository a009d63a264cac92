// A log that went back, by a restored copy or a damaged write-ahead log, is
// another log: old positions are refused with what is lost, and the sources
// fill it again.

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "braid/v1/stream_service.grpc.pb.h"
#include "proto/reason.h"
#include "tests/integration/cluster_test_base.h"

namespace braid::integration {
namespace {

namespace fs = std::filesystem;

struct ReadToEnd {
  absl::Status status;
  std::string cursor;
  std::string log_id;
  uint64_t next_sequence = 0;
};

class Rollback : public ClusterTest {
 protected:
  harness::ClusterOptions Load() {
    harness::ClusterOptions options;
    options.emulator.rate = 500;
    return options;
  }

  ReadToEnd Read(const std::string& cursor) {
    auto stub = v1::StreamService::NewStub(
        grpc::CreateChannel(cluster().log_address().deduper, grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Minutes(1)));
    v1::TailEventsRequest request;
    request.set_parent("streams/main");
    request.set_accept_frames(true);
    request.set_stop_at_end(true);
    if (cursor.empty()) {
      request.mutable_start()->set_earliest(true);
    } else {
      request.set_cursor(cursor);
    }
    auto call = stub->TailEvents(&context, request);
    ReadToEnd read;
    v1::TailEventsResponse response;
    while (call->Read(&response)) {
      read.cursor = response.position().cursor();
      read.log_id = response.position().log_epoch();
      read.next_sequence = response.position().next_sequence();
    }
    read.status = FromGrpcStatus(call->Finish());
    return read;
  }

  // What everybody is told once the log went back below `before`.
  void ExpectAnotherLog(const ReadToEnd& before) {
    ReadToEnd refused = Read(before.cursor);
    EXPECT_TRUE(absl::IsOutOfRange(refused.status)) << refused.status;
    Reason reason = ReasonOf(refused.status);
    EXPECT_EQ(reason.reason, "LOG_EPOCH_CHANGED");
    uint64_t from = 0;
    uint64_t until = 0;
    EXPECT_TRUE(absl::SimpleAtoi(reason.metadata["lost_from_sequence"], &from));
    EXPECT_TRUE(absl::SimpleAtoi(reason.metadata["lost_until_sequence"], &until));
    EXPECT_LT(from, before.next_sequence);
    EXPECT_GE(until, before.next_sequence);
    EXPECT_NE(Read("").log_id, before.log_id);
    EXPECT_EQ(cluster().deduper().Metric("braid_log_rollbacks", -1), 1);
    EXPECT_TRUE(absl::StrContains(DeduperLog(), "log_rolled_back"));
  }

  std::string DeduperLog() {
    std::string text;
    for (const auto& entry : fs::recursive_directory_iterator(dir())) {
      if (!absl::StartsWith(entry.path().filename().string(), "deduper") ||
          entry.path().extension() != ".log") {
        continue;
      }
      std::ifstream file(entry.path());
      text.append(std::istreambuf_iterator<char>(file), {});
    }
    return text;
  }

  std::string stream_dir() { return cluster().data_dir() + "/main"; }
};

TEST_F(Rollback, RestoredCopyIsAnotherLogThatTheSourcesFillAgain) {
  StartCluster(Load());
  ASSERT_STATUS_OK(cluster().WaitForEvents(500, absl::Minutes(1)));
  ASSERT_STATUS_OK(cluster().deduper().Stop(absl::Seconds(10)));
  const std::string copy = dir() + "/copy";
  fs::copy(stream_dir(), copy, fs::copy_options::recursive);
  ASSERT_STATUS_OK(cluster().deduper().Start());
  ReadToEnd early = Read("");
  ASSERT_STATUS_OK(early.status);
  ASSERT_STATUS_OK(cluster().WaitForEvents(early.next_sequence + 1000, absl::Minutes(1)));
  // A restart alone changes nothing for anybody.
  ASSERT_STATUS_OK(cluster().deduper().Restart());
  ReadToEnd late = Read(early.cursor);
  ASSERT_STATUS_OK(late.status);
  EXPECT_EQ(late.log_id, early.log_id);
  ASSERT_STATUS_OK(cluster().deduper().Stop(absl::Seconds(10)));
  fs::remove_all(stream_dir());
  fs::rename(copy, stream_dir());
  ASSERT_STATUS_OK(cluster().deduper().Start());
  ExpectAnotherLog(late);
  ASSERT_STATUS_OK(cluster().Drain(absl::Minutes(1)));
  ExpectLogIsTheTruth(harness::StayedUp);
  // It stays that log.
  ReadToEnd after = Read("");
  ASSERT_STATUS_OK(cluster().deduper().Restart());
  EXPECT_EQ(Read(after.cursor).log_id, after.log_id);
  ExpectCleanStop();
}

TEST_F(Rollback, MarkThatIsGoneIsWarnedOf) {
  StartCluster(Load());
  ASSERT_STATUS_OK(cluster().WaitForEvents(500, absl::Minutes(1)));
  // A log that is new has none.
  EXPECT_FALSE(absl::StrContains(DeduperLog(), "log_mark_missing"));
  ASSERT_STATUS_OK(cluster().deduper().Stop(absl::Seconds(10)));
  ASSERT_STATUS_OK(harness::WriteFile(stream_dir() + ".mark", std::string(1024, 'x')));
  ASSERT_STATUS_OK(cluster().deduper().Start());
  EXPECT_TRUE(absl::StrContains(DeduperLog(), "log_mark_missing"));
  ASSERT_STATUS_OK(cluster().Drain(absl::Minutes(1)));
  ExpectLogIsTheTruth(harness::StayedUp);
  ExpectCleanStop();
}

TEST_F(Rollback, DamagedWriteAheadLogIsToldAndFilledAgain) {
  StartCluster(Load());
  ASSERT_STATUS_OK(cluster().WaitForEvents(1500, absl::Minutes(1)));
  ReadToEnd before = Read("");
  ASSERT_STATUS_OK(before.status);
  cluster().deduper().Kill();
  // In the middle of what was synced long ago.
  fs::path wal;
  for (const auto& entry : fs::directory_iterator(stream_dir() + "/db")) {
    if (entry.path().extension() != ".log") continue;
    if (wal.empty() || fs::file_size(entry.path()) > fs::file_size(wal)) wal = entry.path();
  }
  ASSERT_FALSE(wal.empty());
  std::fstream file(wal, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(fs::file_size(wal) / 2));
  file.write("damage", 6);
  file.close();
  ASSERT_STATUS_OK(cluster().deduper().Start());
  ExpectAnotherLog(before);
  EXPECT_TRUE(absl::StrContains(DeduperLog(), "wal_cut"));
  ASSERT_STATUS_OK(cluster().Drain(absl::Minutes(1)));
  ExpectLogIsTheTruth(harness::StayedUp);
  ExpectCleanStop();
}

}  // namespace
}  // namespace braid::integration
