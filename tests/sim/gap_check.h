// What the ledger of gaps promises, against the truth that the model of X kept.
// docs/INVARIANTS.md names the checks.

#ifndef BRAID_TESTS_SIM_GAP_CHECK_H_
#define BRAID_TESTS_SIM_GAP_CHECK_H_

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "braid/store/v1/gaps.pb.h"
#include "dedupe/store.h"
#include "tests/sim/checks.h"
#include "tests/sim/log_view.h"

namespace braid {

struct GapFigures {
  uint64_t opened = 0;
  uint64_t recovered = 0;
  // Posts that X published and the log lacks, inside reported gaps.
  uint64_t reported_posts = 0;
  // Neither in the log nor in a gap, though below the watermark.
  uint64_t silent_posts = 0;
  // Those that are newer than the watermark: not yet promised.
  uint64_t unsettled_posts = 0;
  absl::Duration reported_time;
  // Every gap in the store, by number.
  std::vector<store::v1::StoredGap> ledger;
  // Behind the end of the run, where nothing holds it.
  absl::Duration watermark_lag;
};

// I33: below the watermark every post that X published is in the log or inside
// a gap that was reported.
// I34: an open gap holds no instant that a connection vouches for.
// I35: readers were told of every gap, and of what became of it.
// I36: nothing but an open gap, or a connection that may still bring it, holds
// the watermark back.
void CheckGaps(const Truth& truth, const Store& store, const LogView& log, absl::Time end,
               Failures* failures, GapFigures* figures);

}  // namespace braid

#endif  // BRAID_TESTS_SIM_GAP_CHECK_H_
