#include "deploy/gap_counts.h"

#include <gtest/gtest.h>

namespace braid::demo {
namespace {

v1::Gap GapOf(v1::Gap::Kind kind, v1::Gap::State state) {
  v1::Gap gap;
  gap.set_kind(kind);
  gap.set_state(state);
  return gap;
}

TEST(GapCountsTest, BothAreOfTheSameGaps) {
  using v1::Gap;
  EXPECT_EQ(CountGaps({}).opened, 0u);
  const GapCounts counts = CountGaps({
      GapOf(Gap::KIND_TOTAL_OUTAGE, Gap::STATE_RECOVERED),
      GapOf(Gap::KIND_BUFFER_DISCARDED, Gap::STATE_RECOVERED),
      GapOf(Gap::KIND_TOTAL_OUTAGE, Gap::STATE_RECOVERING),
      GapOf(Gap::KIND_TOTAL_OUTAGE, Gap::STATE_LOST),
      GapOf(Gap::KIND_TOTAL_OUTAGE, Gap::STATE_MERGED),
      GapOf(Gap::KIND_VOLUME_DROP, Gap::STATE_OPEN),
      GapOf(Gap::KIND_VOLUME_DROP, Gap::STATE_CLEARED),
  });
  EXPECT_EQ(counts.opened, 4u);
  EXPECT_EQ(counts.recovered, 2u);
}

}  // namespace
}  // namespace braid::demo
