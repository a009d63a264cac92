#include "ingest/own_connects.h"

#include <gtest/gtest.h>

namespace braid {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1790000000);
using Ids = std::vector<std::string>;
using Learned = OwnConnects::Learned;

XConnection Entry(const std::string& id, absl::Duration after_start) {
  XConnection entry;
  entry.id = id;
  entry.connected_at = kStart + after_start;
  return entry;
}

// One connect of ours at the start, known as "a".
OwnConnects WithLearned() {
  OwnConnects own;
  own.OnAccepted(kStart, kStart + absl::Milliseconds(200));
  EXPECT_EQ(own.Learn({Entry("a", absl::Milliseconds(100)), Entry("p", absl::Seconds(9))}),
            Learned::kId);
  return own;
}

TEST(OwnConnectsTest, LearnedAndClosedIsStale) {
  OwnConnects own = WithLearned();
  own.OnClosed();
  StaleDecision decision =
      StaleConnections({Entry("a", absl::Milliseconds(100)), Entry("p", absl::Seconds(9))}, own);
  EXPECT_EQ(decision.stale, Ids{"a"});
  EXPECT_TRUE(decision.ambiguous.empty());
}

TEST(OwnConnectsTest, OpenOneIsNeverStale) {
  OwnConnects own = WithLearned();
  StaleDecision decision = StaleConnections({Entry("a", absl::Milliseconds(100))}, own);
  EXPECT_TRUE(decision.stale.empty());
  EXPECT_TRUE(decision.ambiguous.empty());
}

TEST(OwnConnectsTest, PeerThatBeganInTheSameSecondMakesItAmbiguous) {
  OwnConnects own;
  own.OnAccepted(kStart, kStart);
  EXPECT_EQ(own.Learn({Entry("a", absl::ZeroDuration()), Entry("p", absl::Seconds(1))}),
            Learned::kAmbiguous);
  own.OnClosed();
  // Ours is gone: what is left at that time is the peer's.
  StaleDecision decision = StaleConnections({Entry("p", absl::Seconds(1))}, own);
  EXPECT_TRUE(decision.stale.empty());
  EXPECT_EQ(decision.ambiguous, Ids{"p"});
}

TEST(OwnConnectsTest, TimeAloneIsNoProof) {
  OwnConnects own;
  own.OnAccepted(kStart, kStart);
  own.OnClosed();
  StaleDecision decision = StaleConnections({Entry("p", absl::Seconds(1))}, own);
  EXPECT_TRUE(decision.stale.empty());
  EXPECT_EQ(decision.ambiguous, Ids{"p"});
}

TEST(OwnConnectsTest, IdAtAnotherTimeIsNotTheOneWeLearned) {
  OwnConnects own = WithLearned();
  own.OnClosed();
  EXPECT_TRUE(StaleConnections({Entry("a", absl::Minutes(9))}, own).stale.empty());
}

TEST(OwnConnectsTest, EndedEntriesDoNotCount) {
  OwnConnects own = WithLearned();
  own.OnClosed();
  XConnection ended = Entry("a", absl::Milliseconds(100));
  ended.disconnected_at = kStart + absl::Seconds(5);
  StaleDecision decision = StaleConnections({ended}, own);
  EXPECT_TRUE(decision.stale.empty());
  EXPECT_TRUE(decision.ambiguous.empty());
}

TEST(OwnConnectsTest, AbsentIsNotLearned) {
  OwnConnects own;
  own.OnAccepted(kStart, kStart);
  EXPECT_EQ(own.Learn({Entry("p", absl::Minutes(1))}), Learned::kAbsent);
  EXPECT_EQ(own.connects()[0].id, "");
}

TEST(OwnConnectsTest, FileBringsThemBackAllClosed) {
  OwnConnects own = WithLearned();
  own.OnAccepted(kStart + absl::Hours(1), kStart + absl::Hours(1));
  OwnConnects read = OwnConnects::Decode(own.Encode());
  ASSERT_EQ(read.connects().size(), 2u);
  EXPECT_EQ(read.connects()[0].id, "a");
  EXPECT_EQ(read.connects()[0].until, kStart + absl::Milliseconds(200));
  EXPECT_EQ(read.connects()[1].id, "");
  EXPECT_FALSE(read.has_open());
  EXPECT_EQ(StaleConnections({Entry("a", absl::ZeroDuration())}, read).stale, Ids{"a"});
}

TEST(OwnConnectsTest, DamagedLinesAreLeftOut) {
  EXPECT_TRUE(OwnConnects::Decode("1 2\nx y z\n5 4 a\n1 2 a b\n\0\n").connects().empty());
}

TEST(OwnConnectsTest, KeepsTheNewest) {
  OwnConnects own;
  for (size_t i = 0; i < kConnectsMax + 5; ++i) {
    own.OnAccepted(kStart + absl::Minutes(i), kStart + absl::Minutes(i));
  }
  ASSERT_EQ(own.connects().size(), kConnectsMax);
  EXPECT_EQ(own.connects()[0].from, kStart + absl::Minutes(5));
}

}  // namespace
}  // namespace braid
