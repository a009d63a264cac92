#include "ingest/partition_turns.h"

#include <gtest/gtest.h>

#include <queue>
#include <vector>

#include "base/random.h"

namespace braid {
namespace {

absl::Time At(double seconds) { return absl::UnixEpoch() + absl::Seconds(seconds); }

TEST(PartitionTurnsTest, AnAttemptIsImmediateWhileAPeerReceives) {
  PartitionTurns turns;
  int a = turns.Join(), b = turns.Join();
  EXPECT_EQ(turns.Ask(a, At(0), true), absl::ZeroDuration());
  EXPECT_EQ(turns.Ask(b, At(0.1), true), absl::ZeroDuration());
}

TEST(PartitionTurnsTest, TwoThatFellTogetherComeBackApart) {
  PartitionTurns turns;
  int a = turns.Join(), b = turns.Join();
  EXPECT_EQ(turns.Ask(a, At(0), false), absl::ZeroDuration());
  EXPECT_EQ(turns.Ask(b, At(0), false), absl::Seconds(3));
  // The first fails at once: it may not push itself in again.
  EXPECT_EQ(turns.Ask(a, At(1), false), absl::Seconds(5));
  EXPECT_EQ(turns.Ask(b, At(3), false), absl::ZeroDuration());
  EXPECT_EQ(turns.Ask(a, At(6), false), absl::ZeroDuration());
}

TEST(PartitionTurnsTest, WhoComesLateToItsTurnDoesNotMeetTheOther) {
  PartitionTurns turns;
  int a = turns.Join(), b = turns.Join();
  EXPECT_EQ(turns.Ask(a, At(0), false), absl::ZeroDuration());
  EXPECT_EQ(turns.Ask(b, At(1), false), absl::Seconds(2));
  // Held by the budget meanwhile.
  EXPECT_EQ(turns.Ask(a, At(99.9), false), absl::ZeroDuration());
  EXPECT_GT(turns.Ask(b, At(100), false), absl::Seconds(2));
}

TEST(PartitionTurnsTest, AloneNobodyWaits) {
  PartitionTurns turns;
  int a = turns.Join();
  for (double t : {0.0, 0.1, 0.2}) EXPECT_EQ(turns.Ask(a, At(t), false), absl::ZeroDuration());
}

// Members that fail at once and ask again as the back-off says.
TEST(PartitionTurnsTest, AttemptsKeepTheGapAndNobodyWaitsLongerThanItsTurn) {
  for (int seed = 1; seed <= 200; ++seed) {
    SeededRandom random(static_cast<uint64_t>(seed));
    PartitionTurns turns;
    int members = 2 + static_cast<int>(random.Below(3));
    using Due = std::pair<absl::Time, int>;
    std::priority_queue<Due, std::vector<Due>, std::greater<Due>> queue;
    std::vector<absl::Time> asked(static_cast<size_t>(members), absl::InfiniteFuture());
    for (int i = 0; i < members; ++i) queue.push({At(0.001 * random.Below(100)), turns.Join()});
    absl::Time last = absl::InfinitePast();
    int last_member = -1;
    for (int step = 0; step < 300; ++step) {
      auto [now, member] = queue.top();
      queue.pop();
      absl::Time& since = asked[static_cast<size_t>(member)];
      since = std::min(since, now);
      absl::Duration wait = turns.Ask(member, now, false);
      if (wait > absl::ZeroDuration()) {
        ASSERT_LE(now + wait - since, members * PartitionTurns::kGap) << "seed " << seed;
        queue.push({now + wait, member});
        continue;
      }
      // One's own pause is the back-off's.
      if (member != last_member) ASSERT_GE(now - last, PartitionTurns::kGap) << "seed " << seed;
      last = now;
      last_member = member;
      since = absl::InfiniteFuture();
      queue.push({now + absl::Milliseconds(1 + random.Below(4000)), member});
    }
  }
}

}  // namespace
}  // namespace braid
