#include "ingest/stream_reader.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "ingest/x_message.h"
#include "tests/sim/sim_loop.h"

namespace braid {
namespace {

class Consumer final : public StreamConsumer {
 public:
  void OnStreamConnected() override {}
  void OnStreamHead(const HttpHead& head, absl::Time) override { status = head.status; }
  void OnStreamBlock(LineBlock block) override {
    size_t dropped = 0;
    for (size_t i = 0; i <= block.lines.size(); ++i) {
      for (; dropped < block.dropped.size() && block.dropped[dropped].before_line == i; ++dropped) {
        lines.push_back(absl::StrCat("<", v1::Loss::Reason_Name(block.dropped[dropped].reason), " ",
                                     block.dropped[dropped].lines, ">"));
      }
      if (i == block.lines.size()) break;
      EXPECT_GE(block.bytes.size(),
                block.lines[i].begin + block.lines[i].length + kLinePaddingBytes);
      lines.push_back(std::string(block.LineAt(i)));
    }
    EXPECT_EQ(dropped, block.dropped.size());
    received_bytes += block.received_bytes;
    cut_line = block.last_line_cut;
    blocks.push_back(std::move(block));
  }
  void OnStreamEnd(const HttpEnd&, const std::string& text) override {
    body = text;
    ended = true;
  }

  int status = 0;
  std::vector<std::string> lines;
  std::vector<LineBlock> blocks;
  uint64_t received_bytes = 0;
  std::string body;
  bool cut_line = false;
  bool ended = false;
};

class StreamReaderTest : public testing::Test {
 protected:
  void Open(int status = 200, StreamReader::Options options = {}) {
    reader_ = std::make_shared<StreamReader>(loop_, &consumer_, options);
    HttpHead head;
    head.status = status;
    reader_->OnHead(head, now_);
  }
  void Read(absl::string_view bytes) {
    now_ += absl::Milliseconds(1);
    reader_->OnBytes(bytes, now_);
  }
  void Run() { loop_.RunFor(absl::ZeroDuration()); }
  void End(HttpEnd::Kind kind) {
    reader_->OnDone({kind, ""}, now_);
    Run();
  }

