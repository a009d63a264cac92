#include "base/curl_http_client.h"

#include <zlib.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "gtest/gtest.h"
#include "tests/base/loopback_server.h"

namespace braid {
namespace {

using Kind = HttpEnd::Kind;

// Keeps what it is told.
class Recorder final : public HttpHandler {
 public:
  void OnConnected(absl::Time) override {}
  void OnHead(const HttpHead& head, absl::Time) override {
    MutexLock lock(&mu_);
    head_ = head;
    changed_.NotifyAll();
  }
  void OnBytes(absl::string_view bytes, absl::Time) override {
    MutexLock lock(&mu_);
    absl::StrAppend(&body_, bytes);
    changed_.NotifyAll();
  }
  void OnDrained(absl::Time) override {
    MutexLock lock(&mu_);
    drained_at_ = body_.size();
    changed_.NotifyAll();
  }
  void OnDone(const HttpEnd& end, absl::Time) override {
    MutexLock lock(&mu_);
    end_ = end;
    done_ = true;
    changed_.NotifyAll();
  }

  HttpEnd AwaitEnd() {
    Await([this] { return done_; });
    return end_;
  }
  void AwaitDrained(size_t bytes) {
    Await([this, bytes] { return drained_at_ == bytes; });
  }
  const HttpHead& head() const { return head_; }
  const std::string& body() const { return body_; }
  bool done() {
    MutexLock lock(&mu_);
    return done_;
  }

 private:
  void Await(const std::function<bool()>& condition) {
    MutexLock lock(&mu_);
    auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
      ASSERT_TRUE(changed_.WaitUntil(&mu_, deadline)) << "nothing happened";
    }
  }

