#include "base/interval_set.h"

#include <cstdint>
#include <random>
#include <set>
#include <vector>

#include "gtest/gtest.h"

namespace braid {
namespace {

constexpr int64_t kEnd = 40;

std::vector<Interval> RunsOf(const std::set<int64_t>& values) {
  std::vector<Interval> runs;
  for (int64_t value : values) {
    if (!runs.empty() && runs.back().until == value) {
      ++runs.back().until;
    } else {
      runs.push_back({value, value + 1});
    }
  }
  return runs;
}

// Every answer of the set against a set of single numbers.
void ExpectSame(const IntervalSet& set, const std::set<int64_t>& values) {
  ASSERT_EQ(set.Intervals(), RunsOf(values));
  EXPECT_EQ(set.empty(), values.empty());
  EXPECT_EQ(set.size(), RunsOf(values).size());
  for (int64_t from = -1; from <= kEnd; ++from) {
    EXPECT_EQ(set.Contains(from), values.count(from) > 0);
    int64_t reach = from;
    while (values.count(reach) > 0) ++reach;
    EXPECT_EQ(set.ReachFrom(from), reach);
    for (int64_t until = from - 1; until <= kEnd; until += 3) {
      std::set<int64_t> in, out;
      for (int64_t v = from; v < until; ++v) (values.count(v) > 0 ? in : out).insert(v);
      Interval interval{from, until};
      EXPECT_EQ(set.Covers(interval), out.empty());
      EXPECT_EQ(set.Within(interval), RunsOf(in));
      EXPECT_EQ(set.Missing(interval), RunsOf(out));
      EXPECT_EQ(set.Measure(interval), static_cast<int64_t>(in.size()));
    }
  }
}

TEST(IntervalSetTest, AnswersAsASetOfSingleNumbersWould) {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    std::mt19937 random(seed);
    IntervalSet set;
    std::set<int64_t> values;
    for (int step = 0; step < 25; ++step) {
      Interval interval{static_cast<int64_t>(random() % kEnd), 0};
      interval.until = interval.from + static_cast<int64_t>(random() % 9) - 1;
      bool adds = random() % 3 != 0;
      if (adds) {
        set.Add(interval);
      } else {
        set.Subtract(interval);
      }
      for (int64_t v = interval.from; v < interval.until; ++v) {
        if (adds) {
          values.insert(v);
        } else {
          values.erase(v);
        }
      }
      ExpectSame(set, values);
    }
  }
}

TEST(IntervalSetTest, IntervalsThatTouchAreOne) {
  IntervalSet set;
  set.Add({0, 10});
  set.Add({20, 30});
  set.Add({10, 20});
  EXPECT_EQ(set.Intervals(), (std::vector<Interval>{{0, 30}}));
}

TEST(IntervalSetTest, NearFindsWhatOverlapsAndWhatTouches) {
  IntervalSet set;
  set.Add({0, 10});
  set.Add({20, 30});
  set.Add({40, 50});
  EXPECT_EQ(set.Near({10, 20}), (std::vector<Interval>{{0, 10}, {20, 30}}));
  EXPECT_EQ(set.Near({11, 19}), (std::vector<Interval>{}));
  EXPECT_EQ(set.Near({25, 45}), (std::vector<Interval>{{20, 30}, {40, 50}}));
}

TEST(IntervalSetTest, ForgettingKeepsWhatGoesOnWhole) {
  IntervalSet set;
  set.Add({0, 10});
  set.Add({20, 30});
  set.ForgetBefore(25);
  EXPECT_EQ(set.Intervals(), (std::vector<Interval>{{20, 30}}));
}

TEST(IntervalSetTest, AUnionHoldsBoth) {
  IntervalSet one, other;
  one.Add({0, 10});
  other.Add({5, 15});
  other.Add({30, 31});
  one.Add(other);
  EXPECT_EQ(one.Intervals(), (std::vector<Interval>{{0, 15}, {30, 31}}));
}

}  // namespace
}  // namespace braid
