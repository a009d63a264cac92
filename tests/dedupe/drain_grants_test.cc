#include "dedupe/drain_grants.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "proto/proto_time.h"

namespace braid {
namespace {

using Outcome = DrainDecision::Outcome;
const absl::Time kStart = absl::FromUnixSeconds(1790000000);

class DrainGrantsTest : public testing::Test {
 protected:
  DrainGrantsTest() {
    for (const char* name : {"a", "b"}) Add(name);
  }
  void Add(const std::string& name) {
    SourceSnapshot source;
    source.source_id = name;
    sources_.push_back(source);
    Receive(&sources_.back(), absl::Hours(1));
  }
  SourceSnapshot& Of(const std::string& name) {
    for (SourceSnapshot& source : sources_) {
      if (source.source_id == name) return source;
    }
    return sources_[0];
  }
  // Receives since then.
  void Receive(SourceSnapshot* source, absl::Duration since = absl::ZeroDuration()) {
    source->connected = true;
    source->session_epoch = 1;
    source->receiving_since = now_ - since;
    source->report.set_state(v1::ConnectionReport::STATE_RECEIVING);
    source->has_received = true;
    Refresh();
  }
  void Refresh() {
    for (SourceSnapshot& source : sources_) {
      source.report_time = now_;
      SetTime(now_, source.report.mutable_report_time());
      SetTime(now_, source.report.mutable_last_byte_time());
    }
  }
  void Pass(absl::Duration time) {
    now_ += time;
    Refresh();
  }
  void Leave(const std::string& name) {
    Of(name).report.set_state(v1::ConnectionReport::STATE_BACKING_OFF);
  }
  DrainDecision Ask(const std::string& name, bool force = false) {
    DrainDecision decision = grants_.Decide({name, false, force}, sources_, now_);
    if (decision.outcome == Outcome::kGranted) told_[name] = decision.number;
    return decision;
  }
  // Does what it was told last.
  void Obey(const std::string& name) {
    Of(name).report.set_obeyed_directive(told_[name]);
    Leave(name);
  }
  void Expect(const std::string& name, Outcome outcome, const std::string& peer) {
    DrainDecision decision = Ask(name);
    EXPECT_EQ(decision.outcome, outcome) << name;
    EXPECT_EQ(decision.peer, peer) << name;
  }

