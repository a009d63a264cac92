#include "deploy/growing_count.h"

#include <gtest/gtest.h>

namespace braid::demo {
namespace {

TEST(GrowingCount, WhatWasThereAtTheStartDoesNotCount) {
  GrowingCount count;
  count.See(1000);
  count.Begin();
  EXPECT_EQ(count.growth(), 0);
  count.See(1250);
  EXPECT_EQ(count.growth(), 250);
}

TEST(GrowingCount, ACounterThatBeginsAnewGoesOn) {
  GrowingCount count;
  count.See(70);
  count.See(20);
  count.See(25);
  EXPECT_EQ(count.growth(), 95);
  EXPECT_EQ(count.last(), 25);
}

}  // namespace
}  // namespace braid::demo
