#include "dedupe/comparison.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <set>

#include "base/random.h"

namespace braid {
namespace {

using Delivery = Comparison::Delivery;

Delivery Of(int64_t second, uint64_t key, int place, int64_t after_micros = 100'000) {
  return {second, key, true, place, second * 1'000'000 + after_micros};
}

const std::vector<int> kNoTags;

TEST(ComparisonTest, AnEventIsCountedOnceByWhoBroughtIt) {
  Comparison open;
  open.Add(Of(10, 1, 0), 5, std::vector<int>{2});
  open.Add(Of(10, 1, 1), 6, kNoTags);
  open.Add(Of(10, 1, 1), 7, kNoTags);
  open.Add(Of(10, 2, 1), 8, kNoTags);
  EXPECT_EQ(open.FirstSequence(), 5u);
  Comparison::Figures figures = open.Close(10, 3);
  EXPECT_EQ(figures.events[0], (std::map<uint32_t, uint64_t>{{2, 1}, {3, 1}}));
  EXPECT_EQ(figures.events[2], (std::map<uint32_t, uint64_t>{{3, 1}}));
  EXPECT_EQ(figures.odd, std::vector<uint64_t>{2});
  EXPECT_EQ(open.key_count(), 0u);
  EXPECT_EQ(open.NextOpen(0), std::numeric_limits<int64_t>::max());
}

TEST(ComparisonTest, WhatWasNotDeliveredLiveTellsTagsOnly) {
  Comparison open;
  open.Add(Of(10, 1, -1), 5, std::vector<int>{2});
  EXPECT_TRUE(open.HoldsTag(2));
  EXPECT_TRUE(open.Close(10, 3).events.empty());
  open.Add(Of(11, 1, -1), 5, std::vector<int>{2});
  open.Add(Of(11, 1, 0), 5, kNoTags);
  EXPECT_EQ(open.Close(11, 3).events[2], (std::map<uint32_t, uint64_t>{{1, 1}}));
}

TEST(ComparisonTest, SkewIsBetweenTheFirstTwoCopies) {
  Comparison open;
  open.Add(Of(10, 1, 1, 500'000), 5, kNoTags);
  open.Add(Of(10, 1, 0, 520'000), 5, kNoTags);
  open.Add(Of(10, 1, 2, 900'000), 5, kNoTags);
  Comparison::Figures figures = open.Close(10, 7);
  ASSERT_EQ(figures.skews.size(), 1u);
  // 20 ms: above 16, at most 32.
  EXPECT_EQ((figures.skews[{0, 1}][5]), 1u);
}

TEST(ComparisonTest, WhatXSentLateSaysNothingOfWhoLacksIt) {
  Comparison open;
  open.Add(Of(10, 1, 0, 9'000'000), 5, kNoTags);
  open.Add(Of(10, 2, 0, 9'000'000), 5, kNoTags);
  open.Add(Of(10, 2, 1, 9'000'000), 5, kNoTags);
  open.Add(Of(10, 3, 0, 7'000'000), 5, kNoTags);
  Comparison::Figures figures = open.Close(10, 3, 8'000'000);
  EXPECT_EQ(figures.events[0], (std::map<uint32_t, uint64_t>{{1, 1}, {3, 1}}));
  EXPECT_EQ(figures.odd, std::vector<uint64_t>{3});
}

TEST(ComparisonTest, FiguresAreThoseOfANaiveModel) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SeededRandom random(seed);
    Comparison open;
    // Second → key → places, tag.
    std::map<int64_t, std::map<uint64_t, std::set<int>>> brought;
    auto tag_of = [](uint64_t key) { return static_cast<int>(key % 4); };
    for (int i = 0; i < 3000; ++i) {
      uint64_t key = random.Below(300);
      int64_t second = static_cast<int64_t>(key % 10);
      int place = static_cast<int>(random.Below(4));
      bool is_first = brought[second][key].empty();
      std::vector<int> tags;
      if (is_first && tag_of(key) > 0) tags = {tag_of(key)};
      brought[second][key].insert(place);
      open.Add(Of(second, key, place), 1, tags);
    }
    for (const auto& [second, keys] : brought) {
      uint32_t panel = static_cast<uint32_t>(1 + random.Below(15));
      std::map<int, std::map<uint32_t, uint64_t>> expected;
      std::vector<uint64_t> odd;
      for (const auto& [key, places] : keys) {
        uint32_t mask = 0;
        for (int place : places) mask |= 1u << place;
        ++expected[0][mask];
        if (tag_of(key) > 0) ++expected[tag_of(key)][mask];
        if ((mask & panel) != panel) odd.push_back(key);
      }
      if (odd.size() > Comparison::kSamplesMax) odd.resize(Comparison::kSamplesMax);
      Comparison::Figures figures = open.Close(second, panel);
      EXPECT_EQ(figures.events, expected) << seed;
      EXPECT_EQ(figures.odd, odd) << seed;
    }
    EXPECT_EQ(open.key_count(), 0u);
  }
}

}  // namespace
}  // namespace braid