  absl::Time now_ = kStart;
  std::map<std::string, uint64_t> told_;
  std::vector<SourceSnapshot> sources_;
  // Its deduper has run for long.
  DrainGrants grants_{DrainGrants::Options(), kStart - absl::Hours(1), 70};
};

TEST_F(DrainGrantsTest, SecondDrainWaitsUntilTheFirstIsBackAndSettled) {
  Expect("a", Outcome::kGranted, "b");
  // Its report has not changed yet.
  Expect("b", Outcome::kGrantedToOther, "a");
  Obey("a");
  Expect("b", Outcome::kGrantedToOther, "a");
  Receive(&Of("a"));
  Expect("b", Outcome::kPeerNotSettled, "a");
  Pass(absl::Seconds(15));
  Expect("b", Outcome::kGranted, "a");
}

// It had been cut just before, and has yet to hear that it is let go.
TEST_F(DrainGrantsTest, WhoConnectedAnewByItselfIsNotBack) {
  Add("c");
  Expect("a", Outcome::kGranted, "b");
  Leave("a");
  Receive(&Of("a"), absl::Seconds(20));
  Of("a").report.set_connects(2);
  Expect("b", Outcome::kGrantedToOther, "a");
  Obey("a");
  Receive(&Of("a"), absl::Seconds(20));
  Expect("b", Outcome::kGranted, "a");
}

TEST_F(DrainGrantsTest, WhoIsToldTwiceIsBackAfterTheSecond) {
  Expect("a", Outcome::kGranted, "b");
  const uint64_t first = told_["a"];
  Expect("a", Outcome::kGranted, "b");
  Of("a").report.set_obeyed_directive(first);
  Expect("b", Outcome::kGrantedToOther, "a");
  Obey("a");
  Receive(&Of("a"), absl::Seconds(20));
  Expect("b", Outcome::kGranted, "a");
}

TEST_F(DrainGrantsTest, NobodyIsLetGoWhoseOnlyPeerDoesNotReceive) {
  Leave("b");
  Expect("a", Outcome::kPeerNotReceiving, "b");
  sources_.pop_back();
  Expect("a", Outcome::kPeerNotReceiving, "");
}

TEST_F(DrainGrantsTest, ReportThatIsOldDoesNotReceive) {
  now_ += absl::Seconds(6);
  Expect("a", Outcome::kPeerNotReceiving, "b");
}

TEST_F(DrainGrantsTest, SilentConnectionCanNotBeTold) {
  Of("a").connected = false;
  Expect("a", Outcome::kAway, "");
  Expect("c", Outcome::kUnknown, "");
}

TEST_F(DrainGrantsTest, WhoIsPausedMayGoThoughNobodyReceives) {
  for (SourceSnapshot& source : sources_) {
    source.report.set_state(v1::ConnectionReport::STATE_PAUSED);
  }
  Expect("a", Outcome::kGranted, "");
  Expect("b", Outcome::kGranted, "");
  // The pause ends before a is back.
  Receive(&Of("b"));
  Expect("b", Outcome::kGrantedToOther, "a");
}

TEST_F(DrainGrantsTest, GrantEndsByItself) {
  Expect("a", Outcome::kGranted, "b");
  Pass(absl::Minutes(5) - absl::Seconds(1));
  Expect("b", Outcome::kGrantedToOther, "a");
  Pass(absl::Seconds(1));
  Expect("b", Outcome::kGranted, "a");
}

TEST_F(DrainGrantsTest, SameConnectionMayBeAskedAgain) {
  Expect("a", Outcome::kGranted, "b");
  Expect("a", Outcome::kGranted, "b");
}

TEST_F(DrainGrantsTest, NewProcessIsBackToo) {
  Expect("a", Outcome::kGranted, "b");
  Receive(&Of("a"), absl::Minutes(1));
  Of("a").session_epoch = 2;
  Expect("b", Outcome::kGranted, "a");
}

TEST_F(DrainGrantsTest, ThirdConnectionDoesNotExcuseASecondDrain) {
  Add("c");
  Expect("a", Outcome::kGranted, "b");
  Expect("b", Outcome::kGrantedToOther, "a");
  Expect("c", Outcome::kGrantedToOther, "a");
}

TEST_F(DrainGrantsTest, AfterAStartNobodyIsLetGoBesideOneThatMayHaveBeen) {
  Add("c");
  Leave("c");
  Of("c").has_received = false;
  DrainGrants restarted(DrainGrants::Options(), now_ - absl::Seconds(20), 0);
  DrainDecision decision = restarted.Decide({"a", false, false}, sources_, now_);
  EXPECT_EQ(decision.outcome, Outcome::kPeerNotSeen);
  EXPECT_EQ(decision.peer, "c");
  EXPECT_EQ(decision.wait, absl::Seconds(280));
  // Nothing is wanted of one that is paused.
  Of("c").report.set_state(v1::ConnectionReport::STATE_PAUSED);
  EXPECT_EQ(restarted.Decide({"a", false, false}, sources_, now_).outcome, Outcome::kGranted);
  Leave("c");
  // What the deduper saw leave by itself was let go by nobody.
  Of("c").has_received = true;
  EXPECT_EQ(restarted.Decide({"a", false, false}, sources_, now_).outcome, Outcome::kGranted);
}

TEST_F(DrainGrantsTest, WhoIsAwaySinceTheStartCountsAsGoneForAsLongAsAGrant) {
  Add("c");
  Leave("c");
  Of("c").has_received = false;
  DrainGrants restarted(DrainGrants::Options(), now_, 0);
  Pass(absl::Minutes(5) - absl::Seconds(1));
  EXPECT_EQ(restarted.Decide({"a", false, false}, sources_, now_).outcome, Outcome::kPeerNotSeen);
  Pass(absl::Seconds(1));
  EXPECT_EQ(restarted.Decide({"a", false, false}, sources_, now_).outcome, Outcome::kGranted);
}

TEST_F(DrainGrantsTest, OtherPartitionIsAnotherMatter) {
  Add("c");
  Of("a").partitions = Of("b").partitions = {1};
  Of("c").partitions = {2};
  for (SourceSnapshot& source : sources_) source.all_partitions = false;
  Expect("a", Outcome::kGranted, "b");
  Expect("c", Outcome::kPeerNotReceiving, "");
}

TEST_F(DrainGrantsTest, ForceAsksNobodyButNeedsACall) {
  Expect("a", Outcome::kGranted, "b");
  EXPECT_EQ(Ask("b", true).outcome, Outcome::kGranted);
  Of("b").connected = false;
  EXPECT_EQ(Ask("b", true).outcome, Outcome::kAway);
}

}  // namespace
}  // namespace braid
