// Connection over the real client, loop and sockets: the threads meet here.

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/curl_http_client.h"
#include "base/mutex.h"
#include "base/real_loop.h"
#include "gtest/gtest.h"
#include "ingest/connection.h"
#include "proto/snowflake.h"
#include "tests/base/loopback_server.h"

namespace braid {
namespace {

class CollectingSink final : public RecordSink {
 public:
  void Append(v1::SessionRecord record) override {
    MutexLock lock(&mu_);
    for (uint64_t id : record.frame().post_ids()) ids_.push_back(id);
    if (record.has_event()) causes_.push_back(record.event().cause());
    changed_.NotifyAll();
  }
  std::vector<uint64_t> AwaitPosts(size_t count) {
    MutexLock lock(&mu_);
    auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (ids_.size() < count && changed_.WaitUntil(&mu_, deadline)) {
    }
    return ids_;
  }
  std::vector<std::string> causes() {
    MutexLock lock(&mu_);
    return causes_;
  }

 private:
  Mutex mu_;
  CondVar changed_;
  std::vector<uint64_t> ids_ ABSL_GUARDED_BY(mu_);
  std::vector<std::string> causes_ ABSL_GUARDED_BY(mu_);
};

TEST(ConnectionWireTest, EverythingSentOnTwoConnectionsArrivesInOrder) {
  constexpr int kPostsPerConnection = 5000;
  const uint64_t first_id = FirstSnowflakeAt(absl::Now());
  std::atomic<int> accepted{0};
  LoopbackServer server([&](LoopbackPeer* peer) {
    int number = accepted++;
    peer->Send(absl::StrCat(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nDate: ",
        absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT", absl::Now(), absl::UTCTimeZone()),
        "\r\n\r\n"));
    std::string batch;
    for (int i = 0; i < kPostsPerConnection; ++i) {
      absl::StrAppend(&batch, "{\"data\":{\"id\":\"", first_id + number * kPostsPerConnection + i,
                      "\",\"text\":\"", std::string(i % 2000, 'x'), "\"}}\r\n");
      if (i % 7 == 0) {
        peer->SendChunk(batch);
        batch.clear();
      }
    }
    peer->SendChunk(batch);
    if (number == 0) {
      peer->SendChunk("");  // the clean end
    } else {
      peer->AwaitClose();
    }
  });

  RealLoop loop;
  CollectingSink sink;
  SeededRandom random(1);
  Connection::Options options;
  options.request.url = server.Url();
  options.request.connection = "test";
  auto http = std::make_unique<CurlHttpClient>();
  std::unique_ptr<Connection> connection;
  loop.Start();
  loop.Post([&] {
    connection = std::make_unique<Connection>(loop, *http, sink, random, options,
                                              []() -> absl::StatusOr<std::string> { return ""; });
    connection->Start();
  });
  std::vector<uint64_t> ids = sink.AwaitPosts(2 * kPostsPerConnection);
  ASSERT_EQ(ids.size(), 2 * kPostsPerConnection);
  for (size_t i = 0; i < ids.size(); ++i) ASSERT_EQ(ids[i], first_id + i);

  Mutex mu;
  CondVar changed;
  bool drained = false;
  loop.Post([&] {
    connection->Drain([&] {
      connection.reset();
      MutexLock lock(&mu);
      drained = true;
      changed.NotifyAll();
    });
  });
  {
    MutexLock lock(&mu);
    while (!drained) changed.Wait(&mu);
  }
  http.reset();
  loop.Stop();
  EXPECT_EQ(sink.causes(),
            (std::vector<std::string>{"connected", "clean_eof", "connected", "first_post", "drain"}));
}

}  // namespace
}  // namespace braid
