// "Did we get it, from whom, when?": one event by post id, with every
// sighting.
//
// Threads: any that may block on the store.
// Bounds: reads the log record of the event and those records that hold
// duplicates of events created within the same 16 s.

#ifndef BRAID_DEDUPE_EVENT_LOOKUP_H_
#define BRAID_DEDUPE_EVENT_LOOKUP_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "braid/v1/types.pb.h"
#include "dedupe/readable_stream.h"

namespace braid {

// NotFound where the log does not hold it (any more). Sightings are sorted:
// the one that brought it into the log stands first.
absl::StatusOr<v1::Event> FindPost(const ReadableStream& stream, uint64_t post_id,
                                   v1::EventView view);

}  // namespace braid

#endif  // BRAID_DEDUPE_EVENT_LOOKUP_H_
