#include "tests/sim/sim_loop.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/base/loop_conformance.h"
#include "tests/sim/freezable_loop.h"

namespace braid {
namespace {

class SimLoopHarness final : public LoopHarness {
 public:
  Loop& loop() override { return loop_; }
  void RunUntilDone(Loop::Turn first) override {
    loop_.Post(std::move(first));
    while (!done_) ASSERT_TRUE(loop_.Step());
  }
  void Done() override { done_ = true; }

 private:
  SimLoop loop_;
  bool done_ = false;
};

INSTANTIATE_TEST_SUITE_P(SimLoop, LoopConformance, testing::Values(LoopHarnessFactory([] {
                           return std::make_unique<SimLoopHarness>();
                         })));

class FreezableLoopHarness final : public LoopHarness {
 public:
  Loop& loop() override { return loop_; }
  void RunUntilDone(Loop::Turn first) override {
    loop_.Post(std::move(first));
    while (!done_) ASSERT_TRUE(world_.Step());
  }
  void Done() override { done_ = true; }

 private:
  SimLoop world_;
  FreezableLoop loop_{world_};
  bool done_ = false;
};

INSTANTIATE_TEST_SUITE_P(FreezableLoop, LoopConformance, testing::Values(LoopHarnessFactory([] {
                           return std::make_unique<FreezableLoopHarness>();
                         })));

TEST(FreezableLoop, WhatComesDueMeanwhileRunsAfterwardsInOrder) {
  SimLoop world;
  FreezableLoop process(world);
  std::string ran;
  process.After(absl::Seconds(1), [&] { ran += "a"; });
  process.After(absl::Seconds(3), [&] { ran += "c"; });
  const Loop::TimerId cancelled = process.After(absl::Seconds(2), [&] { ran += "x"; });
  process.After(absl::Seconds(2), [&] { ran += "b"; });
  process.After(absl::Seconds(10), [&] { ran += "d"; });
  world.RunFor(absl::Milliseconds(1500));
  EXPECT_EQ(ran, "a");
  process.Freeze(absl::Seconds(5));
  world.RunFor(absl::Seconds(4));
  EXPECT_EQ(ran, "a");
  EXPECT_TRUE(process.frozen());
  process.Cancel(cancelled);
  world.RunFor(absl::Seconds(2));
  EXPECT_EQ(ran, "abc");
  EXPECT_FALSE(process.frozen());
  world.RunFor(absl::Seconds(5));
  EXPECT_EQ(ran, "abcd");
}

TEST(SimLoop, RunUntilRunsWhatIsDueAndMovesTime) {
  SimLoop loop;
  const absl::Time start = loop.Now();
  int fired = 0;
  loop.After(absl::Hours(1), [&] { ++fired; });
  loop.After(absl::Hours(3), [&] { ++fired; });
  loop.RunUntil(start + absl::Hours(2));
  EXPECT_EQ(fired, 1);
  EXPECT_EQ(loop.Now(), start + absl::Hours(2));
  EXPECT_EQ(loop.pending_count(), 1);
}

TEST(SimLoop, StepSaysWhenNothingIsLeft) {
  SimLoop loop;
  loop.Post([] {});
  EXPECT_TRUE(loop.Step());
  EXPECT_FALSE(loop.Step());
}

TEST(SimLoop, WallClockJumpsWithoutMovingNow) {
  SimLoop loop(absl::FromUnixSeconds(1000));
  const absl::Time now = loop.Now();
  loop.RunFor(absl::Seconds(5));
  EXPECT_EQ(loop.WallNow(), absl::FromUnixSeconds(1005));
  loop.SetWallOffset(-absl::Hours(1));
  EXPECT_EQ(loop.WallNow(), absl::FromUnixSeconds(1005 - 3600));
  EXPECT_EQ(loop.Now(), now + absl::Seconds(5));
}

}  // namespace
}  // namespace braid
