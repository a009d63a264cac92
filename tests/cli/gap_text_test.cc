#include "cli/gap_text.h"

#include <gtest/gtest.h>

#include "proto/proto_time.h"

namespace braid {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1790000000);

v1::Gap GapOf(uint64_t number) {
  v1::Gap gap;
  gap.set_name("streams/main/gaps/" + std::to_string(number));
  gap.set_kind(v1::Gap::KIND_TOTAL_OUTAGE);
  gap.set_state(v1::Gap::STATE_OPEN);
  SetTime(kNow - absl::Minutes(3), gap.mutable_range()->mutable_start_time());
  SetTime(kNow - absl::Minutes(1), gap.mutable_range()->mutable_end_time());
  gap.mutable_missing()->set_value(1234.4);
  gap.mutable_missing()->set_low(1180);
  gap.mutable_missing()->set_high(1290);
  v1::Gap::Route* route = gap.add_routes();
  route->set_route("backfill");
  SetTime(kNow - absl::Seconds(1), route->mutable_until_time());
  route = gap.add_routes();
  route->set_route("recovery");
  SetTime(kNow + absl::Hours(2), route->mutable_until_time());
  return gap;
}

TEST(GapTextTest, AListShowsWhatIsMissingAndWhatStillWorks) {
  v1::ListGapsResponse list;
  *list.add_gaps() = GapOf(7);
  std::string text = RenderGaps(list.gaps(), kNow, 0);
  EXPECT_NE(text.find("7"), std::string::npos);
  EXPECT_NE(text.find("total outage"), std::string::npos);
  EXPECT_NE(text.find("2 min"), std::string::npos);
  EXPECT_NE(text.find("1,234 (1,180-1,290)"), std::string::npos);
  EXPECT_NE(text.find("recovery for 2 h"), std::string::npos);
  EXPECT_EQ(text.find("backfill"), std::string::npos) << "it works no more";
  EXPECT_EQ(RenderGaps({}, kNow, 0), "No gaps.\n");
}

TEST(GapTextTest, AGrowingGapHasNoEnd) {
  v1::Gap gap = GapOf(7);
  gap.mutable_range()->clear_end_time();
  EXPECT_NE(RenderGap(gap, kNow).find("still growing"), std::string::npos);
  EXPECT_NE(RenderGap(gap, kNow).find(", growing"), std::string::npos);
  EXPECT_NE(RenderGapLine(gap).find("now, growing"), std::string::npos);
}

TEST(GapTextTest, EvidenceIsEscaped) {
  v1::Gap gap = GapOf(7);
  gap.add_evidence()->set_text("ended by \x1b[31m");
  EXPECT_NE(RenderGap(gap, kNow).find("\\x1b[31m"), std::string::npos);
}

TEST(GapTextTest, CoverageIsALineOfCharacters) {
  v1::QueryCoverageResponse coverage;
  SetTime(kNow, coverage.mutable_range()->mutable_start_time());
  SetTime(kNow + absl::Seconds(5), coverage.mutable_range()->mutable_end_time());
  SetDuration(absl::Seconds(1), coverage.mutable_bucket());
  v1::CoverageRow* row = coverage.add_rows();
  row->set_connection_id("fra-a");
  for (float covered : {1.0f, 0.5f, 0.0f, 0.0f, 0.0f}) row->add_buckets()->set_covered(covered);
  v1::CoverageRow* merged = coverage.add_rows();
  merged->add_buckets()->set_covered(1);
  merged->add_buckets()->set_covered(0.5);
  merged->mutable_buckets(1)->add_gaps(1);
  merged->add_buckets()->add_gaps(1);
  merged->add_buckets()->set_pending(1);
  merged->add_buckets();
  std::string text = RenderCoverage(coverage);
  EXPECT_NE(text.find("fra-a   #+..."), std::string::npos) << text;
  EXPECT_NE(text.find("merged  #xX?."), std::string::npos) << text;
}

}  // namespace
}  // namespace braid
