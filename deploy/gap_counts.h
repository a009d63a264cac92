// How many gaps there were and how many of them are filled: of the gaps
// themselves, which outlive the deduper that found them, so that both are of the
// same ones. Pure.

#ifndef BRAID_DEPLOY_GAP_COUNTS_H_
#define BRAID_DEPLOY_GAP_COUNTS_H_

#include <cstdint>
#include <vector>

#include "braid/v1/gap.pb.h"

namespace braid::demo {

struct GapCounts {
  uint64_t opened = 0;
  uint64_t recovered = 0;
};

inline GapCounts CountGaps(const std::vector<v1::Gap>& gaps) {
  GapCounts counts;
  for (const v1::Gap& gap : gaps) {
    // A suspicion lacks nothing that is known, and one that was merged goes on as
    // another.
    bool counts_itself =
        gap.kind() != v1::Gap::KIND_VOLUME_DROP && gap.state() != v1::Gap::STATE_MERGED;
    counts.opened += counts_itself;
    counts.recovered += counts_itself && gap.state() == v1::Gap::STATE_RECOVERED;
  }
  return counts;
}

}  // namespace braid::demo

#endif  // BRAID_DEPLOY_GAP_COUNTS_H_
