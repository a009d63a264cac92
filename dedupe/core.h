// The deterministic heart of a deduper: a state machine over input records.
// The same inputs give the same log, keys and chain hash on any machine and in
// the simulator. Apply reads nothing but its input, its own state and the
// store's earlier commits: no clock, no random number, no order of a hash map;
// and nothing it computes depends on where groups are cut.
//
// Threads: the merger thread. Not thread-safe.
// Bounds: memory is the window's (Options::window_bytes_max) plus the strays
// (Options::strays_max keys) plus one state per session.

#ifndef BRAID_DEDUPE_CORE_H_
#define BRAID_DEDUPE_CORE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "braid/store/v1/log.pb.h"
#include "dedupe/store.h"

namespace braid {

// What apply decided about one input.
struct ApplyResult {
  enum class Outcome {
    kApplied,      // everything below expected_offset is in this group or earlier
    kRepeated,     // already had it; harmless
    kHole,         // offset above expected_offset: send again from there
    kStaleEpoch,   // SourceOpened below (or beside) the highest session seen
    kNotOpened,    // record of a session that no SourceOpened named
  };
  Outcome outcome = Outcome::kApplied;
  uint64_t session_epoch = 0;
  uint64_t expected_offset = 0;
  // For kStaleEpoch, and for an accepted SourceOpened.
  uint64_t highest_epoch = 0;
  // For an accepted SourceOpened: where each named session goes on.
  std::vector<std::pair<uint64_t, uint64_t>> expected_by_epoch;
};

// A log record as it was written, for the hot tail.
struct CommittedRecord {
  uint64_t first_sequence = 0;
  uint32_t sequence_count = 0;
  uint32_t ordinal = 0;
  std::shared_ptr<const store::v1::LogRecord> record;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_CORE_H_