  Mutex mu_;
  CondVar changed_;
  HttpHead head_;
  std::string body_;
  HttpEnd end_;
  size_t drained_at_ = 0;
  bool done_ = false;
};

constexpr absl::string_view kChunkedHead =
    "HTTP/1.1 200 OK\r\nDate: Sat, 21 Nov 2026 10:00:00 GMT\r\n"
    "Transfer-Encoding: chunked\r\n\r\n";

struct Answer {
  HttpHead head;
  std::string body;
  HttpEnd end;
};

Answer Get(HttpRequest request) {
  CurlHttpClient client;
  auto recorder = std::make_shared<Recorder>();
  client.Open(std::move(request), recorder);
  HttpEnd end = recorder->AwaitEnd();
  return {recorder->head(), recorder->body(), end};
}

Answer Get(const LoopbackServer& server) {
  HttpRequest request;
  request.url = server.Url();
  return Get(request);
}

// One gzip member; with `finish` false only flushed.
std::string Gzip(absl::string_view bytes, bool finish = true) {
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(bytes.size() + 1000, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, finish ? Z_FINISH : Z_SYNC_FLUSH);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

TEST(CurlHttpClientTest, ChunksInOddPiecesBecomeTheBodyAndTheEndIsClean) {
  LoopbackServer server([](LoopbackPeer* peer) {
    peer->Send(kChunkedHead);
    for (char c :
         std::string("5\r\nhello\r\n1;ext=1\r\n \r\n5\r\nworld\r\n0\r\nTrailer: x\r\n\r\n")) {
      peer->Send({&c, 1});
    }
  });
  Answer answer = Get(server);
  EXPECT_EQ(answer.head.status, 200);
  EXPECT_EQ(answer.head.headers["date"], "Sat, 21 Nov 2026 10:00:00 GMT");
  EXPECT_EQ(answer.body, "hello world");
  EXPECT_EQ(answer.end.kind, Kind::kClean) << answer.end.detail;
}

TEST(CurlHttpClientTest, RequestCarriesItsHeadersAndNoOthersSecrets) {
  std::string seen;
  LoopbackServer server([&seen](LoopbackPeer* peer) {
    seen = peer->request();
    peer->Send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  HttpRequest request;
  request.url = server.Url("/2/stream?a=b");
  request.headers = {{"Authorization", "Bearer T"}, {"User-Agent", "braid/1"}};
  EXPECT_EQ(Get(request).end.kind, Kind::kClean);
  unsetenv("http_proxy");
  EXPECT_TRUE(absl::StartsWith(seen, "GET /2/stream?a=b HTTP/1.1\r\n")) << seen;
  EXPECT_TRUE(absl::StrContains(seen, "Authorization: Bearer T\r\n"));
  EXPECT_TRUE(absl::StrContains(seen, "User-Agent: braid/1\r\n"));
  EXPECT_TRUE(absl::StrContains(seen, "Accept-Encoding: gzip\r\n"));
}

TEST(CurlHttpClientTest, MethodAndBodyAreSentAtOnceAlsoWhenLarge) {
  // Above 1 MB curl would ask first whether it may.
  const std::string body = std::string(2 << 20, 'b') + "end";
  std::string seen_head;
  std::string seen_body;
  LoopbackServer server([&](LoopbackPeer* peer) {
    seen_head = peer->request();
    char buffer[65536];
    while (seen_body.size() < body.size()) {
      ssize_t size = recv(peer->socket(), buffer, sizeof(buffer), 0);
      if (size <= 0) break;
      seen_body.append(buffer, static_cast<size_t>(size));
    }
    peer->Send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  for (const char* method : {"POST", "DELETE"}) {
    seen_body.clear();
    HttpRequest request;
    request.url = server.Url("/rules");
    request.method = method;
    request.body = body;
    request.headers = {{"Content-Type", "application/json"}};
    EXPECT_EQ(Get(request).end.kind, Kind::kClean);
    EXPECT_TRUE(absl::StartsWith(seen_head, absl::StrCat(method, " /rules HTTP/1.1\r\n")));
    EXPECT_TRUE(absl::StrContains(seen_head, "Content-Type: application/json\r\n")) << seen_head;
    EXPECT_FALSE(absl::StrContains(seen_head, "Expect")) << seen_head;
    EXPECT_EQ(seen_body, body);
  }
}

TEST(CurlHttpClientTest, GzipIsDecodedAsItArrives) {
  LoopbackServer server([](LoopbackPeer* peer) {
    peer->Send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n");
    peer->SendChunk(Gzip("{\"flushed\":1}\r\n", /*finish=*/false));
    peer->AwaitClose();
  });
  CurlHttpClient client;
  auto recorder = std::make_shared<Recorder>();
  HttpRequest request;
  request.url = server.Url();
  auto id = client.Open(request, recorder);
  recorder->AwaitDrained(15);
  EXPECT_EQ(recorder->body(), "{\"flushed\":1}\r\n");
  client.Close(id);
}

TEST(CurlHttpClientTest, DrainedComesWhenTheSocketIsEmptyAndCloseEndsTheSocket) {
  bool closed = false;
  {
    LoopbackServer server([&closed](LoopbackPeer* peer) {
      peer->Send(kChunkedHead);
      peer->SendChunk("a\r\n");
      peer->AwaitClose();
      closed = true;
    });
    CurlHttpClient client;
    auto recorder = std::make_shared<Recorder>();
    HttpRequest request;
    request.url = server.Url();
    auto id = client.Open(request, recorder);
    recorder->AwaitDrained(3);
    client.Close(id);
    client.Close(id + 7);  // unknown: ignored
    EXPECT_EQ(recorder->AwaitEnd().kind, Kind::kClosed);
  }
  EXPECT_TRUE(closed);
}

TEST(CurlHttpClientTest, EndOfTheSocketInsideTheBodyIsTruncated) {
  for (absl::string_view rest : {"5\r\nhel", "5\r\nhello\r\n", "5\r\nhello\r\n0\r\n", ""}) {
    LoopbackServer server([rest](LoopbackPeer* peer) {
      peer->Send(kChunkedHead);
      peer->Send(rest);
    });
    EXPECT_EQ(Get(server).end.kind, Kind::kTruncated) << rest;
  }
}

TEST(CurlHttpClientTest, BodyWithoutLengthCanNotEndCleanly) {
  LoopbackServer server([](LoopbackPeer* peer) { peer->Send("HTTP/1.1 200 OK\r\n\r\nhello"); });
  EXPECT_EQ(Get(server).end.kind, Kind::kTruncated);
}

TEST(CurlHttpClientTest, ShortBodyIsTruncatedAndNoAnswerIsToo) {
  LoopbackServer server(
      [](LoopbackPeer* peer) { peer->Send("HTTP/1.1 503 No\r\nContent-Length: 9\r\n\r\nabc"); });
  Answer answer = Get(server);
  EXPECT_EQ(answer.head.status, 503);
  EXPECT_EQ(answer.end.kind, Kind::kTruncated);
  LoopbackServer silent([](LoopbackPeer*) {});
  EXPECT_EQ(Get(silent).end.kind, Kind::kTruncated);
}

TEST(CurlHttpClientTest, ResetIsToldApart) {
  Mutex mu;
  bool read = false;
  LoopbackServer server([&](LoopbackPeer* peer) {
    peer->Send(kChunkedHead);
    peer->SendChunk("x");
    // RST throws away what the client has not read yet.
    while (true) {
      MutexLock lock(&mu);
      if (read) break;
    }
    peer->ResetOnClose();
  });
  CurlHttpClient client;
  auto recorder = std::make_shared<Recorder>();
  HttpRequest request;
  request.url = server.Url();
  client.Open(request, recorder);
  recorder->AwaitDrained(1);
  {
    MutexLock lock(&mu);
    read = true;
  }
  HttpEnd end = recorder->AwaitEnd();
  EXPECT_EQ(end.kind, Kind::kReset) << end.detail;
}

TEST(CurlHttpClientTest, RefusedAndUnresolvedAndUntrustedAreToldApart) {
  int port;
  {
    LoopbackServer gone([](LoopbackPeer*) {});
    port = gone.port();
  }
  HttpRequest request;
  request.url = absl::StrCat("http://127.0.0.1:", port, "/");
  EXPECT_EQ(Get(request).end.kind, Kind::kConnectFailed);
  request.url = "http://no-such-host.invalid/";
  EXPECT_EQ(Get(request).end.kind, Kind::kDnsFailed);
  LoopbackServer plain([](LoopbackPeer* peer) { peer->Send("this is no TLS\r\n"); },
                       /*reads_request=*/false);
  request.url = absl::StrCat("https://127.0.0.1:", plain.port(), "/");
  EXPECT_EQ(Get(request).end.kind, Kind::kTlsFailed);
  request.url = "file:///etc/hostname";
  Answer file = Get(request);
  EXPECT_EQ(file.end.kind, Kind::kFailed);
  EXPECT_EQ(file.body, "");
}

TEST(CurlHttpClientTest, ServerThatDoesNotSpeakTlsInTimeIsAFailedConnect) {
  LoopbackServer black_hole([](LoopbackPeer* peer) { peer->AwaitClose(); });
  HttpRequest request;
  request.url = absl::StrCat("https://127.0.0.1:", black_hole.port(), "/");
  request.connect_timeout = absl::Milliseconds(100);
  EXPECT_EQ(Get(request).end.kind, Kind::kConnectFailed);
}

TEST(CurlHttpClientTest, RedirectIsAnAnswerAndIsNotFollowed) {
  int requests = 0;
  LoopbackServer server([&requests](LoopbackPeer* peer) {
    ++requests;
    peer->Send("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n");
  });
  Answer answer = Get(server);
  EXPECT_EQ(answer.head.status, 302);
  EXPECT_EQ(answer.end.kind, Kind::kClean);
  EXPECT_EQ(requests, 1);
}

TEST(CurlHttpClientTest, BrokenAndChainedAndForeignEncodingsAreRefused) {
  struct Case {
    std::string encoding;
    std::string body;
  };
  for (const Case& c : std::vector<Case>{{"gzip", "this is no gzip at all"},
                                         {"gzip, gzip", Gzip(Gzip("x"))},
                                         {"gzip\r\nContent-Encoding: gzip", Gzip(Gzip("x"))},
                                         {"br", "x"}}) {
    LoopbackServer server([&c](LoopbackPeer* peer) {
      peer->Send(absl::StrCat("HTTP/1.1 200 OK\r\nContent-Encoding: ", c.encoding,
                              "\r\nTransfer-Encoding: chunked\r\n\r\n"));
      peer->SendChunk(c.body);
      peer->SendChunk("");
    });
    Answer answer = Get(server);
    EXPECT_EQ(answer.end.kind, Kind::kBadEncoding) << c.encoding << ": " << answer.end.detail;
    EXPECT_EQ(answer.body, "");
  }
}

TEST(CurlHttpClientTest, DecompressionBombIsCutOffEarly) {
  std::string bomb = Gzip(std::string(80 << 20, 'x'));
  LoopbackServer server([&bomb](LoopbackPeer* peer) {
    peer->Send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (size_t at = 0; at < bomb.size(); at += 8192) {
      peer->SendChunk(absl::string_view(bomb).substr(at, 8192));
    }
    peer->SendChunk("");
  });
  Answer answer = Get(server);
  EXPECT_EQ(answer.end.kind, Kind::kBadEncoding);
  EXPECT_LE(answer.body.size(), 65 << 20);
}

TEST(CurlHttpClientTest, WellCompressedPostsAreNoBomb) {
  std::string posts;
  for (int i = 0; posts.size() < (8 << 20); ++i) {
    absl::StrAppend(&posts, "{\"data\":{\"id\":\"", 1000000007LL * i,
                    "\",\"text\":\"some text\"}}\r\n");
  }
  std::string zipped = Gzip(posts);
  LoopbackServer server([&zipped](LoopbackPeer* peer) {
    peer->Send(absl::StrCat("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ",
                            zipped.size(), "\r\n\r\n"));
    peer->Send(zipped);
  });
  Answer answer = Get(server);
  EXPECT_EQ(answer.end.kind, Kind::kClean) << answer.end.detail;
  EXPECT_TRUE(answer.body == posts);
}

TEST(CurlHttpClientTest, EndlessHeadersAreCutOff) {
  LoopbackServer server([](LoopbackPeer* peer) {
    peer->Send("HTTP/1.1 200 OK\r\n");
    std::string header = absl::StrCat("X-Filler: ", std::string(1000, 'x'), "\r\n");
    for (int i = 0; i < 200; ++i) peer->Send(header);
    peer->Send("\r\n");
  });
  Answer answer = Get(server);
  EXPECT_EQ(answer.end.kind, Kind::kFailed);
  EXPECT_EQ(answer.head.status, 0);
}

TEST(CurlHttpClientTest, DestructionWithAnOpenStreamClosesIt) {
  LoopbackServer server([](LoopbackPeer* peer) {
    peer->Send(kChunkedHead);
    peer->SendChunk("x");
    peer->AwaitClose();
  });
  auto recorder = std::make_shared<Recorder>();
  {
    CurlHttpClient client;
    HttpRequest request;
    request.url = server.Url();
    client.Open(request, recorder);
    recorder->AwaitDrained(1);
  }
  EXPECT_FALSE(recorder->done());
}

}  // namespace
}  // namespace braid
