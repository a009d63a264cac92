#include "tests/sim/scenario.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace braid {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kDown[] = R"(
world: {rate: 10, minutes: 15}
steps:
  - {at: 300, do: "/down?for=60"}
expect:
  gaps:
    - {kind: TOTAL_OUTAGE, from: 290, until: 365, within: 5, state: OPEN}
  notices:
    - {type: GAP_OPENED, from: 300, until: 310}
  never: [LEAK_BEGAN]
)";

std::string Problem(const std::string& text) {
  return std::string(ParseScenario(text).status().message());
}

store::v1::StoredGap GapAt(const WorldReport& report, double from, double until) {
  store::v1::StoredGap gap;
  gap.set_number(1);
  gap.set_kind(v1::Gap::KIND_TOTAL_OUTAGE);
  gap.set_state(v1::Gap::STATE_OPEN);
  gap.set_from_micros(absl::ToUnixMicros(report.start + absl::Seconds(from)));
  gap.set_detect_micros(absl::ToUnixMicros(report.start + absl::Seconds(303)));
  gap.set_until_micros(absl::ToUnixMicros(report.start + absl::Seconds(until)));
  return gap;
}

v1::StreamNotice NoticeAt(const WorldReport& report, v1::StreamNotice::Type type, double at) {
  v1::StreamNotice notice;
  notice.set_type(type);
  notice.mutable_notice_time()->set_seconds(absl::ToUnixSeconds(report.start + absl::Seconds(at)));
  return notice;
}

WorldReport AsExpected() {
  WorldReport report;
  report.start = absl::FromUnixSeconds(1'704'067'200);
  report.ledger.push_back(GapAt(report, 291, 364));
  report.notices.push_back(NoticeAt(report, v1::StreamNotice::TYPE_GAP_OPENED, 303));
  return report;
}

TEST(ScenarioTest, WhatIsAsExpectedIsNoFailure) {
  EXPECT_THAT(CompareScenario(*ParseScenario(kDown), AsExpected()), IsEmpty());
}

TEST(ScenarioTest, AGapThatIsOffIsToldWithWhatIsThereInstead) {
  WorldReport report = AsExpected();
  report.ledger[0] = GapAt(report, 291, 400);
  EXPECT_THAT(CompareScenario(*ParseScenario(kDown), report),
              ElementsAre("gap 1 of 1: until 365, within 5 expected; it is KIND_TOTAL_OUTAGE 291 "
                          "to 400, STATE_OPEN, told 303, rule set 0"));
}

TEST(ScenarioTest, GapsTooFewAndTooManyAreTold) {
  WorldReport report = AsExpected();
  report.ledger.push_back(GapAt(report, 500, 510));
  EXPECT_THAT(CompareScenario(*ParseScenario(kDown), report),
              ElementsAre(HasSubstr("gap 2 of 1: not expected at all: KIND_TOTAL_OUTAGE 500")));
  report.ledger.clear();
  EXPECT_THAT(CompareScenario(*ParseScenario(kDown), report),
              ElementsAre("gap 1 of 1: there is none"));
}

TEST(ScenarioTest, ANoticeAtAnotherTimeAndOneThatIsNeverExpectedAreTold) {
  WorldReport report = AsExpected();
  report.notices[0] = NoticeAt(report, v1::StreamNotice::TYPE_GAP_OPENED, 400);
  report.notices.push_back(NoticeAt(report, v1::StreamNotice::TYPE_LEAK_BEGAN, 410));
  EXPECT_THAT(CompareScenario(*ParseScenario(kDown), report),
              ElementsAre("TYPE_GAP_OPENED from 300 to 310 expected; there is one at 400",
                          HasSubstr("TYPE_LEAK_BEGAN is never expected; there is one at 410")));
}

TEST(ScenarioTest, SilentPostsAreTold) {
  WorldReport report = AsExpected();
  report.silent_posts = 2;
  EXPECT_THAT(CompareScenario(*ParseScenario(kDown), report),
              ElementsAre("2 posts are missing silently; 0 expected"));
}

TEST(ScenarioTest, MistakesInTheFileAreNamedWithTheirPlace) {
  const std::string world = "world: {rate: 1, minutes: 1}\n";
  EXPECT_THAT(Problem("world: {rat: 1}\nexpect: {gaps: []}"), HasSubstr("line 1, column 9"));
  EXPECT_THAT(Problem(world + "steps: [{at: 1, do: /dawn}]\nexpect: {gaps: []}"),
              HasSubstr("no such command"));
  EXPECT_THAT(Problem(world + "steps: [{at: 1, do: /down}]\nexpect: {gaps: []}"),
              HasSubstr("says no for"));
  EXPECT_THAT(Problem(world + "steps: [{at: 1, do: \"/down?for=x\"}]\nexpect: {gaps: []}"),
              HasSubstr("for is to be a number"));
  EXPECT_THAT(Problem(world + "steps: [{at: 1, do: \"/pause?connection=1\"}]\nexpect: {gaps: []}"),
              HasSubstr("connection means nothing here"));
  EXPECT_THAT(Problem(world + "expect: {}"), HasSubstr("want gaps or gaps_max"));
  EXPECT_THAT(Problem(world + "expect: {gaps: [{kind: HOLE, from: 1, until: 2, state: OPEN}]}"),
              HasSubstr("no such word: KIND_HOLE"));
}

}  // namespace
}  // namespace braid
