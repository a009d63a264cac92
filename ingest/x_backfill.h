// How many minutes of backfill an attempt asks for (docs/X-API 1.12, 2.8): X
// counts them back from the connect, delivers what was received before a second
// time, and bills it once.
//
// Pure.

#ifndef BRAID_INGEST_X_BACKFILL_H_
#define BRAID_INGEST_X_BACKFILL_H_

#include "absl/time/time.h"
#include "absl/types/optional.h"

namespace braid {

struct BackfillRule {
  // 0: never. At most the dialect's.
  int minutes_max = 0;
  // Unset: always as many. Set: as many as passed since the last byte, and this.
  absl::optional<absl::Duration> margin;
};

// `since_last_byte`: unset where no byte is known, as after a start.
// `after_full_buffer`: X cut the connection before for a full buffer: what it had
// queued is gone, and backfill begins with the connect.
int BackfillMinutes(const BackfillRule& rule, absl::optional<absl::Duration> since_last_byte,
                    bool after_full_buffer);

}  // namespace braid

#endif  // BRAID_INGEST_X_BACKFILL_H_
