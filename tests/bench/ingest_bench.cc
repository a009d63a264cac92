// What the connector's hot path costs per post of 2 KB: splitting, scanning,
// framing with compression, all together, and checking a frame.
//
//   bazel run -c opt //tests/bench:ingest_bench

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/random.h"
#include "benchmark/benchmark.h"
#include "ingest/connection.h"
#include "ingest/framer.h"
#include "ingest/x_framing.h"
#include "ingest/x_message.h"
#include "proto/frame_codec.h"
#include "proto/snowflake.h"
#include "tests/sim/sim_loop.h"

namespace braid {
namespace {

constexpr int kPosts = 4096;
constexpr size_t kPostBytes = 2000;

// Words with the frequencies of a language, more or less: a few are common.
std::string Text(SeededRandom& random, size_t bytes) {
  std::string text;
  while (text.size() < bytes) {
    uint64_t word = random.Below(1 + random.Below(1 + random.Below(20000)));
    absl::StrAppend(&text, "w", absl::Hex(word * 2654435761u % 1000003), " ");
  }
  return text;
}

std::string UserOf(SeededRandom& random) {
  uint64_t user = random.Below(100000);
  return absl::StrCat(
      R"({"created_at":"2015-03-)", 10 + user % 18, R"(T10:11:12.000Z","description":")",
      Text(random, 120), R"(","id":")", 1000000000 + user * 7919, R"(","name":"Name )", user,
      R"(","profile_image_url":"https://pbs.twimg.com/profile_images/)", random.Next(),
      R"(/photo_normal.jpg","protected":false,"public_metrics":{"followers_count":)",
      random.Below(100000), R"(,"following_count":)", random.Below(5000), R"(,"tweet_count":)",
      random.Below(90000), R"(,"listed_count":)", random.Below(100),
      R"(},"url":"","username":"user_)", user, R"(","verified":false})");
}

// A v2 post with the fields and expansions that people ask for.
std::string Post(SeededRandom& random, uint64_t id) {
  std::string post = absl::StrCat(
      R"({"data":{"attachments":{},"author_id":")", random.Below(1 << 30),
      R"(","context_annotations":)",
      R"([{"domain":{"id":"46","name":"Business Taxonomy","description":"Categories"},"entity":)",
      R"({"id":")", random.Next(), R"(","name":"Technology"}}],"conversation_id":")", id,
      R"(","created_at":"2026-11-21T10:00:00.000Z","edit_controls":{"edits_remaining":5,)",
      R"("is_edit_eligible":true,"editable_until":"2026-11-21T11:00:00.000Z"},)",
      R"("edit_history_tweet_ids":[")", id, R"("],"entities":{"hashtags":[{"start":0,"end":5,)",
      R"("tag":"tag)", random.Below(1000), R"("}],"urls":[]},"id":")", id,
      R"(","lang":"en","possibly_sensitive":false,"public_metrics":{"retweet_count":)",
      random.Below(10), R"(,"reply_count":0,"like_count":)", random.Below(100),
      R"(,"quote_count":0,"impression_count":0},"reply_settings":"everyone","text":")",
      Text(random, 180), R"("},"includes":{"users":[)", UserOf(random), ",", UserOf(random));
  std::string tail =
      absl::StrCat(R"(]},"matching_rules":[{"id":")", 1700000000000000000 + random.Below(50),
                   R"(","tag":"rule )", random.Below(50), R"("}]})");
  size_t missing = kPostBytes - std::min(kPostBytes, post.size() + tail.size() + 20);
  absl::StrAppend(&post, R"(],"tweets":[{"text":")", Text(random, missing), R"("})");
  return post + tail;
}

struct Posts {
  Posts() {
    SeededRandom random(1);
    uint64_t id = FirstSnowflakeAt(absl::FromUnixSeconds(1795255200));
    for (int i = 0; i < kPosts; ++i) {
      id += random.Below(1 << 20);
      ids.push_back(id);
      lines.push_back(Post(random, id));
      absl::StrAppend(&wire, lines.back(), "\r\n");
      lines.back().reserve(lines.back().size() + kLinePaddingBytes);
    }
  }
  std::vector<uint64_t> ids;
  std::vector<std::string> lines;
  std::string wire;
};

const Posts& AllPosts() {
  static const Posts posts;
  return posts;
}

void Report(benchmark::State& state, int64_t posts_per_round) {
  state.SetItemsProcessed(state.iterations() * posts_per_round);
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(AllPosts().wire.size()) *
                          posts_per_round / kPosts);
  state.counters["bytes_per_post"] = static_cast<double>(AllPosts().wire.size()) / kPosts;
}

class CountingSink final : public LineSplitter::Sink {
 public:
  void OnPiece(absl::string_view piece) override { bytes.append(piece.data(), piece.size()); }
  void OnLineEnd() override { ++lines; }
  void OnHeartbeat() override {}
  void OnOversize() override {}
  std::string bytes;
  int64_t lines = 0;
};

// As the reader thread does: reads of 64 KiB, blocks of 256 KiB.
void BM_Split(benchmark::State& state) {
  const std::string& wire = AllPosts().wire;
  CountingSink sink;
  sink.bytes.reserve(400 * 1024);
  for (auto _ : state) {
    LineSplitter splitter(2 << 20);
    for (size_t at = 0; at < wire.size(); at += 64 * 1024) {
      if (sink.bytes.size() > 256 * 1024) sink.bytes.clear();
      splitter.Feed(absl::string_view(wire).substr(at, 64 * 1024), &sink);
    }
    benchmark::DoNotOptimize(sink.lines);
  }
  Report(state, kPosts);
}
BENCHMARK(BM_Split);

