// Rules of X through real processes: braid asks a deduper, a connector does it,
// readers see the version in order with the events.

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/harness/binaries.h"
#include "tests/harness/wait.h"
#include "tests/integration/cluster_test_base.h"

namespace braid::integration {
namespace {

class Rules : public ClusterTest {
 protected:
  std::string File(const std::string& name, const std::string& text) {
    std::string path = absl::StrCat(dir(), "/", name);
    EXPECT_TRUE(harness::WriteFile(path, text).ok());
    return path;
  }
  v1::RuleSet RuleSet() { return harness::GetStatus(cluster().log_address())->rule_set(); }

  // The status is sampled once a second.
  void ExpectRules(uint64_t version, uint32_t count) {
    absl::Status status = harness::WaitUntil("rules", absl::Seconds(10), [&] {
      return RuleSet().version() == version && RuleSet().count() == count;
    });
    EXPECT_TRUE(status.ok()) << version << ", " << count << " but " << RuleSet().DebugString();
  }
};

TEST_F(Rules, AreListedAddedRemovedAndSynced) {
  ASSERT_NO_FATAL_FAILURE(StartCluster());
  // The workers list them at their start.
  ASSERT_STATUS_OK(harness::WaitUntil("rules listed", absl::Seconds(30),
                                      [&] { return RuleSet().version() > 0; }));
  uint64_t version = RuleSet().version();
  uint32_t before = RuleSet().count();

  auto [added, added_text] = Braid({"rules", "add", "snow lang:en", "(cat", "--tag", "t"});
  EXPECT_EQ(added, 1) << added_text;
  EXPECT_TRUE(absl::StrContains(added_text, "added  snow lang:en")) << added_text;
  EXPECT_TRUE(absl::StrContains(added_text, "refused  (cat")) << added_text;
  ExpectRules(version + 1, before + 1);

  auto [listed, listed_text] = Braid({"rules", "ls"});
  EXPECT_EQ(listed, 0) << listed_text;
  EXPECT_TRUE(absl::StrContains(listed_text, "snow lang:en")) << listed_text;

  std::string wanted =
      File("rules.yaml", "rules:\n- value: cat lang:en\n  tag: pets\n- value: dog\n");
  auto [tried, tried_text] = Braid({"rules", "sync", wanted, "--yes", "--dry-run"});
  EXPECT_EQ(tried, 0) << tried_text;
  EXPECT_TRUE(absl::StrContains(tried_text, "would add  cat lang:en")) << tried_text;
  ExpectRules(version + 1, before + 1);
  auto [refused, refused_text] = Braid({"rules", "sync", wanted});
  EXPECT_EQ(refused, 1) << refused_text;
  EXPECT_TRUE(absl::StrContains(refused_text, "--yes")) << refused_text;
  auto [synced, synced_text] = Braid({"rules", "sync", wanted, "--yes"});
  EXPECT_EQ(synced, 0) << synced_text;
  EXPECT_TRUE(absl::StrContains(synced_text, "removed  snow lang:en")) << synced_text;
  ExpectRules(version + 2, 2);
  auto [removed, removed_text] = Braid({"rules", "rm", "dog"});
  EXPECT_EQ(removed, 0) << removed_text;
  ExpectRules(version + 3, 1);

  ASSERT_STATUS_OK(cluster().Drain(absl::Minutes(1)));
  ExpectLogIsTheTruth(harness::StayedUp);
  ExpectCleanStop();
}

TEST_F(Rules, AFileWithErrorsIsRefusedWithTheirPlaces) {
  ASSERT_NO_FATAL_FAILURE(StartCluster());
  std::string wrong = File("wrong.yaml", "rules:\n- value: cat\n  tga: pets\n");
  auto [code, text] = Braid({"rules", "sync", wrong, "--yes"});
  EXPECT_EQ(code, 2) << text;
  EXPECT_TRUE(absl::StrContains(text, "wrong.yaml:3:3: unknown key \"tga\"")) << text;
  ExpectCleanStop();
}

TEST_F(Rules, ATaskOutlivesItsWorkerAndTheDeduper) {
  harness::ClusterOptions options;
  options.connector_count = 1;
  ASSERT_NO_FATAL_FAILURE(StartCluster(options));
  ASSERT_STATUS_OK(harness::WaitUntil("rules listed", absl::Seconds(30),
                                      [&] { return RuleSet().version() > 0; }));
  uint32_t before = RuleSet().count();
  cluster().connector(0).Kill();
  auto [code, text] = Braid({"rules", "add", "snow", "--wait", "1"});
  EXPECT_EQ(code, 1) << text;
  EXPECT_TRUE(absl::StrContains(text, "goes on")) << text;
  cluster().deduper().Kill();
  ASSERT_STATUS_OK(cluster().deduper().Start());
  ASSERT_STATUS_OK(cluster().connector(0).Start());
  ASSERT_STATUS_OK(harness::WaitUntil("rule added", absl::Minutes(1),
                                      [&] { return RuleSet().count() == before + 1; }));
  ExpectCleanStop();
}

TEST_F(Rules, ALimitRemovesTheRulesItNames) {
  harness::ClusterOptions options;
  options.emulator.rate = 20;
  options.stream_yaml =
      "    limits: [{per: day, posts: 1500, action: remove_rules, rules: [dear]}]\n";
  ASSERT_NO_FATAL_FAILURE(StartCluster(options));
  ASSERT_STATUS_OK(harness::WaitUntil("rules listed", absl::Seconds(30),
                                      [&] { return RuleSet().version() > 0; }));
  uint32_t before = RuleSet().count();
  auto [dear, dear_text] = Braid({"rules", "add", "coffee", "weather", "--tag", "dear"});
  ASSERT_EQ(dear, 0) << dear_text;
  auto [cheap, cheap_text] = Braid({"rules", "add", "cat lang:en", "--tag", "cheap"});
  ASSERT_EQ(cheap, 0) << cheap_text;
  ASSERT_STATUS_OK(harness::WaitUntil("rules added", absl::Seconds(10),
                                      [&] { return RuleSet().count() == before + 3; }));
  ASSERT_STATUS_OK(cluster().emulator().SetRate(2000));
  absl::Status removed = harness::WaitUntil("rules removed", absl::Seconds(60),
                                            [&] { return RuleSet().count() == before + 1; });
  auto [listed, listed_text] = Braid({"rules", "ls"});
  EXPECT_TRUE(removed.ok()) << listed_text
                            << harness::GetStatus(cluster().log_address())->posts_today();
  EXPECT_TRUE(absl::StrContains(listed_text, "cat lang:en")) << listed_text;
  EXPECT_FALSE(absl::StrContains(listed_text, "dear")) << listed_text;
  ExpectCleanStop();
}

TEST_F(Rules, WhatXCountsStandsBesideWhatWeCount) {
  ASSERT_NO_FATAL_FAILURE(StartCluster());
  ASSERT_STATUS_OK(cluster().WaitForEvents(500, absl::Minutes(1)));
  // It asks when it starts, and then every 20 minutes.
  cluster().connector(0).Kill();
  ASSERT_STATUS_OK(cluster().connector(0).Start());
  std::string text;
  absl::Status shown = harness::WaitUntil("X's usage", absl::Seconds(30), [&] {
    text = Braid({"usage", "--days", "1", "-o", "json"}).output;
    return absl::StrContains(text, "xPosts");
  });
  EXPECT_TRUE(shown.ok()) << text;
  auto [code, table] = Braid({"usage", "--days", "1"});
  EXPECT_EQ(code, 0) << table;
  EXPECT_TRUE(absl::StrContains(table, "X SAYS")) << table;
  EXPECT_TRUE(absl::StrContains(table, "posts this month")) << table;
  ExpectCleanStop();
}

}  // namespace
}  // namespace braid::integration
