// The newest part of the log in memory, so that readers who keep up never
// touch the disk, and the place where they wait for more. Holds only records
// with events or notices.
//
// Threads: Append on the merger thread, everything else on any thread. Wakers
// run on the merger thread and must not block.
// Bounds: Options::bytes_max; the oldest records leave first, readers behind
// them go to the store. One waiter per reader that has caught up.

#ifndef BRAID_DEDUPE_HOT_TAIL_H_
#define BRAID_DEDUPE_HOT_TAIL_H_

#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "base/mutex.h"
#include "dedupe/core.h"

namespace braid {

class HotTail {
 public:
  struct Options {
    // About 10 s at 6,000 posts/s, compressed; a reader that is further
    // behind reads in large steps anyway.
    uint64_t bytes_max = 32 << 20;
  };
  using WaitId = uint64_t;
  using Waker = absl::AnyInvocable<void()>;
  // What a reader has seen of the stream.
  struct Mark {
    uint64_t next_sequence = 0;
    int64_t watermark_micros = std::numeric_limits<int64_t>::max();
  };

  // next_sequence: what the log's next event will get; nothing older is held.
  HotTail(uint64_t next_sequence, Options options);

  // Adds what was committed and wakes who waits for it.
  void Append(const std::vector<CommittedRecord>& records);

  // Every event below it was added before. Wakes who waits for it.
  void SetWatermark(int64_t micros);

  // 0: the stream has no cover yet.
  int64_t watermark_micros() const;
  // Sequence after the newest one committed.
  uint64_t next_sequence() const;
  // Oldest sequence held; next_sequence() when empty.
  uint64_t first_sequence() const;
  uint64_t bytes() const;

  // Appends the records that hold sequences from `from` on, in order, until
  // their size reaches bytes_max. False, and nothing appended, where `from` is
  // older than what is held: the store has it.
  [[nodiscard]] bool Read(uint64_t from, uint64_t bytes_max,
                          std::vector<CommittedRecord>* out) const;

  // Calls `wake` once, when the stream has come past one of the two. Returns
  // 0, and never calls it, where that is so already.
  WaitId Wait(Mark seen, Waker wake);
  // A wake that is under way may still arrive.
  void Cancel(WaitId id);

 private:
  struct Entry {
    CommittedRecord record;
    uint64_t bytes;
  };

  bool IsPast(const Mark& seen) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::vector<Waker> TakeWoken() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const Options options_;

  mutable Mutex mu_;
  std::deque<Entry> entries_ ABSL_GUARDED_BY(mu_);
  uint64_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t next_sequence_ ABSL_GUARDED_BY(mu_);
  int64_t watermark_micros_ ABSL_GUARDED_BY(mu_) = 0;
  WaitId last_wait_id_ ABSL_GUARDED_BY(mu_) = 0;
  std::map<WaitId, std::pair<Mark, Waker>> waiters_ ABSL_GUARDED_BY(mu_);
};

}  // namespace braid

#endif  // BRAID_DEDUPE_HOT_TAIL_H_
