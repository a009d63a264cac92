#include "cli/gap_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1790000000);

size_t LongestLine(const std::string& text) {
  size_t longest = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) longest = std::max(longest, line.size());
  return longest;
}

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
  std::string text = RenderGaps(list.gaps(), absl::nullopt, kNow, 0);
  EXPECT_NE(text.find("7"), std::string::npos);
  EXPECT_NE(text.find("total outage"), std::string::npos);
  EXPECT_NE(text.find("2 min"), std::string::npos);
  EXPECT_NE(text.find("1,234 (1,180-1,290)"), std::string::npos);
  EXPECT_NE(text.find("recovery for 2 h"), std::string::npos);
  EXPECT_EQ(text.find("backfill"), std::string::npos) << "it works no more";
  EXPECT_EQ(RenderGaps({}, absl::nullopt, kNow, 0), "No gaps.\n");
}

TEST(GapTextTest, AGrowingGapHasNoEnd) {
  v1::Gap gap = GapOf(7);
  gap.mutable_range()->clear_end_time();
  EXPECT_NE(RenderGap(gap, absl::nullopt, kNow, 0).find("still growing"), std::string::npos);
  EXPECT_NE(RenderGap(gap, absl::nullopt, kNow, 0).find(", growing"), std::string::npos);
  EXPECT_NE(RenderGapLine(gap).find("now, growing"), std::string::npos);
}

TEST(GapTextTest, EvidenceIsEscaped) {
  v1::Gap gap = GapOf(7);
  gap.add_evidence()->set_text("ended by \x1b[31m");
  EXPECT_NE(RenderGap(gap, absl::nullopt, kNow, 0).find("\\x1b[31m"), std::string::npos);
}

TEST(GapTextTest, NothingIsLostInEightyColumns) {
  v1::Gap gap = GapOf(7);
  gap.set_kind(v1::Gap::KIND_BUFFER_DISCARDED);
  gap.add_evidence()->set_text(
      "receives nothing from X; its last connection ended by connection_reset at "
      "2026-09-21T14:10:00.123+00:00; has vouched for nothing after 2026-09-21T14:09:50.123+00:00");
  gap.mutable_evidence(0)->set_connection_id("fra-a");
  v1::ListGapsResponse list;
  *list.add_gaps() = gap;
  const std::string in_list = RenderGaps(list.gaps(), absl::nullopt, kNow, 80);
  const std::string alone = RenderGap(gap, absl::nullopt, kNow, 80);
  for (const std::string& text : {in_list, alone}) {
    EXPECT_LE(LongestLine(text), 80u) << text;
    for (const char* part : {"1,234 (1,180-1,290)", "recovery for 2 h", "buffer discarded"}) {
      EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
    }
  }
  EXPECT_NE(in_list.find("\n     MISSING 1,234 (1,180-1,290); STILL WORKS recovery for 2 h"),
            std::string::npos)
      << in_list;
  EXPECT_NE(alone.find("\n              connection ended by"), std::string::npos) << alone;
}

TEST(GapTextTest, ANarrowedGapSaysWhyItBeginsAfterItWasFound) {
  v1::Gap gap = GapOf(7);
  SetTime(ToTime(gap.range().start_time()) - absl::Seconds(2), gap.mutable_detect_time());
  EXPECT_NE(RenderGap(gap, absl::nullopt, kNow, 0).find(", narrowed since it was found\n"),
            std::string::npos);
  SetTime(kNow, gap.mutable_detect_time());
  EXPECT_EQ(RenderGap(gap, absl::nullopt, kNow, 0).find("narrowed"), std::string::npos);
}

TEST(GapTextTest, OfARecoveredGapNothingIsMissing) {
  v1::ListGapsResponse list;
  *list.add_gaps() = GapOf(7);
  list.mutable_gaps(0)->set_state(v1::Gap::STATE_RECOVERED);
  EXPECT_EQ(RenderGaps(list.gaps(), absl::nullopt, kNow, 0).find("1,234"), std::string::npos);
  EXPECT_NE(RenderGap(list.gaps(0), absl::nullopt, kNow, 0)
                .find("nothing any more; it was 1,234 (1,180-1,290), by the usual rate"),
            std::string::npos);
}

TEST(GapTextTest, AnEstimateSaysWhatItDoesNotCount) {
  const std::string part = "what came since is not taken off";
  v1::Gap gap = GapOf(7);
  EXPECT_EQ(RenderGap(gap, absl::nullopt, kNow, 0).find(part), std::string::npos);
  gap.set_filled_events(600);
  EXPECT_NE(RenderGap(gap, absl::nullopt, kNow, 0).find(part), std::string::npos);
  gap.set_state(v1::Gap::STATE_RECOVERED);
  EXPECT_EQ(RenderGap(gap, absl::nullopt, kNow, 0).find(part), std::string::npos);
}

