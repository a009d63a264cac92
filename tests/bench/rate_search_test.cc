#include "tests/bench/rate_search.h"

#include <gtest/gtest.h>

namespace braid::bench {
namespace {

double Search(double limit, RateSearchOptions options = {}) {
  RateSearch search(options);
  while (search.Next().has_value()) search.Report(*search.Next() <= limit);
  return search.best();
}

TEST(RateSearch, FindsTheLimitWithinItsPrecision) {
  for (double limit : {3000.0, 10000.0, 47000.0, 143199.0}) {
    double best = Search(limit);
    EXPECT_LE(best, limit);
    EXPECT_GE(best, limit * 0.94);
  }
}

TEST(RateSearch, StopsAtItsMaximum) { EXPECT_EQ(Search(1e9), 400000); }

TEST(RateSearch, NothingHeldIsZero) { EXPECT_EQ(Search(0), 0); }

}  // namespace
}  // namespace braid::bench
