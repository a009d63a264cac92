// How soon gaps are told, how much of what they report was really missing, and
// that none comes back: from the log and the truth that the model of X kept.
// docs/INVARIANTS.md states the bounds.

#ifndef BRAID_TESTS_SIM_GAP_BOUNDS_H_
#define BRAID_TESTS_SIM_GAP_BOUNDS_H_

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "braid/store/v1/gaps.pb.h"
#include "tests/sim/checks.h"
#include "tests/sim/log_view.h"

namespace braid {

struct GapBoundFigures {
  // Sums and maxima.
  void Add(const GapBoundFigures& other);

  // Gaps that no connection could bring any more, and the longest time from
  // then to the word; from the first missing instant to the word.
  uint64_t told = 0;
  absl::Duration told_after_max;
  absl::Duration noticed_after_max;
  // Gaps that were measured; those that report more than twice the outage, two
  // heartbeats, the longest slack of the run and 2 s: they hold silences, or several ends.
  uint64_t measured = 0;
  uint64_t beyond_plain = 0;
  // The most that one reports beyond it.
  absl::Duration beyond_plain_max;
};

// I43: a gap is told within 5 s of when each connection had passed it or could
// not bring it.
void CheckTolds(const LogView& log, Failures* failures, GapBoundFigures* figures);
// I44: what a gap reports is bounded by what was missing.
void CheckReportedTime(const Truth& truth, const LogView& log,
                       const std::vector<store::v1::StoredGap>& ledger, Failures* failures,
                       GapBoundFigures* figures);
// I45: what was closed opens again as part of nothing.
void CheckReopened(const LogView& log, Failures* failures);

}  // namespace braid

#endif  // BRAID_TESTS_SIM_GAP_BOUNDS_H_
