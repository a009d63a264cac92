// When each connection hears that a pause is over: those of one partition one
// after the other, so that they do not ask X in the same instant, which X may
// answer with too many connections and which leaves open whose slot is whose.
// A connection that comes late to its turn takes it at once; no later one waits
// for it, since the pause is over for all.
//
// Pure. Threads: any. Bounds: one gap per connection of the partition.

#ifndef BRAID_DEDUPE_RESUME_TURNS_H_
#define BRAID_DEDUPE_RESUME_TURNS_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "dedupe/session_directory.h"

namespace braid {

// As between connections of one process (ingest/partition_turns.h): longer than
// it takes X to refuse, shorter than a heartbeat.
inline constexpr absl::Duration kResumeGap = absl::Seconds(3);

// From the end of the pause. `sources`: all of the stream's.
absl::Duration ResumeTurn(const std::string& connection,
                          const std::vector<SourceSnapshot>& sources);

}  // namespace braid

#endif  // BRAID_DEDUPE_RESUME_TURNS_H_
