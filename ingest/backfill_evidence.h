// Whether the backfill of one connection really brought what was missed. X
// promises at best "up to 5 minutes", may ignore the wish, may mix backfill
// into live data: only what arrived counts.
//
// All times are X time. Pure; on the loop. Bounds: one bucket per 100 ms of
// the time that backfill can reach.

#ifndef BRAID_INGEST_BACKFILL_EVIDENCE_H_
#define BRAID_INGEST_BACKFILL_EVIDENCE_H_

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/optional.h"

namespace braid {

class BackfillEvidence {
 public:
  // Nothing was asked for: no memory, no answer.
  BackfillEvidence() = default;
  // `reach` is how far before the headers backfill was asked for.
  BackfillEvidence(absl::Time head_time, absl::Duration reach);

  // An event of this connection, backfill or live.
  void OnEvent(absl::Time create_time, bool is_backfill);

  struct Question {
    // Where the live cover of this connection began: backfill reaches to it.
    absl::Time until;
    // Created from here on they are live, not backfill.
    absl::Time live_from;
    // Before this connection, events per second.
    double usual_rate = 0;
    // A longer silence between two creation times breaks the evidence.
    absl::Duration silence;
  };
  // Creation time of the oldest event since which what arrived is whole: no
  // silence, at least 10 backfill events, and of those at least half the
  // usual number.
  absl::optional<absl::Time> WholeSince(const Question& question) const;

 private:
  struct Bucket {
    absl::Time oldest = absl::InfiniteFuture();
    absl::Time newest = absl::InfinitePast();
    uint32_t events = 0;
    uint32_t backfill_events = 0;
  };
  absl::Time begin_;
  std::vector<Bucket> buckets_;
};

}  // namespace braid

#endif  // BRAID_INGEST_BACKFILL_EVIDENCE_H_
