#include "ingest/x_framing.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "gtest/gtest.h"

namespace braid {
namespace {

// Everything the splitter said, as one text per event.
class Transcript final : public LineSplitter::Sink {
 public:
  void OnPiece(absl::string_view piece) override {
    absl::StrAppend(&open_, piece);
    open_bytes_max_ = std::max(open_bytes_max_, open_.size());
  }
  void OnLineEnd() override { said_.push_back("line " + std::exchange(open_, "")); }
  void OnHeartbeat() override { said_.push_back("heartbeat"); }
  void OnOversize() override {
    open_.clear();
    said_.push_back("oversize");
  }

  std::vector<std::string> said_;
  std::string open_;
  size_t open_bytes_max_ = 0;
};

std::vector<std::string> Split(absl::string_view bytes, size_t piece_bytes, uint64_t cap = 100) {
  LineSplitter splitter(cap);
  Transcript transcript;
  for (size_t at = 0; at < bytes.size(); at += piece_bytes) {
    splitter.Feed(bytes.substr(at, piece_bytes), &transcript);
  }
  if (!transcript.open_.empty()) transcript.said_.push_back("open " + transcript.open_);
  return transcript.said_;
}

using Said = std::vector<std::string>;

TEST(LineSplitterTest, RecordsEndAtCarriageReturnNewline) {
  EXPECT_EQ(Split("{a}\r\n{b}\r\n{c", 1000), (Said{"line {a}", "line {b}", "open {c"}));
}

TEST(LineSplitterTest, BareNewlineAndBareReturnStayInTheRecord) {
  EXPECT_EQ(Split("a\nb\r\n\nc\rd\r\r\n", 1000), (Said{"line a\nb", "line \nc\rd\r"}));
}

TEST(LineSplitterTest, BlankLinesAreHeartbeats) {
  EXPECT_EQ(Split("\r\na\r\n\r\n\r\n", 1000),
            (Said{"heartbeat", "line a", "heartbeat", "heartbeat"}));
}

TEST(LineSplitterTest, LineAtTheCapPassesAndOneAboveIsDroppedAlone) {
  std::string at_cap(100, 'x');
  EXPECT_EQ(Split(at_cap + "\r\n" + at_cap + "y\r\nz\r\n", 1000),
            (Said{"line " + at_cap, "oversize", "line z"}));
}

TEST(LineSplitterTest, EndlessLineNeedsNoMemory) {
  LineSplitter splitter(100);
  Transcript transcript;
  std::string block(64 * 1024, 'x');
  for (int i = 0; i < 1000; ++i) splitter.Feed(block, &transcript);
  splitter.Feed("\r\nnext\r\n", &transcript);
  EXPECT_EQ(transcript.said_, (Said{"oversize", "line next"}));
  EXPECT_LE(transcript.open_bytes_max_, 100);
}

TEST(LineSplitterTest, FinishTakesTheLineThatHasNoEnd) {
  LineSplitter splitter(100);
  Transcript transcript;
  splitter.Feed("a\r\nb\r", &transcript);
  EXPECT_TRUE(splitter.inside_line());
  splitter.Finish(&transcript);
  EXPECT_FALSE(splitter.inside_line());
  EXPECT_EQ(transcript.said_, (Said{"line a", "line b"}));
}

TEST(LineSplitterTest, AnyCuttingGivesTheSameResult) {
  SeededRandom random(7);
  for (int round = 0; round < 300; ++round) {
    std::string bytes;
    uint64_t length = random.Below(400);
    while (bytes.size() < length) bytes += "ab\r\n\r\n\n\r"[random.Below(8)];
    Said whole = Split(bytes, bytes.size() + 1, /*cap=*/20);
    for (size_t piece_bytes : {1, 2, 3, 7, 19}) {
      ASSERT_EQ(Split(bytes, piece_bytes, /*cap=*/20), whole) << "pieces of " << piece_bytes;
    }
    LineSplitter splitter(20);
    Transcript transcript;
    for (size_t at = 0; at < bytes.size();) {
      size_t take = 1 + random.Below(30);
      splitter.Feed(absl::string_view(bytes).substr(at, take), &transcript);
      at += take;
    }
    if (!transcript.open_.empty()) transcript.said_.push_back("open " + transcript.open_);
    ASSERT_EQ(transcript.said_, whole);
  }
}

}  // namespace
}  // namespace braid