TEST(GapTextTest, SaysWhereNobodyMayAskX) {
  const v1::Gap gap = GapOf(7);
  GapRecovery recovery;
  recovery.is_configured = false;
  EXPECT_EQ(NextText(gap, recovery, kNow),
            "nobody asks X: the deduper's configuration has no recovery:");
}

TEST(GapTextTest, SaysWhatHappensNext) {
  struct Case {
    const char* name;
    std::vector<v1::RecoveryJob::State> jobs;
    // Of the gap that the first was for.
    absl::Duration length;
    bool automatic;
    std::string next;
  };
  const absl::Duration kAll = absl::Minutes(2);
  const std::string by_hand = "braid recover --gap 7 (no job starts by itself: ";
  using Job = v1::RecoveryJob;
  const Case cases[] = {
      {"cancelled", {Job::STATE_CANCELLED}, kAll, true, by_hand + "job 1 was cancelled)"},
      {"failed", {Job::STATE_FAILED}, kAll, true, by_hand + "job 1 failed)"},
      {"none yet",
       {},
       kAll,
       true,
       "a job starts by itself, as far as quotas allow (braid job quota)"},
      {"the rest is planned",
       {Job::STATE_CANCELLED},
       absl::Minutes(1),
       true,
       "a job starts by itself, as far as quotas allow (braid job quota)"},
      {"one runs", {Job::STATE_CANCELLED, Job::STATE_RUNNING}, kAll, true, "job 2 running"},
      {"by hand only", {}, kAll, false, by_hand + "recovery.automatic is false)"},
      {"by hand, and one runs", {Job::STATE_PLANNED}, kAll, false, "job 1 planned"},
  };
  for (const Case& c : cases) {
    v1::Gap gap = GapOf(7);
    GapRecovery recovery;
    recovery.automatic = c.automatic;
    for (size_t i = 0; i < c.jobs.size(); ++i) {
      std::string name = "streams/main/recoveryJobs/" + std::to_string(i + 1);
      gap.add_recovery_jobs(name);
      v1::RecoveryJob& job = recovery.jobs[name];
      job.set_state(c.jobs[i]);
      *job.mutable_range() = gap.range();
      SetTime(ToTime(gap.range().start_time()) + c.length,
              job.mutable_range()->mutable_end_time());
    }
    const std::string next = NextText(gap, recovery, kNow);
    EXPECT_EQ(next, c.next) << c.name;
    v1::ListGapsResponse list;
    *list.add_gaps() = gap;
    for (const std::string& text :
         {RenderGap(gap, recovery, kNow, 0), RenderGaps(list.gaps(), recovery, kNow, 0)}) {
      EXPECT_NE(text.find(next), std::string::npos) << text;
    }
    v1::Gap grows = gap;
    grows.mutable_range()->clear_end_time();
    if (c.jobs.empty() && c.automatic) {
      EXPECT_EQ(NextText(grows, recovery, kNow), "a job starts by itself once it has ended");
    }
    gap.set_state(v1::Gap::STATE_LOST);
    EXPECT_EQ(NextText(gap, recovery, kNow), "");
    gap.set_state(v1::Gap::STATE_OPEN);
    EXPECT_EQ(NextText(gap, recovery, kNow + absl::Hours(3)), "") << "X has it no more";
  }
}

TEST(GapTextTest, LongRowsOfCoverageGoOnInFurtherBlocks) {
  v1::QueryCoverageResponse coverage;
  SetTime(kNow, coverage.mutable_range()->mutable_start_time());
  SetTime(kNow + absl::Minutes(2), coverage.mutable_range()->mutable_end_time());
  SetDuration(absl::Seconds(1), coverage.mutable_bucket());
  v1::CoverageRow* row = coverage.add_rows();
  row->set_connection_id("fra-a");
  for (int i = 0; i < 120; ++i) row->add_buckets()->set_covered(i < 90 ? 1 : 0);
  const std::string text = RenderCoverage(coverage, 80);
  EXPECT_LE(LongestLine(text), 80u) << text;
  EXPECT_NE(text.find("from 2026-09-21 14:13:20.000\nfra-a   " + std::string(60, '#') + "\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("from 2026-09-21 14:14:20.000\nfra-a   " + std::string(30, '#') +
                      std::string(30, '.') + "\n"),
            std::string::npos)
      << text;
  EXPECT_NE(RenderCoverage(coverage, 0).find("fra-a   " + std::string(90, '#')),
            std::string::npos)
      << "a pipe has room";
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
  std::string text = RenderCoverage(coverage, 0);
  EXPECT_NE(text.find("fra-a   #+..."), std::string::npos) << text;
  EXPECT_NE(text.find("merged  #xX?."), std::string::npos) << text;
}

}  // namespace
}  // namespace braid
