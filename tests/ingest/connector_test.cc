#include "ingest/connector.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/daemon_flags.h"
#include "base/real_loop.h"

namespace braid {
namespace {

// Nothing listens at X nor at the deduper: the connector runs all the same.
class ConnectorTest : public testing::Test {
 protected:
  ConnectorTest() : dir_(absl::StrCat(testing::TempDir(), "/connector")) {
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directories(dir_);
    config_.set_connection("fra-a");
    config_.set_stream("prod");
    config_.mutable_source()->set_url("http://127.0.0.1:1/stream");
    config_.mutable_source()->set_stall_after_ms(25000);
    config_.mutable_source()->set_line_max_bytes(1 << 20);
    config_.add_dedupers()->set_address("127.0.0.1:1");
    config_.mutable_spool()->set_dir(dir_ + "/spool");
    config_.mutable_spool()->set_max_size_bytes(1 << 20);
    config_.mutable_spool()->set_segment_bytes(64 << 20);
    config_.mutable_spool()->set_retention_ms(1000);
    config_.mutable_spool()->set_sync_interval_ms(20);
    config_.mutable_listen()->set_http("127.0.0.1:0");
  }

  absl::StatusOr<std::unique_ptr<Connector>> Start() {
    return Connector::Start(loop_, config_, [](absl::Status status) { FAIL() << status; });
  }

  std::string dir_;
  config::v1::ConnectorConfig config_;
  RealLoop loop_;
};

TEST_F(ConnectorTest, RunsAndDrainsWithoutAnybodyListening) {
  auto connector = Start();
  ASSERT_TRUE(connector.ok()) << connector.status();
  EXPECT_GT((*connector)->http_port(), 0);
  ASSERT_TRUE(WriteReadyFile(dir_ + "/ready", 0, (*connector)->http_port()).ok());
  std::ifstream ready(dir_ + "/ready");
  std::string text((std::istreambuf_iterator<char>(ready)), std::istreambuf_iterator<char>());
  EXPECT_EQ(text,
            absl::StrCat("{\"grpc_port\":0,\"http_port\":", (*connector)->http_port(), "}\n"));
  absl::Time begin = absl::Now();
  loop_.Post([&] { (*connector)->Drain([&] { loop_.Stop(); }); });
  loop_.RunInThisThread();
  // Its last event stays in the spool, since nobody takes it.
  EXPECT_LT(absl::Now() - begin, absl::Seconds(5));
  connector->reset();
}

TEST_F(ConnectorTest, SecondOneOnTheSameSpoolIsRefused) {
  auto connector = Start();
  ASSERT_TRUE(connector.ok()) << connector.status();
  auto second = Start();
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(ConnectorTest, ForeignFileInTheSpoolIsRefusedByName) {
  std::filesystem::create_directories(dir_ + "/spool");
  std::ofstream(dir_ + "/spool/holiday.jpg") << "not ours";
  auto connector = Start();
  EXPECT_NE(connector.status().message().find("holiday.jpg"), std::string::npos)
      << connector.status();
  EXPECT_TRUE(std::filesystem::exists(dir_ + "/spool/holiday.jpg"));
}

TEST_F(ConnectorTest, SeveralConnectionsShareOneProcessAndDrainTogether) {
  for (const char* id : {"p1", "p2", "old"}) {
    config::v1::ConnectionConfig* connection = config_.add_connections();
    connection->set_id(id);
    connection->set_stream("prod");
    *connection->mutable_source() = config_.source();
  }
  config_.mutable_connections(2)->set_retired(true);
  auto connector = Start();
  ASSERT_TRUE(connector.ok()) << connector.status();
  for (const char* id : {"p1", "p2", "old"}) {
    EXPECT_TRUE(std::filesystem::exists(dir_ + "/spool/" + id + "/epoch")) << id;
  }
  absl::Time begin = absl::Now();
  loop_.Post([&] { (*connector)->Drain([&] { loop_.Stop(); }); });
  loop_.RunInThisThread();
  EXPECT_LT(absl::Now() - begin, absl::Seconds(5));
  connector->reset();

  // One that holds records is taken out of the list.
  config_.mutable_connections()->RemoveLast();
  config_.mutable_connections()->RemoveLast();
  auto forgetful = Start();
  EXPECT_NE(forgetful.status().message().find("/spool/p2 holds"), std::string::npos)
      << forgetful.status();
}

}  // namespace
}  // namespace braid
