#include "ingest/x_dialect.h"

#include <set>

#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace braid {
namespace {

TEST(DialectTest, EveryNameIsFoundAndEveryRowIsComplete) {
  std::set<std::string> urls;
  ASSERT_EQ(DialectNames().size(), 22);
  for (const std::string& name : DialectNames()) {
    const Dialect* dialect = FindDialect(name);
    ASSERT_NE(dialect, nullptr) << name;
    EXPECT_EQ(dialect->name, name);
    EXPECT_TRUE(absl::StartsWith(dialect->url, "https://")) << name;
    EXPECT_TRUE(urls.insert(std::string(dialect->url)).second) << name << ": two rows, one URL";
    EXPECT_GT(dialect->stall_after, dialect->heartbeat) << name;
    EXPECT_GT(dialect->connect_budget.attempts, 0) << name;
    EXPECT_GT(dialect->connect_budget.window, absl::ZeroDuration()) << name;
    EXPECT_GE(dialect->slots, 1) << name;
    bool is_gnip = dialect->family == XFamily::kGnip;
    EXPECT_EQ(dialect->auth == XAuth::kBasic, is_gnip) << name;
    EXPECT_EQ(dialect->gzip_required, is_gnip) << name;
    EXPECT_EQ(absl::StrContains(dialect->url, "{account}"), is_gnip) << name;
    EXPECT_EQ(dialect->over_limit == OverLimit::kGraceNewest, is_gnip) << name;
  }
}

TEST(DialectTest, PartitionsAreThoseThatXNames) {
  for (auto [name, partitions] :
       std::vector<std::pair<const char*, int>>{{"x-v2-filtered", 0},
                                                {"x-v2-sample10", 2},
                                                {"x-v2-firehose", 20},
                                                {"x-v2-firehose-en", 8},
                                                {"x-v2-firehose-ja", 2},
                                                {"x-v2-posts-compliance", 4},
                                                {"gnip-compliance", 8},
                                                {"gnip-powertrack", 0},
                                                {"powerstream", 0}}) {
    EXPECT_EQ(FindDialect(name)->partitions, partitions) << name;
  }
}

TEST(DialectTest, ParametersAreSpelledByFamily) {
  EXPECT_EQ(BackfillParameter(XFamily::kV2), "backfill_minutes");
  EXPECT_EQ(BackfillParameter(XFamily::kPowerstream), "backfillMinutes");
  EXPECT_EQ(StartTimeParameter(XFamily::kGnip), "startTime");
  EXPECT_EQ(EndTimeParameter(XFamily::kV2), "end_time");
}

TEST(DialectTest, TheOldNameStillWorksAndOthersDoNot) {
  EXPECT_EQ(FindDialect("x-v2"), FindDialect("x-v2-filtered"));
  EXPECT_EQ(FindDialect("x-v3"), nullptr);
  EXPECT_EQ(FindDialect(""), nullptr);
}

TEST(DialectTest, OnlyTheSampleAndLikesHaveNoRecovery) {
  std::set<std::string> without;
  for (const std::string& name : DialectNames()) {
    if (!FindDialect(name)->has_recovery) without.insert(name);
  }
  EXPECT_EQ(without, (std::set<std::string>{"gnip-sample10-likes", "x-v2-sample"}));
}

}  // namespace
}  // namespace braid