void BM_Scan(benchmark::State& state) {
  const Posts& posts = AllPosts();
  MessageScanner scanner;
  for (auto _ : state) {
    for (const std::string& line : posts.lines) {
      const ScannedMessage& message = scanner.Scan(line);
      if (message.kind != ScannedMessage::Kind::kPost) state.SkipWithError("not a post");
    }
  }
  Report(state, kPosts);
}
BENCHMARK(BM_Scan);

void BM_HashLines(benchmark::State& state) {
  for (auto _ : state) {
    for (const std::string& line : AllPosts().lines) benchmark::DoNotOptimize(Hash64(line));
  }
  Report(state, kPosts);
}
BENCHMARK(BM_HashLines);

// Collecting, hashing, zstd level 1.
void BM_Frame(benchmark::State& state) {
  const Posts& posts = AllPosts();
  Framer framer{Framer::Options()};
  const std::vector<absl::string_view> tags = {"rule 1"};
  std::vector<v1::Frame> closed;
  uint64_t frames = 0, compressed_bytes = 0, bytes = 0;
  for (auto _ : state) {
    for (int i = 0; i < kPosts; ++i) {
      framer.Add(
          {posts.lines[i], posts.ids[i], nullptr, absl::UnixEpoch(), v1::EVENT_ORIGIN_LIVE, &tags},
          &closed);
      for (const v1::Frame& frame : closed) {
        ++frames;
        compressed_bytes += frame.payload().size();
        bytes += frame.decompressed_bytes();
      }
      closed.clear();
    }
  }
  Report(state, kPosts);
  state.counters["frame_bytes"] = static_cast<double>(bytes) / static_cast<double>(frames);
  state.counters["ratio"] = static_cast<double>(bytes) / static_cast<double>(compressed_bytes);
}
BENCHMARK(BM_Frame);

void BM_ScanAndFrame(benchmark::State& state) {
  const Posts& posts = AllPosts();
  MessageScanner scanner;
  Framer framer{Framer::Options()};
  std::vector<v1::Frame> closed;
  for (auto _ : state) {
    for (const std::string& line : posts.lines) {
      const ScannedMessage& message = scanner.Scan(line);
      framer.Add({line, message.post_id, nullptr, absl::UnixEpoch(), v1::EVENT_ORIGIN_LIVE,
                  &message.rule_tags},
                 &closed);
      closed.clear();
    }
  }
  Report(state, kPosts);
}
BENCHMARK(BM_ScanAndFrame);

class OneShotHttpClient final : public HttpClient {
 public:
  RequestId Open(HttpRequest, std::shared_ptr<HttpHandler> opened) override {
    handler = std::move(opened);
    return 1;
  }
  void Close(RequestId) override {}
  std::shared_ptr<HttpHandler> handler;
};

class CountingRecordSink final : public RecordSink {
 public:
  void Append(v1::SessionRecord record) override { events += EventCount(record.frame()); }
  int64_t events = 0;
};

// Everything from decoded bytes to session records, reader and loop on one
// core: split, stamp, scan, clock, cover, frame.
void BM_Connection(benchmark::State& state) {
  const std::string& wire = AllPosts().wire;
  SimLoop loop(absl::FromUnixSeconds(1795255200));
  OneShotHttpClient http;
  CountingRecordSink sink;
  SeededRandom random(1);
  Connection::Options options;
  options.request.url = "http://localhost/";
  Connection connection(loop, http, sink, random, options,
                        []() -> absl::StatusOr<std::string> { return std::string(); });
  connection.Start();
  loop.RunFor(absl::ZeroDuration());
  HttpHead head;
  head.status = 200;
  http.handler->OnHead(head, loop.Now());
  for (auto _ : state) {
    for (size_t at = 0; at < wire.size(); at += 64 * 1024) {
      http.handler->OnBytes(absl::string_view(wire).substr(at, 64 * 1024), loop.Now());
      loop.RunFor(absl::Microseconds(200));
    }
  }
  Report(state, kPosts);
  if (sink.events < state.iterations() * kPosts * 9 / 10) state.SkipWithError("posts are missing");
}
BENCHMARK(BM_Connection);

v1::Frame OneFrame() {
  const Posts& posts = AllPosts();
  Framer framer{Framer::Options()};
  std::vector<v1::Frame> closed;
  for (int i = 0; closed.empty(); ++i) {
    framer.Add(
        {posts.lines[i], posts.ids[i], nullptr, absl::UnixEpoch(), v1::EVENT_ORIGIN_LIVE, nullptr},
        &closed);
  }
  return closed[0];
}

// What a deduper does with each frame, and what a reader or a repack does.
void BM_ValidateFrame(benchmark::State& state) {
  v1::Frame frame = OneFrame();
  for (auto _ : state) {
    if (!ValidateFrame(frame).ok()) state.SkipWithError("invalid");
  }
  Report(state, EventCount(frame));
}
BENCHMARK(BM_ValidateFrame);

void BM_DecompressFrame(benchmark::State& state) {
  v1::Frame frame = OneFrame();
  for (auto _ : state) benchmark::DoNotOptimize(DecompressPayload(frame));
  Report(state, EventCount(frame));
}
BENCHMARK(BM_DecompressFrame);

}  // namespace
}  // namespace braid

BENCHMARK_MAIN();
