#include "ingest/x_budget.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "ingest/attempt_ledger.h"
#include "tests/base/mem_file_system.h"
#include "tests/sim/sim_loop.h"

namespace braid {
namespace {

constexpr ConnectBudget kShare = {3, absl::Minutes(1)};

absl::Time At(int seconds) { return absl::UnixEpoch() + absl::Seconds(seconds); }

TEST(AttemptWindowTest, ItWaitsUntilTheOldestAnswerIsOneWindowOld) {
  AttemptWindow window(kShare);
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(window.Wait(At(i)), absl::ZeroDuration());
    window.OnReached(window.Begin(At(i)), At(i + 5));
  }
  EXPECT_EQ(window.used(At(10)), 3);
  EXPECT_EQ(window.Wait(At(10)), absl::Seconds(55));
  EXPECT_EQ(window.Wait(At(65)), absl::ZeroDuration());
}

TEST(AttemptWindowTest, WhatNeverReachedXIsGivenBack) {
  AttemptWindow window(kShare);
  uint64_t last = 0;
  for (int i = 0; i < 3; ++i) last = window.Begin(At(0));
  // One under way may be given back any moment.
  EXPECT_EQ(window.Wait(At(0)), absl::Seconds(10));
  window.OnUnreached(last);
  EXPECT_EQ(window.Wait(At(1)), absl::ZeroDuration());
}

TEST(AttemptWindowTest, AShareThatShrankIsWaitedFor) {
  AttemptWindow window(kShare);
  for (int i = 0; i < 5; ++i) window.Restore(At(i));
  // Three of the five must have left.
  EXPECT_EQ(window.Wait(At(5)), absl::Seconds(57));
}

TEST(AgeOfTest, IsNeverMoreThanCertain) {
  HostTime then{At(1000), At(50000)};
  EXPECT_EQ(AgeOf(then, {At(1100), At(50100)}), absl::Seconds(100));
  // The wall clock was set, forward or back.
  EXPECT_EQ(AgeOf(then, {At(1100), At(90000)}), absl::Seconds(100));
  EXPECT_EQ(AgeOf(then, {At(1100), At(100)}), absl::ZeroDuration());
  // The machine was restarted.
  EXPECT_EQ(AgeOf(then, {At(10), At(50400)}), absl::Seconds(400));
}

constexpr char kPath[] = "/spool/connect-budget";

// A process with two connections that share a budget; killed at any moment.
class LedgerTest : public testing::Test {
 protected:
  LedgerTest() { EXPECT_TRUE(files_.CreateDir("/spool").ok()); }

  struct Process {
    Process(Loop& loop, FileSystem& files)
        : ledger(loop, files, kPath, [](absl::Status status) { FAIL() << status; }) {
      EXPECT_TRUE(ledger.Load().ok());
      AttemptWindow& window = ledger.WindowOf({"acct", "x-v2-filtered"}, kShare);
      for (int i = 0; i < 2; ++i) {
        gates.push_back(
            std::make_unique<SharedGate>(ledger, window, turns, [] { return false; }));
      }
    }
    AttemptLedger ledger;
    PartitionTurns turns;
    std::vector<std::unique_ptr<SharedGate>> gates;
  };

  SimLoop loop_;
  MemFileSystem files_{loop_};
};

// X's view: an attempt arrives between its beginning and its answer.
TEST_F(LedgerTest, NoWindowHoldsMoreThanTheShareWhateverIsKilledAndNobodyIsStuck) {
  for (int seed = 1; seed <= 300; ++seed) {
    SeededRandom random(static_cast<uint64_t>(seed));
    ASSERT_TRUE(files_.Remove(kPath).ok() || seed == 1);
    auto process = std::make_unique<Process>(loop_, files_);
    std::vector<absl::Time> arrivals;
    absl::Time last_arrival = loop_.Now();
    for (int step = 0; step < 400; ++step) {
      SharedGate& gate = *process->gates[random.Below(2)];
      if (gate.Ask(loop_.Now()).wait == absl::ZeroDuration()) {
        bool arrives = random.Below(5) > 0;
        loop_.RunFor(absl::Milliseconds(random.Below(3000)));
        if (arrives) arrivals.push_back(last_arrival = loop_.Now());
        loop_.RunFor(absl::Milliseconds(random.Below(3000)));
        if (random.Below(3) == 0) {
          process = std::make_unique<Process>(loop_, files_);
        } else if (arrives) {
          gate.OnReached(loop_.Now());
        } else {
          gate.OnUnreached();
        }
      } else if (random.Below(20) == 0) {
        process = std::make_unique<Process>(loop_, files_);
      }
      if (random.Below(10) == 0) {
        loop_.SetWallOffset(absl::Seconds(random.Below(100000)) - absl::Seconds(50000));
      }
      // A minute is the window, and a few unlucky ones follow one another.
      ASSERT_LT(loop_.Now() - last_arrival, absl::Minutes(10)) << "stuck, seed " << seed;
      loop_.RunFor(absl::Milliseconds(random.Below(8000)));
    }
    for (size_t i = 3; i < arrivals.size(); ++i) {
      ASSERT_GE(arrivals[i] - arrivals[i - 3], kShare.window) << "seed " << seed;
    }
    ASSERT_GT(arrivals.size(), 20);
  }
}

TEST_F(LedgerTest, AnotherAccountIsCountedApartAndKeptWhileNobodyUsesIt) {
  Process process(loop_, files_);
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(process.gates[0]->Ask(loop_.Now()).wait, absl::ZeroDuration());
    process.gates[0]->OnReached(loop_.Now());
  }
  EXPECT_EQ(process.gates[0]->Ask(loop_.Now()).reason, "budget");
  // An earlier process used the account; this one does not, the next does.
  AttemptLedger between(loop_, files_, kPath, [](absl::Status) {});
  ASSERT_TRUE(between.Load().ok());
  EXPECT_EQ(between.WindowOf({"other", "x-v2-filtered"}, kShare).used(loop_.Now()), 0);
  between.Save();
  AttemptLedger after(loop_, files_, kPath, [](absl::Status) {});
  ASSERT_TRUE(after.Load().ok());
  EXPECT_EQ(after.WindowOf({"acct", "x-v2-filtered"}, kShare).used(loop_.Now()), 3);
}

TEST_F(LedgerTest, AForeignFileIsRefusedByName) {
  ASSERT_TRUE(files_.Replace(kPath, "holiday").ok());
  AttemptLedger ledger(loop_, files_, kPath, [](absl::Status) {});
  absl::Status status = ledger.Load();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(status.message().find(kPath), absl::string_view::npos) << status;
}

TEST_F(LedgerTest, AFailedWriteIsToldOnce) {
  int told = 0;
  AttemptLedger ledger(loop_, files_, "/nowhere/connect-budget", [&](absl::Status) { ++told; });
  ledger.Save();
  ledger.Save();
  EXPECT_EQ(told, 1);
}

}  // namespace
}  // namespace braid
