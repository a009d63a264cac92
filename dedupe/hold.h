// How long the floor waits. A source that is away keeps what it receives and
// brings it later: until then the keys of that time must not be forgotten, or
// posts that another source delivered meanwhile would count as new. Pure; any
// thread.

#ifndef BRAID_DEDUPE_HOLD_H_
#define BRAID_DEDUPE_HOLD_H_

#include <cstdint>

#include "dedupe/session_table.h"

namespace braid {

// What the source still has to bring was received after this time (micros); 0
// when nothing is known of it. Its records come in the order in which they were
// received: the newest receive time of the first session that misses some, or
// of a session before it.
int64_t DeliveredUntilMicros(const SessionTable::Sessions& sessions);

// Is so little of the disk free that the floor must wait for nobody? Before
// input is refused (DiskThresholds): what the wait keeps is the only thing that
// can be given up without losing posts.
bool DiskIsShort(uint64_t free_bytes, uint64_t total_bytes);

}  // namespace braid

#endif  // BRAID_DEDUPE_HOLD_H_
