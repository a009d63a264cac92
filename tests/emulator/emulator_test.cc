// The emulator over loopback: what a client sees, and what the truth says.

#include "tests/emulator/emulator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "proto/snowflake.h"
#include "tests/emulator/emulator_fixture.h"

namespace braid::emulator {
namespace {

class EmulatorTest : public EmulatorFixture {
 protected:
  EmulatorTest() { options_.mix = EventMix(); }

  std::unique_ptr<StreamClient> Open(ClientOptions options = {}) {
    auto client = std::make_unique<StreamClient>(emulator_->port(), options);
    EXPECT_EQ(client->Status(), 200);
    return client;
  }
  std::unique_ptr<StreamClient> OpenAs(const std::string& name) {
    ClientOptions options;
    options.target += "?connection=" + name;
    return Open(options);
  }
  int Ask(const std::string& target, const std::string& body = "") {
    return Control(emulator_->control_port(), target, body).first;
  }
  std::string Answer(const std::string& target) {
    return Control(emulator_->control_port(), target).second;
  }
};

std::vector<std::string> ReadIds(StreamClient* client, size_t count) {
  std::vector<std::string> ids;
  std::string line;
  while (ids.size() < count && client->ReadLine(&line)) {
    std::string id = DataId(line);
    if (!id.empty()) ids.push_back(id);
  }
  return ids;
}

// Everything until the end of the stream; the last line goes to `last`.
std::vector<std::string> ReadIdsToEnd(StreamClient* client, std::string* last = nullptr) {
  std::vector<std::string> ids;
  std::string line;
  while (client->ReadLine(&line)) {
    std::string id = DataId(line);
    if (!id.empty()) ids.push_back(id);
    if (last != nullptr) *last = line;
  }
  return ids;
}

std::vector<std::string> SentInOrder(const Truth& truth, size_t connection) {
  std::vector<std::string> ids;
  for (const EmissionRange& range : truth.connections.at(connection).sent) {
    for (uint64_t i = 0; i < range.count; ++i) {
      ids.push_back(absl::StrCat(truth.emissions[range.first + i].post_id()));
    }
  }
  return ids;
}

TEST_F(EmulatorTest, TruthSaysExactlyWhatEachConnectionReceived) {
  options_.mix.duplicates = 0.1;
  StartEmulator();
  auto first = OpenAs("a");
  auto second = OpenAs("b");
  ReadIds(first.get(), 0);
  std::vector<std::string> begun = ReadIds(second.get(), 50);
  ASSERT_EQ(Ask("/close?how=zero"), 200);
  std::vector<std::string> rest = ReadIdsToEnd(second.get());
  begun.insert(begun.end(), rest.begin(), rest.end());
  std::vector<std::string> all = ReadIdsToEnd(first.get());
  Truth truth = TheTruth();
  ASSERT_EQ(truth.connections.size(), 2u);
  EXPECT_EQ(truth.connections[0].tag, "a");
  EXPECT_EQ(SentInOrder(truth, 0), all);
  EXPECT_EQ(SentInOrder(truth, 1), begun);
  EXPECT_EQ(truth.connections[0].end_kind, EndKind::kZeroChunk);
  EXPECT_LT(std::set<std::string>(all.begin(), all.end()).size(), all.size());
  EXPECT_TRUE(truth.finished);
}

TEST_F(EmulatorTest, AnswerLooksLikeXs) {
  StartEmulator();
  std::string head = Open()->Head();
  EXPECT_TRUE(absl::StrContains(head, "HTTP/1.1 200 OK\r\ndate: ")) << head;
  EXPECT_TRUE(absl::StrContains(head, "transfer-encoding: chunked")) << head;
  EXPECT_TRUE(absl::StrContains(head, "x-rate-limit-remaining: 49")) << head;
}

TEST_F(EmulatorTest, WrongTokenIsRefusedAndTheRightOneIsNot) {
  options_.server.credentials.bearer_token = "secret";
  StartEmulator();
  StreamClient without(emulator_->port());
  EXPECT_EQ(without.Status(), 401);
  EXPECT_TRUE(absl::StrContains(without.Body(), "Unauthorized"));
  ClientOptions options;
  options.headers = "Authorization: Bearer secret\r\n";
  Open(options);
}

TEST_F(EmulatorTest, ThirdConnectionIsRefusedAndAFreedSlotIsGivenAgain) {
  StartEmulator();
  auto first = OpenAs("a");
  auto second = OpenAs("b");
  StreamClient third(emulator_->port());
  EXPECT_EQ(third.Status(), 429);
  EXPECT_TRUE(absl::StrContains(third.Body(), "\"connection_issue\":\"TooManyConnections\""));
  ASSERT_EQ(Ask("/close?how=reset&tag=a"), 200);
  OpenAs("c");
}

TEST_F(EmulatorTest, SilentStreamIsKeptAlive) {
  options_.rate = 0;
  options_.server.stream.keep_alive = absl::Milliseconds(10);
  StartEmulator();
  auto client = Open();
  std::string line = "none";
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client->ReadLine(&line));
    EXPECT_EQ(line, "");
  }
}

