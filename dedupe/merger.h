// Admits inputs for one stream, groups them, and commits each group with one
// synced write before anybody is told. The only writer of the store.
//
// Threads: everything on the stream's loop (the merger thread). Commit blocks
// that thread; nothing else does. The metrics may be read by any thread.
// Bounds: a group ends at Options::group_bytes_max; what waits is bounded by
// the sessions (each admits at most its window).
// Failure: when a commit fails the state on disk is indeterminate. `on_fatal`
// is called once, nothing is acknowledged any more, and the process must stop.

#ifndef BRAID_DEDUPE_MERGER_H_
#define BRAID_DEDUPE_MERGER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/loop.h"
#include "base/metrics.h"
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
    // And beside that so much of what is fetched again: some 250 posts, 2 ms, for
    // which a live one has to wait.
    uint64_t fetched_bytes_max = 128 << 10;
    // Also the resolution of every time-driven decision of the core.
    absl::Duration tick_interval = absl::Seconds(1);
    // The connections that the configuration names: the floor waits for each.
    std::vector<std::string> sources;
    // X's partition of each; empty where there are none.
    std::vector<uint32_t> source_partitions;
    // Those of which everything that they received is here, asked at each tick.
    std::function<std::vector<std::string>()> listening;
    // Those whose call is open, and what they say, asked at each tick.
    std::function<std::vector<store::v1::Tick::Attention>()> attention;
  };

  // What is fetched again waits for what is live; each keeps its own order.
  enum class Turn { kLive, kFetched };

  // What became of an input, told after the commit that holds it.
  using Done = absl::AnyInvocable<void(const ApplyResult& result)>;

  // Called on the merger thread after each commit with the log records that
  // became durable, in order, before anybody is told and before the store
  // drops what the commit put out of reach. Must not block.
  using CommitObserver = absl::AnyInvocable<void(const std::vector<CommittedRecord>& records)>;

  // Written on the merger thread, read by any.
  struct Metrics {
    Counter groups;
    Counter inputs;
    Counter input_bytes;
    // What waits for a commit.
    Gauge waiting_bytes;
    // From Admit of a group's first input to the end of its commit.
    LatencyHistogram commit_delay;
  };

  // REQUIRES: core was loaded from store; both outlive this.
  Merger(Loop& loop, Store& store, Core& core, Options options,
         absl::AnyInvocable<void(absl::Status)> on_fatal);
  ~Merger();

  // Takes an input and stamps its admission. `done` runs in a later turn,
  // after the commit; it never runs if the merger is destroyed or the commit
  // fails.
  void Admit(store::v1::InputRecord input, uint64_t input_bytes, Done done,
             Turn turn = Turn::kLive);

  // At most one observer; the services fan out.
  void SetCommitObserver(CommitObserver observer) { observer_ = std::move(observer); }

  // Starts the ticks: the first one at once. Before anything is admitted.
  void Start();

  // While false, ticks are held back too, unless they let go of what the floor
  // keeps; callers stop admitting (disk nearly full). What is already admitted
  // is committed.
  void SetAccepting(bool accepting);
  // While true the floor waits for no source that is away (disk short).
  void SetLetGo(bool let_go) { let_go_ = let_go; }
  bool accepting() const { return accepting_; }

  const Core& core() const { return core_; }
  const Metrics& metrics() const { return metrics_; }

 private:
  struct Waiting {
    store::v1::InputRecord input;
    uint64_t bytes = 0;
    Done done;
    absl::Time admit_time;
  };
  struct Applied {
    Done done;
    ApplyResult result;
  };

  void Enqueue(store::v1::InputRecord input, uint64_t input_bytes, Done done, Turn turn);
  void ScheduleGroup();
  void RunGroup();
  absl::Status ApplyGroup(Group* group, std::vector<Applied>* applied);
  // Of one queue, the first whatever its size.
  absl::Status ApplySome(std::deque<Waiting>* waiting, uint64_t bytes_max, Group* group,
                         std::vector<Applied>* applied);
  bool HasWaiting() const { return !waiting_.empty() || !fetched_.empty(); }
  absl::Status CommitGroup(Group* group);
  void Tick();
  void ScheduleTick();
  int64_t AdmissionMicros() const;
  void Fail(absl::Status status);

  // Constant after construction.
  Loop& loop_;
  Store& store_;
  Core& core_;
  const Options options_;

  // Owned by the loop.
  absl::AnyInvocable<void(absl::Status)> on_fatal_;
  CommitObserver observer_;
  std::deque<Waiting> waiting_;
  std::deque<Waiting> fetched_;
  uint64_t waiting_bytes_ = 0;
  bool group_scheduled_ = false;
  bool started_ = false;
  bool accepting_ = true;
  bool let_go_ = false;
  bool failed_ = false;
  Loop::TimerId tick_timer_ = 0;
  absl::Time last_tick_;
  // The core's time, and when on the loop it was read.
  int64_t anchor_micros_ = 0;
  absl::Time anchor_time_;

  Metrics metrics_;
  Owner owner_;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_MERGER_H_
