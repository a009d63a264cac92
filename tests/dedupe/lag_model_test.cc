#include "dedupe/lag_model.h"

#include <gtest/gtest.h>

#include <vector>

namespace braid {
namespace {

absl::Time At(int second) { return absl::FromUnixSeconds(1'704'067'200 + second); }

// Seconds [from, until) of ten posts a second with that lag; the changes told.
std::vector<LagModel::Change> Feed(int from, int until, absl::Duration lag, LagModel* model) {
  std::vector<LagModel::Change> told;
  for (int second = from; second < until; ++second) {
    if (auto change = model->OnTick(At(second))) told.push_back(*change);
    for (int i = 0; i < 10; ++i) model->OnPost(lag);
  }
  return told;
}

TEST(LagModelTest, QuantilesOfTheLastMinute) {
  LagModel model({}, {});
  Feed(0, 60, absl::Seconds(2), &model);
  for (int i = 0; i < 30; ++i) model.OnPost(absl::Seconds(50));
  model.OnTick(At(60));
  EXPECT_NEAR(model.state().p50_micros() / 1e6, 2.0, 0.4);
  EXPECT_NEAR(model.state().p99_micros() / 1e6, 50, 10);
}

TEST(LagModelTest, ALagThatLastsIsToldOnceAndItsEndToo) {
  LagModel model({}, {});
  EXPECT_TRUE(Feed(0, 300, absl::Seconds(1), &model).empty());
  auto began = Feed(300, 1200, absl::Seconds(60), &model);
  ASSERT_EQ(began.size(), 1u);
  EXPECT_TRUE(began[0].began);
  EXPECT_EQ(began[0].since, At(300));
  auto ended = Feed(1200, 2400, absl::Seconds(1), &model);
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_FALSE(ended[0].began);
}

TEST(LagModelTest, TwoSlowMinutesAreNothing) {
  LagModel model({}, {});
  Feed(0, 120, absl::Seconds(1), &model);
  EXPECT_TRUE(Feed(120, 240, absl::Seconds(60), &model).empty());
  EXPECT_TRUE(Feed(240, 900, absl::Seconds(1), &model).empty());
}

TEST(LagModelTest, ARestartGoesOn) {
  LagModel before({}, {});
  Feed(0, 150, absl::Seconds(60), &before);
  LagModel after({}, before.state());
  EXPECT_EQ(Feed(150, 300, absl::Seconds(60), &after).size(), 1u);
}

TEST(LagModelTest, AnAbsurdLagHasAPlaceToo) {
  LagModel model({}, {});
  model.OnPost(-absl::Hours(1));
  model.OnPost(absl::Hours(100'000));
  model.OnTick(At(60));
  EXPECT_GT(model.state().p99_micros(), model.state().p50_micros() - 1);
}

}  // namespace
}  // namespace braid