TEST_F(EmulatorTest, GzipCarriesTheSamePostsAndEndsItsMember) {
  options_.server.gzip = true;
  StartEmulator();
  ClientOptions options;
  options.headers = "Accept-Encoding: gzip\r\n";
  auto client = Open(options);
  ASSERT_TRUE(absl::StrContains(client->Head(), "content-encoding: gzip"));
  std::vector<std::string> ids = ReadIds(client.get(), 20);
  ASSERT_EQ(Ask("/close?how=message"), 200);
  std::string last;
  std::vector<std::string> rest = ReadIdsToEnd(client.get(), &last);
  ids.insert(ids.end(), rest.begin(), rest.end());
  EXPECT_EQ(client->end(), StreamEnd::kZeroChunk);
  EXPECT_TRUE(absl::StrContains(last, "OperationalDisconnect")) << last;
  EXPECT_EQ(SentInOrder(TheTruth(), 0), ids);
}

struct EndCase {
  const char* target;
  StreamEnd seen;
  EndKind truth;
};

TEST_F(EmulatorTest, EveryEndIsSeenByTheClientAndRecorded) {
  const EndCase kCases[] = {
      {"/close?how=message&type=ForceDisconnect", StreamEnd::kZeroChunk,
       EndKind::kDisconnectMessage},
      {"/close?how=zero", StreamEnd::kZeroChunk, EndKind::kZeroChunk},
      {"/close?how=truncated", StreamEnd::kCutOff, EndKind::kTruncatedChunk},
      {"/close?how=reset", StreamEnd::kReset, EndKind::kReset},
  };
  StartEmulator();
  for (const EndCase& test : kCases) {
    auto client = Open();
    ReadIds(client.get(), 3);
    ASSERT_EQ(Ask(test.target), 200);
    std::string last;
    ReadIdsToEnd(client.get(), &last);
    EXPECT_EQ(client->end(), test.seen) << test.target;
    EXPECT_EQ(absl::StrContains(last, "ForceDisconnect"),
              absl::StrContains(test.target, "ForceDisconnect"));
  }
  Truth truth = TheTruth();
  ASSERT_EQ(truth.connections.size(), 4u);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(truth.connections[i].end_kind, kCases[i].truth);
}

TEST_F(EmulatorTest, BlackHoleSendsNothingAndThenWhatItKept) {
  StartEmulator();
  auto client = Open();
  ReadIds(client.get(), 1);
  EXPECT_TRUE(absl::StrContains(Answer("/black-hole?seconds=0.3"), "\"black_hole\":true"));
  // 3 s worth of posts: the silence must come among them.
  absl::Duration silence;
  absl::Time last = absl::Now();
  std::string line;
  for (int i = 0; i < 3000 && silence < absl::Milliseconds(200); ++i) {
    ASSERT_TRUE(client->ReadLine(&line));
    absl::Time now = absl::Now();
    silence = std::max(silence, now - std::exchange(last, now));
  }
  EXPECT_GE(silence, absl::Milliseconds(200));
  EXPECT_TRUE(absl::StrContains(Answer("/connections"), "\"black_hole\":false"));
  Truth truth = TheTruth();
  ASSERT_EQ(truth.connections[0].sent.size(), 1u) << "posts are missing";
}

