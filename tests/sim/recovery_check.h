// What must hold of recovery in one deduper, at every commit and at the end,
// judged by what its core shows and by what X really had.

#ifndef BRAID_TESTS_SIM_RECOVERY_CHECK_H_
#define BRAID_TESTS_SIM_RECOVERY_CHECK_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "dedupe/core.h"
#include "recovery/route_table.h"
#include "tests/dedupe/mem_store.h"
#include "tests/sim/recovery_x.h"

namespace braid {

class RecoveryCheck {
 public:
  struct Options {
    std::string name;
    RecoveryPolicy policy;
    absl::Duration window;
    absl::Duration hold_max;
    // X's partition of each connection.
    std::map<std::string, uint32_t> partitions;
  };
  struct Figures {
    uint64_t jobs = 0, by_hand = 0, succeeded = 0, failed = 0, cancelled = 0;
    uint64_t gaps = 0, recovered = 0, lost = 0, left_open = 0;
  };

  RecoveryCheck(Options options, std::vector<std::string>* failures)
      : options_(std::move(options)), failures_(failures) {}

  // After each commit of the core's process.
  void OnCommit(const std::vector<CommittedRecord>& records, const Core& core);

  // What is missed from now on is had again: no job may fail.
  void NoteHealed(absl::Time now) { healed_ = now; }
  // Every job has ended, and each gap that is open says why.
  bool IsSettled(const Core& core) const { return WhyNotSettled(core).empty(); }
  std::string WhyNotSettled(const Core& core) const;
  // What is left to do, of creation time, and in how many pieces.
  absl::Duration LeftToDo(const Core& core, int* pieces) const;

  // Of the run: the log against what X had.
  void CheckEnd(const Store& store, const Core& core, const RecoveryX& x, Figures* figures);

 private:
  void CheckSteps(const Core& core);
  void CheckStarted(const store::v1::StoredJob& job, const Core& core);
  void CheckFinished(const store::v1::StoredJob& job, const Core& core);
  bool MayWaitForMidnight(const store::v1::StoredJob& job) const;
  bool IsExplained(const store::v1::StoredGap& gap, const Core& core) const;
  void CheckPosts(const Store& store, const std::map<uint64_t, int>& copies, const RecoveryX& x);
  void CheckGaps(const Store& store, const std::map<uint64_t, int>& copies, const RecoveryX& x,
                 Figures* figures);
  void Fail(const std::string& what) { failures_->push_back(options_.name + ": " + what); }

  const Options options_;
  std::vector<std::string>* const failures_;
  absl::Time healed_ = absl::InfiniteFuture();
};

}  // namespace braid

#endif  // BRAID_TESTS_SIM_RECOVERY_CHECK_H_
