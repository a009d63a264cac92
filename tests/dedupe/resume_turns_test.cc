#include "dedupe/resume_turns.h"

#include <gtest/gtest.h>

namespace braid {
namespace {

SourceSnapshot Source(const std::string& id, std::vector<uint32_t> partitions = {}) {
  SourceSnapshot source;
  source.source_id = id;
  source.connected = true;
  source.all_partitions = partitions.empty();
  source.partitions = std::move(partitions);
  return source;
}

TEST(ResumeTurnsTest, ConnectionsOfAPartitionComeOneAfterTheOther) {
  std::vector<SourceSnapshot> sources = {Source("a"), Source("b"), Source("c")};
  EXPECT_EQ(ResumeTurn("a", sources), absl::ZeroDuration());
  EXPECT_EQ(ResumeTurn("b", sources), kResumeGap);
  EXPECT_EQ(ResumeTurn("c", sources), 2 * kResumeGap);
}

TEST(ResumeTurnsTest, OtherPartitionsAreNotWaitedFor) {
  std::vector<SourceSnapshot> sources = {Source("a", {1}), Source("b", {2}), Source("c", {1}),
                                         Source("d", {2})};
  EXPECT_EQ(ResumeTurn("b", sources), absl::ZeroDuration());
  EXPECT_EQ(ResumeTurn("c", sources), kResumeGap);
  EXPECT_EQ(ResumeTurn("d", sources), kResumeGap);
}

TEST(ResumeTurnsTest, WhoIsAwayHasNoTurn) {
  std::vector<SourceSnapshot> sources = {Source("a"), Source("b")};
  sources[0].connected = false;
  EXPECT_EQ(ResumeTurn("b", sources), absl::ZeroDuration());
}

}  // namespace
}  // namespace braid
