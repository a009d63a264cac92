// PostLog, PostFeed and Outbox: who gets which bytes, and when they count.

#include "tests/emulator/post_log.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/emulator/outbox.h"

namespace braid::emulator {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1800000000);
constexpr uint64_t kId = 1987654321098765432;

class PostLogTest : public testing::Test {
 protected:
  PostLogTest() : pool_({}, 20), feed_(log_, 1) {}

  void Append(int count, absl::Time now = kNow) {
    for (int i = 0; i < count; ++i) {
      const PostBody& body = pool_.Get(log_.post_count() % pool_.count());
      std::string bytes(body.size, '\0');
      PatchBody(body, kId + log_.post_count(), bytes.data());
      expected_ += bytes;
      log_.Append(body, kId + log_.post_count(), log_.post_count(), now);
    }
  }

  std::string TakeAll(PostFeed* feed, size_t bytes_max, absl::Time now = kNow) {
    std::string out;
    while (std::optional<LogRun> run = feed->Take(bytes_max, now, &dropped_)) {
      EXPECT_LE(run->until - run->from, bytes_max);
      out.append(run->block->bytes.get() + run->from, run->until - run->from);
    }
    return out;
  }

  BodyPool pool_;
  PostLog log_;
  PostFeed feed_;
  std::string expected_;
  std::vector<uint64_t> dropped_;
};

TEST_F(PostLogTest, FeedGivesEveryByteOnceWhateverTheSizes) {
  Append(1000);  // several blocks
  PostFeed late(log_, 2);
  EXPECT_EQ(TakeAll(&feed_, 65521), expected_);
  EXPECT_EQ(feed_.backlog_bytes(log_), 0u);
  std::string before = expected_;
  Append(3);
  EXPECT_EQ(TakeAll(&feed_, 100), expected_.substr(before.size()));
  EXPECT_EQ(TakeAll(&late, 7), expected_.substr(before.size()));
}

TEST_F(PostLogTest, DroppedPostsAreLeftOutWhole) {
  feed_.SetDropFraction(0.5);
  Append(400);
  std::string bytes = TakeAll(&feed_, 1000);
  size_t records = 0;
  for (size_t at = 0; (at = bytes.find("\r\n", at)) != std::string::npos; at += 2) ++records;
  EXPECT_EQ(records + dropped_.size(), 400u);
  EXPECT_GT(dropped_.size(), 100u);
  EXPECT_GT(records, 100u);
  EXPECT_EQ(feed_.backlog_bytes(log_), 0u);
  for (uint64_t emission : dropped_) {
    EXPECT_EQ(bytes.find(std::to_string(kId + emission)), std::string::npos);
  }
}

TEST_F(PostLogTest, DropThatBeginsInsideAPostLetsItEnd) {
  Append(2);
  ASSERT_TRUE(feed_.Take(10, kNow, &dropped_));
  feed_.SetDropFraction(1);
  EXPECT_EQ(TakeAll(&feed_, 1 << 20), expected_.substr(10, pool_.Get(0).size - 10));
  EXPECT_EQ(dropped_, std::vector<uint64_t>{1});
}

TEST_F(PostLogTest, DelayedPostsWaitForTheirTime) {
  feed_.SetDelay(absl::Seconds(2));
  Append(5, kNow);
  Append(5, kNow + absl::Seconds(1));
  EXPECT_EQ(TakeAll(&feed_, 1 << 20, kNow + absl::Seconds(1)), "");
  std::string first = TakeAll(&feed_, 1 << 20, kNow + absl::Seconds(2));
  EXPECT_EQ(first, expected_.substr(0, first.size()));
  EXPECT_FALSE(first.empty());
  EXPECT_EQ(first + TakeAll(&feed_, 1 << 20, kNow + absl::Seconds(3)), expected_);
}

TEST_F(PostLogTest, ReleasedFeedHoldsNoBlock) {
  std::weak_ptr<LogBlock> first = log_.end_block();
  Append(1000);
  EXPECT_FALSE(first.expired());
  feed_.Release();
  EXPECT_TRUE(first.expired());
  EXPECT_EQ(feed_.backlog_bytes(log_), 0u);
  EXPECT_EQ(TakeAll(&feed_, 1000), "");
}

TEST_F(PostLogTest, OutboxCountsAPostWhenItsLastByteIsTaken) {
  Append(2);
  Outbox outbox;
  while (std::optional<LogRun> run = feed_.Take(700, kNow, &dropped_)) outbox.AddChunk(*run);
  std::vector<uint64_t> sent;
  auto count = [&sent](const LogPost& post) { sent.push_back(post.emission); };
  std::string written;
  while (!outbox.empty()) {
    size_t before = sent.size();
    iovec piece = outbox.Gather(1, 1).at(0);
    written.append(static_cast<const char*>(piece.iov_base), 1);
    outbox.Consume(1, count);
    bool is_inside = sent.size() == before && !outbox.PartlyWritten().empty();
    if (is_inside) {
      EXPECT_EQ(outbox.PartlyWritten()[0], sent.size());
    }
    if (sent.size() > before) {
      EXPECT_EQ(written.substr(written.size() - 2), "\r\n");
      EXPECT_TRUE(outbox.PartlyWritten().empty());
    }
  }
  EXPECT_EQ(sent, (std::vector<uint64_t>{0, 1}));
  EXPECT_EQ(outbox.bytes(), 0u);
}

TEST_F(PostLogTest, EncodedPostsCountOnlyWhenAllIsTaken) {
  Append(3);
  Outbox outbox;
  std::vector<uint64_t> sent;
  auto count = [&sent](const LogPost& post) { sent.push_back(post.emission); };
  outbox.AddEncodedChunk("encoded", *feed_.Take(1 << 20, kNow, &dropped_));
  outbox.Consume(outbox.bytes() - 1, count);
  EXPECT_TRUE(sent.empty());
  EXPECT_EQ(outbox.PartlyWritten(), (std::vector<uint64_t>{0, 1, 2}));
  outbox.Consume(1, count);
  EXPECT_EQ(sent, (std::vector<uint64_t>{0, 1, 2}));
}

}  // namespace
}  // namespace braid::emulator
