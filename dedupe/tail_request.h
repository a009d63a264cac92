// What a TailEvents request asks for, checked and resolved to a position.
//
// Threads: any that may block on the store (start by time looks into the log).

#ifndef BRAID_DEDUPE_TAIL_REQUEST_H_
#define BRAID_DEDUPE_TAIL_REQUEST_H_

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "braid/v1/stream_service.pb.h"
#include "dedupe/readable_stream.h"
#include "dedupe/tail.h"

namespace braid {

// Default 0: what is there is sent at once. At most 10 s.
absl::Duration BatchDelay(const v1::TailEventsRequest& request);
// Default 10 s, between 100 ms and 1 h.
absl::Duration HeartbeatInterval(const v1::TailEventsRequest& request);

// InvalidArgument, or OutOfRange with CURSOR_TOO_OLD, CURSOR_IN_FUTURE,
// LOG_EPOCH_CHANGED. `now` is what lookback counts from.
absl::StatusOr<Tail::Options> ResolveTail(const ReadableStream& stream,
                                          const v1::TailEventsRequest& request, absl::Time now);

}  // namespace braid

#endif  // BRAID_DEDUPE_TAIL_REQUEST_H_
