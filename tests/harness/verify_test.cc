#include "tests/harness/verify.h"

#include <gtest/gtest.h>

namespace braid::harness {
namespace {

std::vector<LogItem> GoodLog() { return {{1, 30}, {2, 10}, {3, 0}, {4, 20}}; }

Expectation GoodExpectation() { return {{20, 10, 30, 40, 10}, {10, 20, 30}}; }

TEST(Verify, LogThatHoldsWhatWasSentIsFine) {
  Verdict verdict = Verify(GoodLog(), GoodExpectation());
  EXPECT_TRUE(verdict.ok()) << verdict.ToString();
  EXPECT_EQ(verdict.events, 3u);
  EXPECT_EQ(verdict.required, 3u);
}

TEST(Verify, RequiredEventThatIsNotThereIsMissing) {
  std::vector<LogItem> log = GoodLog();
  log.pop_back();
  Verdict verdict = Verify(log, GoodExpectation());
  EXPECT_EQ(verdict.missing.count, 1u);
  EXPECT_EQ(verdict.missing.examples, std::vector<uint64_t>{20});
  EXPECT_FALSE(verdict.ok());
}

TEST(Verify, SameIdAtTwoSequencesIsDoubled) {
  std::vector<LogItem> log = GoodLog();
  log.push_back({5, 10});
  Verdict verdict = Verify(log, GoodExpectation());
  EXPECT_EQ(verdict.doubled.examples, std::vector<uint64_t>{10});
  EXPECT_FALSE(verdict.ok());
}

TEST(Verify, IdThatWasNeverSentIsStrange) {
  std::vector<LogItem> log = GoodLog();
  log.push_back({5, 50});
  Verdict verdict = Verify(log, GoodExpectation());
  EXPECT_EQ(verdict.strange.examples, std::vector<uint64_t>{50});
  EXPECT_FALSE(verdict.ok());
}

TEST(Verify, JumpAndRepetitionOfSequencesAreSparse) {
  std::vector<LogItem> log = GoodLog();
  log[2].sequence = 2;
  Verdict verdict = Verify(log, GoodExpectation());
  EXPECT_EQ(verdict.sparse.count, 2u);
  EXPECT_FALSE(verdict.ok());
}

TEST(Verify, ReportNamesTheFirstExamplesOnly) {
  Expectation expectation = GoodExpectation();
  for (uint64_t id = 100; id < 200; ++id) expectation.required.push_back(id);
  EXPECT_EQ(Verify(GoodLog(), expectation).ToString(),
            "3 events, 103 required, 100 missing (100, 101, 102, 103, 104, ...)");
}

TEST(Rewritten, OtherIdAtASeenSequenceIsARewrite) {
  std::vector<LogItem> log = GoodLog();
  EXPECT_EQ(Rewritten(log, log).count, 0u);
  std::vector<LogItem> swapped = log;
  std::swap(swapped[0].id, swapped[1].id);
  EXPECT_EQ(Rewritten(log, swapped).count, 2u);
}

TEST(Rewritten, SeenSequenceThatIsGoneIsARewrite) {
  std::vector<LogItem> shorter = GoodLog();
  shorter.pop_back();
  EXPECT_EQ(Rewritten(GoodLog(), shorter).examples, std::vector<uint64_t>{4});
}

}  // namespace
}  // namespace braid::harness
