#include "base/real_loop.h"

#include <atomic>
#include <thread>

#include "base/mutex.h"
#include "gtest/gtest.h"
#include "tests/base/loop_conformance.h"

namespace braid {
namespace {

class RealLoopHarness final : public LoopHarness {
 public:
  Loop& loop() override { return loop_; }
  void RunUntilDone(Loop::Turn first) override {
    loop_.Post(std::move(first));
    loop_.RunInThisThread();
  }
  void Done() override { loop_.Stop(); }

 private:
  RealLoop loop_;
};

INSTANTIATE_TEST_SUITE_P(RealLoop, LoopConformance, testing::Values(LoopHarnessFactory([] {
                           return std::make_unique<RealLoopHarness>();
                         })));

TEST(RealLoop, PostsOfManyThreadsAllRunAndKeepEachThreadsOrder) {
  constexpr int kThreads = 4;
  constexpr int kPosts = 5000;
  std::vector<int> next(kThreads, 0);
  bool in_order = true;
  RealLoop loop;
  loop.Start();
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kPosts; ++i) {
        loop.Post([&, t, i] { in_order = in_order && next[t]++ == i; });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  loop.Stop();
  EXPECT_TRUE(in_order);
  for (int count : next) EXPECT_EQ(count, kPosts);
  EXPECT_EQ(loop.pending_count(), 0);
}

TEST(RealLoop, StopRunsWhatWasPostedBeforeAndNotTimers) {
  RealLoop loop;
  int turns = 0;
  loop.After(absl::Hours(1), [&] { turns += 100; });
  for (int i = 0; i < 10; ++i) loop.Post([&] { ++turns; });
  loop.Start();
  loop.Stop();
  EXPECT_EQ(turns, 10);
}

TEST(RealLoop, TurnsPostedAfterStopDoNotRunAndAreDestroyedWithTheLoop) {
  auto held = std::make_shared<int>(0);
  {
    RealLoop loop;
    loop.Start();
    loop.Stop();
    loop.Post([held] { ++*held; });
    EXPECT_EQ(held.use_count(), 2);
  }
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(*held, 0);
}

TEST(RealLoop, StopFromATurnEndsTheLoopWithoutWaitingForItself) {
  RealLoop loop;
  loop.Start();
  loop.Post([&] { loop.Stop(); });
}

TEST(RealLoop, PostWakesALoopThatWaitsForALaterTimer) {
  RealLoop loop;
  loop.After(absl::Hours(1), [] {});
  loop.Start();
  Mutex mu;
  CondVar ran_changed;
  bool ran = false;
  loop.Post([&] {
    MutexLock lock(&mu);
    ran = true;
    ran_changed.NotifyAll();
  });
  MutexLock lock(&mu);
  while (!ran) ran_changed.Wait(&mu);
}

TEST(RealLoop, WallNowIsTheHostsDate) {
  RealLoop loop;
  EXPECT_GT(loop.WallNow(), absl::FromUnixSeconds(1704067200));
}

}  // namespace
}  // namespace braid
