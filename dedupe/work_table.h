// The work of one stream that only a holder of X's credentials can do: queued,
// leased to one worker at a time under a fence, finished. Part of the core: what
// it decides follows from its inputs and ticks alone, and stands in the group of
// the input that caused it.
//
// A lease counts from the first tick after it was given, by time that the
// deduper ran: no clock that jumps ends it early, so what a worker sees as its
// lease ends first. Whoever works holds the newest fence; all other words are
// refused. One change of rules is leased at a time: X refuses a write while
// another is under way. How many steps of recovery there are at a time is for
// dedupe/recovery_jobs.h to say. A new kind of work is one more member of
// WorkInput.Create.work.
//
// Threads: the merger thread.
// Bounds: Options. A full table refuses new tasks; finished ones go by age and
// when their room is needed.

#ifndef BRAID_DEDUPE_WORK_TABLE_H_
#define BRAID_DEDUPE_WORK_TABLE_H_

#include <cstdint>
#include <map>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "braid/store/v1/log.pb.h"
#include "dedupe/store.h"

namespace braid {

// What became of a WorkInput.
struct WorkAnswer {
  enum class Outcome {
    kNone,     // the input was of another kind
    kDone,     // created, leased, taken note of
    kNoWork,   // nothing to lease
    kStale,    // not the newest lease
    kUnknown,  // no task of that number, any more or yet
    kFull,     // Options::unfinished_max or bytes_max
  };
  Outcome outcome = Outcome::kNone;
  uint64_t number = 0;
  uint64_t fence = 0;
};

class WorkTable {
 public:
  struct Options {
    // What people and scripts ask for within the time that one task takes.
    size_t unfinished_max = 64;
    size_t finished_max = 64;
    // A request or a result is at most one message of 4 MiB.
    uint64_t bytes_max = 32 << 20;
    // Three times the longest request to X: a worker renews it before each write.
    absl::Duration lease = absl::Seconds(60);
    // As long as a person waits; X's limits count by 15 minutes. A step of recovery
    // has a deadline of its own, and may kill as many workers as it takes.
    absl::Duration unfinished_age_max = absl::Minutes(30);
    absl::Duration finished_age_max = absl::Hours(1);
    // A task that ends its workers must not end all of them for ever.
    uint32_t attempts_max = 5;
  };

  struct Entry {
    store::v1::WorkTask task;
    store::v1::WorkState state;
  };

  explicit WorkTable(const Options& options) : options_(options) {}

  absl::Status Load(const Store& store, const store::v1::WorkCounters& counters);

  // `now_micros`: the core's time, shown to people only.
  WorkAnswer Apply(const store::v1::WorkInput& input, int64_t now_micros, WriteSet* changes);
  // Nobody wants it any more: it fails at once, or when its worker hears of it.
  void Cancel(uint64_t number, WriteSet* changes);
  // Time that the deduper ran since the last tick.
  void Tick(int64_t elapsed_micros, WriteSet* changes);

  const store::v1::WorkCounters& counters() const { return counters_; }
  absl::Duration lease() const { return options_.lease; }
  bool HasLeasable(const store::v1::WorkInput::Lease& lease) const {
    return FirstLeasable(lease) != 0;
  }
  // Null when there is none. Until the next call of a method that changes.
  const Entry* Find(uint64_t number) const;
  const std::map<uint64_t, Entry>& entries() const { return entries_; }

 private:
  WorkAnswer Create(const store::v1::WorkInput::Create& create, int64_t now_micros,
                    WriteSet* changes);
  WorkAnswer Lease(const store::v1::WorkInput::Lease& lease, WriteSet* changes);
  WorkAnswer Complete(uint64_t number, const v1::CompleteRequest& request, WriteSet* changes);
  // Null, and the answer says why, unless the fence is that of a standing lease.
  Entry* Leased(uint64_t number, uint64_t fence, WorkAnswer* answer);
  uint64_t FirstLeasable(const store::v1::WorkInput::Lease& lease) const;
  void TickOne(uint64_t number, Entry* entry, WriteSet* changes);
  void Finish(Entry* entry, store::v1::WorkState::State state, const std::string& error);
  void PutState(uint64_t number, const Entry& entry, WriteSet* changes);
  // Until `bytes` more fit. False when they do not.
  bool MakeRoom(uint64_t bytes, uint64_t kept, WriteSet* changes);
  // The oldest finished one but `kept`; false when there is none.
  bool DropFinished(uint64_t kept, WriteSet* changes);
  void Drop(uint64_t number, WriteSet* changes);
  uint64_t FinishedCount() const;
  uint64_t Bytes() const;

  const Options options_;
  store::v1::WorkCounters counters_;
  std::map<uint64_t, Entry> entries_;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_WORK_TABLE_H_