TEST_F(EmulatorTest, RefusalsLastAsLongAsAsked) {
  StartEmulator();
  for (auto [how, status] :
       {std::pair("503", 503), std::pair("429", 429), std::pair("429-rate", 429),
        std::pair("401", 401), std::pair("reset", 0)}) {
    ASSERT_EQ(Ask(absl::StrCat("/refuse?seconds=60&how=", how)), 200);
    EXPECT_EQ(StreamClient(emulator_->port()).Status(), status) << how;
  }
  ASSERT_EQ(Ask("/refuse?seconds=60&how=black-hole"), 200);
  ClientOptions options;
  // Nothing answers, however long one waits.
  options.patience = absl::Milliseconds(50);
  StreamClient swallowed(emulator_->port(), options);
  EXPECT_EQ(swallowed.Status(), 0);
  EXPECT_EQ(swallowed.end(), StreamEnd::kTimeout);
  ASSERT_EQ(Ask("/refuse?seconds=0&how=503"), 200);
  Open();
}

TEST_F(EmulatorTest, DroppedPostsGoToTheOtherConnectionOnlyAndAreRecorded) {
  StartEmulator();
  auto lossy = OpenAs("lossy");
  auto whole = OpenAs("whole");
  ASSERT_EQ(Ask("/drop?fraction=0.5&tag=lossy"), 200);
  ReadIds(whole.get(), 200);
  ASSERT_EQ(Ask("/close?how=zero"), 200);
  ReadIdsToEnd(whole.get());
  std::vector<std::string> seen = ReadIdsToEnd(lossy.get());
  Truth truth = TheTruth();
  EXPECT_EQ(SentInOrder(truth, 0), seen);
  uint64_t dropped = 0;
  for (const EmissionRange& range : truth.connections[0].dropped) dropped += range.count;
  EXPECT_GT(dropped, 50u);
  EXPECT_TRUE(truth.connections[1].dropped.empty());
  EXPECT_EQ(truth.connections[1].sent.size(), 1u);
}

TEST_F(EmulatorTest, DropCountLeavesOutExactlySoMany) {
  StartEmulator();
  auto client = Open();
  ReadIds(client.get(), 5);
  ASSERT_EQ(Ask("/drop?count=7"), 200);
  ReadIds(client.get(), 50);
  ASSERT_EQ(Ask("/close?how=zero"), 200);
  ReadIdsToEnd(client.get());
  Truth truth = TheTruth();
  ASSERT_EQ(truth.connections[0].dropped.size(), 1u);
  EXPECT_EQ(truth.connections[0].dropped[0].count, 7u);
}

TEST_F(EmulatorTest, DelayedConnectionReceivesEverythingLater) {
  // So that the time in an id is the time of its appearance.
  options_.ids.lateness_max = absl::ZeroDuration();
  options_.mix.duplicates = 0;
  StartEmulator();
  auto client = OpenAs("slow");
  ASSERT_EQ(Ask("/delay?seconds=0.2&tag=slow"), 200);
  absl::Time delayed_from = absl::Now();
  for (int delayed = 0; delayed < 20;) {
    std::vector<std::string> ids = ReadIds(client.get(), 1);
    ASSERT_EQ(ids.size(), 1u);
    absl::Time created = SnowflakeTime(std::stoull(ids[0]));
    if (created <= delayed_from) continue;
    EXPECT_GE(absl::Now() - created, absl::Milliseconds(200));
    ++delayed;
  }
  EXPECT_EQ(TheTruth().connections[0].sent.size(), 1u) << "posts are missing";
}

TEST_F(EmulatorTest, RawBytesArriveAsTheyAre) {
  options_.rate = 0;
  StartEmulator();
  auto client = Open();
  ASSERT_EQ(Ask("/send", "any \x01 bytes\r\n{\"a\":1}\r\n"), 200);
  std::string line;
  ASSERT_TRUE(client->ReadLine(&line));
  EXPECT_EQ(line, "any \x01 bytes");
  ASSERT_TRUE(client->ReadLine(&line));
  EXPECT_EQ(line, "{\"a\":1}");
}

TEST_F(EmulatorTest, EveryKindOfBadInputIsSentAndTheStreamGoesOn) {
  StartEmulator();
  auto client = Open();
  for (const char* kind : {"garbage", "nul", "bad-utf8", "numeric-id", "empty-id", "huge-id",
                           "deep-json", "system-message", "unknown-type", "error-with-data",
                           "compliance", "native", "activity", "empty-lines", "glued-keep-alive"}) {
    EXPECT_EQ(Ask(absl::StrCat("/send?kind=", kind)), 200) << kind;
  }
  EXPECT_EQ(Ask("/send?kind=nonsense"), 400);
  EXPECT_EQ(ReadIds(client.get(), 100).size(), 100u);
}