  SimLoop loop_;
  Consumer consumer_;
  std::shared_ptr<StreamReader> reader_;
  absl::Time now_ = absl::UnixEpoch() + absl::Hours(2);
};

using Lines = std::vector<std::string>;

TEST_F(StreamReaderTest, LinesComeWhenTheSocketIsDrainedWithTheTimeOfTheirLastByte) {
  Open();
  Read("{a}\r\n{b");
  Read("}\r\n{c");
  Run();
  EXPECT_TRUE(consumer_.blocks.empty());
  reader_->OnDrained(now_);
  Run();
  ASSERT_EQ(consumer_.blocks.size(), 1);
  EXPECT_TRUE(consumer_.blocks[0].drained);
  EXPECT_EQ(consumer_.lines, (Lines{"{a}", "{b}"}));
  EXPECT_EQ(consumer_.blocks[0].lines[1].receive_time, now_);
  EXPECT_EQ(consumer_.blocks[0].lines[0].receive_time, now_ - absl::Milliseconds(1));
  Read("}\r\n");
  reader_->OnDrained(now_);
  reader_->OnDrained(now_);  // nothing new: no block
  Run();
  EXPECT_EQ(consumer_.lines, (Lines{"{a}", "{b}", "{c}"}));
  EXPECT_EQ(consumer_.blocks.size(), 2);
  EXPECT_EQ(consumer_.received_bytes, 15);
}

TEST_F(StreamReaderTest, HeartbeatsAndHalfLinesAreSignsOfLife) {
  Open();
  Read("\r\n");
  reader_->OnDrained(now_);
  Read("{ha");
  reader_->OnDrained(now_);
  Run();
  ASSERT_EQ(consumer_.blocks.size(), 2);
  EXPECT_EQ(consumer_.blocks[0].heartbeats.size(), 1);
  EXPECT_EQ(consumer_.blocks[1].last_byte_time, now_);
  EXPECT_EQ(reader_->last_byte_time(), absl::make_optional(now_));
  Read("lf}\r\n");
  reader_->OnDrained(now_);
  Run();
  EXPECT_EQ(consumer_.lines, (Lines{"{half}"}));
}

TEST_F(StreamReaderTest, BlocksGoOutWhenTheyAreFullWithoutADrain) {
  Open();
  std::string line(1000, 'x');
  for (int i = 0; i < 1000; ++i) Read(line + "\r\n");
  Run();
  EXPECT_GE(consumer_.blocks.size(), 3);
  for (const LineBlock& block : consumer_.blocks) {
    EXPECT_FALSE(block.drained);
    EXPECT_LE(block.bytes.size(), 260 * 1024);
  }
  EXPECT_LE(reader_->in_flight_bytes(), 0);
}

TEST_F(StreamReaderTest, OversizeLineIsDroppedInItsPlace) {
  StreamReader::Options options;
  options.line_bytes_max = 100;
  Open(200, options);
  Read("{a}\r\n" + std::string(90, 'x'));
  reader_->OnDrained(now_);
  Read(std::string(90, 'x'));
  Read("\r\n{b}\r\n");
  reader_->OnDrained(now_);
  Run();
  EXPECT_EQ(consumer_.lines, (Lines{"{a}", "<REASON_OVERSIZE_LINE 1>", "{b}"}));
}

TEST_F(StreamReaderTest, LinesBeyondTheBoundAreDroppedInTheirPlaceAndMemoryStaysBounded) {
  StreamReader::Options options;
  options.in_flight_bytes_max = 1000;
  Open(200, options);
  auto read = [this](const std::string& line) {
    Read(line + "\r\n");
    reader_->OnDrained(now_);
  };
  read(std::string(600, 'a'));
  read(std::string(600, 'b'));  // no room
  read(std::string(600, 'c'));  // no room
  EXPECT_LE(reader_->in_flight_bytes(), 1000);
  Run();
  EXPECT_EQ(reader_->in_flight_bytes(), 0);
  read("d");
  Run();
  EXPECT_EQ(consumer_.lines, (Lines{std::string(600, 'a'), "<REASON_RING_FULL 2>", "d"}));
  EXPECT_EQ(consumer_.received_bytes, 3 * 602 + 3);
  read(std::string(990, 'e'));
  End(HttpEnd::Kind::kReset);
  EXPECT_EQ(consumer_.lines.back(), "<REASON_RING_FULL 1>");
}

TEST_F(StreamReaderTest, DroppedLinesAreReportedThoughXSendsNothingMore) {
  StreamReader::Options options;
  options.in_flight_bytes_max = 1000;
  Open(200, options);
  Read(std::string(1200, 'a') + "\r\n");
  reader_->OnDrained(now_);
  Run();
  EXPECT_EQ(consumer_.lines, (Lines{"<REASON_RING_FULL 1>"}));
}

TEST_F(StreamReaderTest, DroppedLinesStandBetweenTheBlocksAroundThemInFewTurns) {
  StreamReader::Options options;
  options.in_flight_bytes_max = 1000;
  Open(200, options);
  Run();
  absl::Time first;
  for (int round = 0; round < 2; ++round) {
    Read(absl::StrCat(round, "\r\n"));
    reader_->OnDrained(now_);
    for (int i = 0; i < 100; ++i) {
      Read(std::string(1200, 'x') + "\r\n");
      if (i == 0) first = now_;
      reader_->OnDrained(now_);
    }
  }
  EXPECT_EQ(loop_.pending_count(), 4);
  Run();
  EXPECT_EQ(consumer_.lines,
            (Lines{"0", "<REASON_RING_FULL 100>", "1", "<REASON_RING_FULL 100>"}));
  EXPECT_EQ(consumer_.blocks.back().dropped[0].first_receive_time, first);
  EXPECT_EQ(consumer_.blocks.back().dropped[0].last_receive_time, now_);
}

TEST_F(StreamReaderTest, WhatAnEndLeavesOfALineIsHandedOverAndMarked) {
  for (HttpEnd::Kind kind : {HttpEnd::Kind::kTruncated, HttpEnd::Kind::kClosed,
                             HttpEnd::Kind::kReset, HttpEnd::Kind::kClean}) {
    for (bool drained : {false, true}) {
      consumer_ = Consumer();
      Open();
      Read("{a}\r\n{b");
      if (drained) reader_->OnDrained(now_);
      absl::Time last = now_;
      now_ += absl::Seconds(20);
      End(kind);
      EXPECT_EQ(consumer_.lines, (Lines{"{a}", "{b"}));
      EXPECT_TRUE(consumer_.cut_line);
      EXPECT_EQ(consumer_.blocks.back().lines.back().receive_time, last);
    }
  }
}

TEST_F(StreamReaderTest, HalfALineEndIsNoPartOfTheLineAndNoLine) {
  Open();
  Read("{a}\r\n{b}\r");
  End(HttpEnd::Kind::kReset);
  EXPECT_EQ(consumer_.lines, (Lines{"{a}", "{b}"}));
  Open();
  Read("{c}\r\n\r");
  End(HttpEnd::Kind::kReset);
  EXPECT_EQ(consumer_.lines, (Lines{"{a}", "{b}", "{c}"}));
}

TEST_F(StreamReaderTest, CutLineWithoutRoomIsALossInItsTime) {
  StreamReader::Options options;
  options.in_flight_bytes_max = 600;
  Open(200, options);
  Read(std::string(500, 'x') + "\r\n{half");
  reader_->OnDrained(now_);
  absl::Time last = now_;
  End(HttpEnd::Kind::kClosed);
  EXPECT_EQ(consumer_.lines.back(), "<REASON_RING_FULL 1>");
  EXPECT_EQ(consumer_.blocks.back().dropped.back().last_receive_time, last);
}

TEST_F(StreamReaderTest, BodyOfARefusalIsKeptUpToItsBound) {
  StreamReader::Options options;
  options.body_bytes_max = 10;
  Open(429, options);
  Read("{\"title\"\r\n");
  Read(":1}");
  reader_->OnDrained(now_);
  End(HttpEnd::Kind::kClean);
  EXPECT_EQ(consumer_.status, 429);
  EXPECT_EQ(consumer_.body, "{\"title\"\r\n");
  EXPECT_TRUE(consumer_.blocks.empty());
}

TEST_F(StreamReaderTest, NothingArrivesAfterDetach) {
  Open();
  Read("{a}\r\n");
  reader_->OnDrained(now_);
  reader_->Detach();
  End(HttpEnd::Kind::kClean);
  EXPECT_EQ(consumer_.status, 0);
  EXPECT_TRUE(consumer_.lines.empty());
  EXPECT_FALSE(consumer_.ended);
}

TEST_F(StreamReaderTest, AnyCuttingAndDrainingGivesTheSameLines) {
  SeededRandom random(3);
  std::string bytes;
  Lines want;
  for (int i = 0; i < 2000; ++i) {
    want.push_back(absl::StrCat(i, std::string(random.Below(3000), 'x')));
    absl::StrAppend(&bytes, want.back(), "\r\n");
  }
  Open();
  for (size_t at = 0; at < bytes.size();) {
    size_t take = 1 + random.Below(random.Below(4) == 0 ? 100000 : 100);
    Read(absl::string_view(bytes).substr(at, take));
    at += take;
    if (random.Below(10) == 0) reader_->OnDrained(now_);
    if (random.Below(20) == 0) Run();
  }
  End(HttpEnd::Kind::kClean);
  EXPECT_TRUE(consumer_.lines == want);
  EXPECT_EQ(consumer_.received_bytes, bytes.size());
}

}  // namespace
}  // namespace braid
