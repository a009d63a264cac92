// Admits inputs for one stream, groups them, and commits each group with one
// synced write before anybody is told. The only writer of the store.
//
// Threads: everything on the stream's loop (the merger thread), except
// Subscribe's callbacks, see there. Commit blocks that thread; nothing else
// does.
// Bounds: a group ends at Options::group_bytes_max; what waits is bounded by
// the sessions (each admits at most its window).
// Failure: when a commit fails the state on disk is indeterminate. `on_fatal`
// is called once, nothing is acknowledged any more, and the process must stop.

#ifndef BRAID_DEDUPE_MERGER_H_
#define BRAID_DEDUPE_MERGER_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/loop.h"
#include "base/owner.h"
#include "braid/store/v1/log.pb.h"
#include "dedupe/core.h"
#include "dedupe/store.h"

namespace braid {

class Merger {
 public:
  struct Options {
    // One synced write takes at most this much input (docs/DESIGN: 4 MB).
    uint64_t group_bytes_max = 4 << 20;
    // Also the resolution of every time-driven decision of the core.
    absl::Duration tick_interval = absl::Seconds(1);
  };

  // What became of an input, told after the commit that holds it.
  using Done = absl::AnyInvocable<void(const ApplyResult& result)>;

  // Called on the merger thread after each commit with the log records that
  // became durable, in order. Must not block.
  using CommitObserver = absl::AnyInvocable<void(const std::vector<CommittedRecord>& records)>;

  // REQUIRES: core was loaded from store; both outlive this.
  Merger(Loop& loop, Store& store, Core& core, Options options,
         absl::AnyInvocable<void(absl::Status)> on_fatal);

  // Takes an input. `done` runs in a later turn, after the commit; it never
  // runs if the merger is destroyed or the commit fails.
  void Admit(store::v1::InputRecord input, uint64_t input_bytes, Done done);

  // At most one observer; the services fan out.
  void SetCommitObserver(CommitObserver observer);

  // Starts the ticks: the first one at once.
  void Start();

  // While false, ticks are held back too; callers stop admitting (disk nearly
  // full).
  void SetAccepting(bool accepting);
  bool accepting() const;

  const Core& core() const;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_MERGER_H_
