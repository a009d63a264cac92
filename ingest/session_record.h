// Facts of a session record that everyone along the way must agree on.
// Pure; any thread.

#ifndef BRAID_INGEST_SESSION_RECORD_H_
#define BRAID_INGEST_SESSION_RECORD_H_

#include <cstdint>

#include "absl/time/time.h"
#include "braid/v1/ingest_service.pb.h"

namespace braid {

// Offsets a record takes: a frame one per event, a loss those it stands for,
// everything else (also a loss of lines that never had an offset) one.
uint64_t OffsetCount(const v1::SessionRecord& record);

// When what a record holds was received; empty (first > last) for records that
// hold no data of X.
struct ReceiveInterval {
  absl::Time first = absl::InfiniteFuture();
  absl::Time last = absl::InfinitePast();

  void Include(const ReceiveInterval& other);
};
ReceiveInterval ReceiveIntervalOf(const v1::SessionRecord& record);

// A record that stands for `offsets` offsets from `first_offset` on.
v1::SessionRecord MakeLoss(uint64_t first_offset, uint64_t offsets, const ReceiveInterval& interval,
                           v1::Loss::Reason reason);

}  // namespace braid

#endif  // BRAID_INGEST_SESSION_RECORD_H_
