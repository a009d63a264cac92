// What this session may vouch for: "everything I was sent that was created in
// [from, until) stands before this record". Written between frames at least
// once a second and at every end.
//
// Every rule here was kept because leaving it out lost events silently in
// simulation; docs/decisions/ holds the argument.
//
// All times are X time. Pure; on the loop. Bounds: Options::samples_max
// lateness samples and a fixed set of rate buckets.

#ifndef BRAID_INGEST_COVER_H_
#define BRAID_INGEST_COVER_H_

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "braid/v1/ingest_service.pb.h"

namespace braid {

class CoverTracker {
 public:
  // How a connection begins, as far as vouching cares.
  struct Start {
    absl::Time head_time;
    // Minutes of backfill asked for; 0 for none.
    int backfill_minutes = 0;
    // The connection before it was cut for a full buffer: X keeps nothing.
    bool after_full_buffer = false;
  };

  // The head of a 200 answer arrived.
  void OnStart(const Start& start);
  // X time moved forward: a `from` not yet used moves too.
  void OnClockMoved(absl::Time x_now);
  // Returns the origin of the event: BACKFILL if created more than the default
  // slack before the headers while backfill was asked for, else LIVE.
  v1::EventOrigin OnEvent(absl::Time create_time, absl::Time receive_time);
  void OnHeartbeat(absl::Time receive_time);
  void OnLoss(absl::Time last_receive_time);
  // The connection ended; what it may still vouch for is in the next Take.
  void OnEnd(absl::Time x_now);
  // The records to write now, oldest first; empty when there is nothing new to
  // vouch for.
  std::vector<v1::Cover> Take(absl::Time x_now);
};

}  // namespace braid

#endif  // BRAID_INGEST_COVER_H_
