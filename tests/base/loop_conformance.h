// What every Loop promises, run over the real one and the simulator's.
// A test file makes a harness per implementation and instantiates the suite.

#ifndef BRAID_TESTS_BASE_LOOP_CONFORMANCE_H_
#define BRAID_TESTS_BASE_LOOP_CONFORMANCE_H_

#include <functional>
#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "base/loop.h"
#include "gtest/gtest.h"

namespace braid {

class LoopHarness {
 public:
  virtual ~LoopHarness() = default;
  virtual Loop& loop() = 0;
  // Runs `first` as a turn and then others until a turn calls Done.
  virtual void RunUntilDone(Loop::Turn first) = 0;
  virtual void Done() = 0;
};

using LoopHarnessFactory = std::function<std::unique_ptr<LoopHarness>()>;

class LoopConformance : public testing::TestWithParam<LoopHarnessFactory> {
 protected:
  std::unique_ptr<LoopHarness> harness_ = GetParam()();
  Loop& loop_ = harness_->loop();
};

TEST_P(LoopConformance, PostedTurnsRunInTheOrderOfTheCalls) {
  std::vector<int> order;
  harness_->RunUntilDone([&] {
    for (int i = 0; i < 100; ++i) loop_.Post([&order, i] { order.push_back(i); });
    loop_.Post([&] { harness_->Done(); });
  });
  ASSERT_EQ(order.size(), 100);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[i], i);
}

TEST_P(LoopConformance, PostNeverRunsTheTurnAtOnce) {
  bool ran = false;
  harness_->RunUntilDone([&] {
    loop_.Post([&] {
      ran = true;
      harness_->Done();
    });
    EXPECT_FALSE(ran);
  });
  EXPECT_TRUE(ran);
}

TEST_P(LoopConformance, TimersFireInTheOrderOfTheirTimes) {
  std::vector<int> order;
  harness_->RunUntilDone([&] {
    loop_.After(absl::Milliseconds(9), [&] {
      order.push_back(9);
      harness_->Done();
    });
    loop_.After(absl::Milliseconds(1), [&] { order.push_back(1); });
    loop_.After(absl::Milliseconds(5), [&] { order.push_back(5); });
    loop_.After(absl::Milliseconds(5), [&] { order.push_back(6); });
  });
  EXPECT_EQ(order, (std::vector<int>{1, 5, 6, 9}));
}

TEST_P(LoopConformance, TimerNeverFiresEarly) {
  absl::Duration waited;
  harness_->RunUntilDone([&] {
    loop_.After(absl::Milliseconds(7), [&, start = loop_.Now()] {
      waited = loop_.Now() - start;
      harness_->Done();
    });
  });
  EXPECT_GE(waited, absl::Milliseconds(7));
}

TEST_P(LoopConformance, CancelledTimerDoesNotRun) {
  bool ran = false;
  harness_->RunUntilDone([&] {
    const Loop::TimerId id = loop_.After(absl::Milliseconds(1), [&] { ran = true; });
    loop_.After(absl::Milliseconds(5), [&] { harness_->Done(); });
    loop_.Cancel(id);
    loop_.Cancel(id);
    loop_.Cancel(12345678);
  });
  EXPECT_FALSE(ran);
}

TEST_P(LoopConformance, TimerCanCancelAnotherThatIsDueAtTheSameTime) {
  bool ran = false;
  Loop::TimerId second = 0;
  harness_->RunUntilDone([&] {
    loop_.After(absl::Milliseconds(2), [&] { loop_.Cancel(second); });
    second = loop_.After(absl::Milliseconds(2), [&] { ran = true; });
    loop_.After(absl::Milliseconds(6), [&] { harness_->Done(); });
  });
  EXPECT_FALSE(ran);
}

TEST_P(LoopConformance, CancelDestroysWhatTheTurnHolds) {
  auto held = std::make_shared<int>(1);
  harness_->RunUntilDone([&] {
    const Loop::TimerId id = loop_.After(absl::Hours(1), [held] {});
    EXPECT_EQ(held.use_count(), 2);
    loop_.Cancel(id);
    EXPECT_EQ(held.use_count(), 1);
    harness_->Done();
  });
}

TEST_P(LoopConformance, NegativeDelayIsNoDelay) {
  harness_->RunUntilDone([&] { loop_.After(-absl::Hours(1), [&] { harness_->Done(); }); });
}

TEST_P(LoopConformance, InfiniteDelayNeverFiresAndCanBeCancelled) {
  bool ran = false;
  harness_->RunUntilDone([&] {
    const Loop::TimerId id = loop_.After(absl::InfiniteDuration(), [&] { ran = true; });
    loop_.After(absl::Milliseconds(2), [&, id] {
      loop_.Cancel(id);
      harness_->Done();
    });
  });
  EXPECT_FALSE(ran);
}

TEST_P(LoopConformance, NowIsConstantInOneTurn) {
  harness_->RunUntilDone([&] {
    const absl::Time first = loop_.Now();
    for (int i = 0; i < 100'000; ++i) ASSERT_EQ(loop_.Now(), first);
    harness_->Done();
  });
}

TEST_P(LoopConformance, SelfRenewingTimerDoesNotStarvePostedTurns) {
  std::function<void()> renew = [&] { loop_.After(absl::ZeroDuration(), [&] { renew(); }); };
  harness_->RunUntilDone([&] {
    renew();
    loop_.Post([&] { loop_.Post([&] { harness_->Done(); }); });
  });
}

}  // namespace braid

#endif  // BRAID_TESTS_BASE_LOOP_CONFORMANCE_H_