TEST_F(EmulatorTest, EndlessLineIsMadeWithoutMemory) {
  options_.rate = 0;
  StartEmulator();
  auto client = Open();
  constexpr uint64_t kBytes = 20 << 20;
  ASSERT_EQ(Ask(absl::StrCat("/send?kind=endless-line&bytes=", kBytes)), 200);
  client->Discard(kBytes);
  EXPECT_GE(client->decoded_bytes(), kBytes);
  EXPECT_EQ(client->end(), StreamEnd::kNone);
}

TEST_F(EmulatorTest, GzipBombIsSmallOnTheWire) {
  options_.rate = 0;
  options_.server.gzip = true;
  StartEmulator();
  ClientOptions options;
  options.headers = "Accept-Encoding: gzip\r\n";
  auto client = Open(options);
  constexpr uint64_t kBytes = 20 << 20;
  ASSERT_EQ(Ask(absl::StrCat("/send?kind=gzip-bomb&bytes=", kBytes)), 200);
  client->Discard(kBytes);
  EXPECT_GE(client->decoded_bytes(), kBytes);
  std::string stats = Answer("/stats");
  size_t at = stats.find("\"sent_bytes\":");
  ASSERT_NE(at, std::string::npos);
  EXPECT_LT(std::atoll(stats.c_str() + at + 13), 1 << 20);
}

TEST_F(EmulatorTest, RateChangesAtOnceAndZeroStopsCreating) {
  options_.rate = 0;
  options_.server.stream.keep_alive = absl::Milliseconds(20);
  StartEmulator();
  auto client = Open();
  std::string line;
  ASSERT_TRUE(client->ReadLine(&line));
  EXPECT_EQ(line, "");
  ASSERT_EQ(Ask("/rate?posts=2000"), 200);
  EXPECT_EQ(ReadIds(client.get(), 20).size(), 20u);
  ASSERT_EQ(Ask("/rate?posts=0"), 200);
  while (client->ReadLine(&line) && !line.empty()) {
  }
  EXPECT_EQ(line, "");
  EXPECT_EQ(Ask("/rate?burst=1:2"), 400);
}

TEST_F(EmulatorTest, SlowClientIsCutAtItsBufferWithTheReason) {
  options_.rate = 20000;
  options_.server.send_buffer_bytes = 64 << 10;
  options_.server.stream.client_buffer_bytes = 1 << 20;
  options_.server.stream.queue_bytes_max = 64 << 10;
  StartEmulator();
  ClientOptions client_options;
  client_options.receive_buffer_bytes = 64 << 10;
  auto client = Open(client_options);
  while (absl::StrContains(Answer("/connections"), "\"connection\":1")) {
  }
  std::string last;
  std::vector<std::string> ids = ReadIdsToEnd(client.get(), &last);
  EXPECT_EQ(client->end(), StreamEnd::kZeroChunk);
  EXPECT_TRUE(absl::StrContains(last, "SlowReader")) << last;
  Truth truth = TheTruth();
  EXPECT_EQ(SentInOrder(truth, 0), ids);
  EXPECT_EQ(truth.connections[0].end_kind, EndKind::kSlowClient);
}

TEST_F(EmulatorTest, CommandsThatMatchNothingSaySo) {
  StartEmulator();
  EXPECT_EQ(Ask("/close?how=zero"), 404);
  EXPECT_EQ(Ask("/no-such-command"), 404);
  EXPECT_EQ(Ask("/close?how=politely"), 400);
  auto first = OpenAs("a");
  auto second = OpenAs("b");
  EXPECT_TRUE(absl::StrContains(Answer("/black-hole?seconds=9&index=1"), "\"tag\":\"b\""));
  EXPECT_EQ(Ask("/close?how=zero&index=2"), 404);
  EXPECT_EQ(Ask("/close?how=zero&tag=a&address=127.0.0.1"), 200);
}

TEST_F(EmulatorTest, RunsForItsDuration) {
  options_.duration = absl::Milliseconds(50);
  StartEmulator();
  auto client = Open();
  ReadIdsToEnd(client.get());
  thread_.join();
  thread_ = {};
  Truth truth = *ReadTruth(options_.truth_path);
  EXPECT_TRUE(truth.finished);
  EXPECT_EQ(truth.connections[0].end_kind, EndKind::kEmulatorStopped);
  unlink(options_.truth_path.c_str());
}

}  // namespace
}  // namespace braid::emulator
