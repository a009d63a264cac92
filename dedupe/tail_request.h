// What a TailEvents request asks for, checked and resolved to a position.
//
// Threads: any that may block on the store (start by time looks into the log).

#ifndef BRAID_DEDUPE_TAIL_REQUEST_H_
#define BRAID_DEDUPE_TAIL_REQUEST_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "braid/v1/stream_service.pb.h"
#include "dedupe/creation_tail.h"
#include "dedupe/read_token.h"
#include "dedupe/readable_stream.h"
#include "dedupe/reading.h"
#include "dedupe/tail.h"

namespace braid {

// Default 0: what is there is sent at once. At most 10 s.
absl::Duration BatchDelay(const v1::TailEventsRequest& request);
// Default 10 s, between 100 ms and 1 h.
absl::Duration HeartbeatInterval(const v1::TailEventsRequest& request);

// In either order: InvalidArgument, or OutOfRange with CURSOR_TOO_OLD,
// CURSOR_IN_FUTURE, LOG_EPOCH_CHANGED, LOG_ROLLED_BACK. `now` is what lookback
// counts from. The reading refers to the stream.
absl::StatusOr<std::unique_ptr<Reading>> StartReading(const ReadableStream& stream,
                                                      const v1::TailEventsRequest& request,
                                                      absl::Time now);

// In arrival order.
absl::StatusOr<Tail::Options> ResolveTail(const ReadableStream& stream,
                                          const v1::TailEventsRequest& request, absl::Time now);

// In creation order. Start times are of creation; one that lies above the
// watermark counts as the watermark, one that is no longer kept as the
// earliest.
absl::StatusOr<CreationTail::Options> ResolveCreation(const ReadableStream& stream,
                                                      const v1::TailEventsRequest& request,
                                                      absl::Time now);

// Where a token of creation order stands, of either kind.
absl::StatusOr<CreationTail::Place> PlaceOf(const ReadableStream& stream, const ReadToken& token);
// A new reading that begins at this key.
CreationTail::Place PlaceAt(const ReadableStream& stream, std::string key);

}  // namespace braid

#endif  // BRAID_DEDUPE_TAIL_REQUEST_H_
