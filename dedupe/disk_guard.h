// Refuses input before the disk is full: RocksDB aborts on a full disk, and
// readers must go on. DecideDisk is the pure decision, DiskGuard the shell
// that asks the file system once a second.
//
// Threads: the merger loop; the figures may be read by any thread.

#ifndef BRAID_DEDUPE_DISK_GUARD_H_
#define BRAID_DEDUPE_DISK_GUARD_H_

#include <cstdint>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "base/owner.h"

namespace braid {

struct DiskSpace {
  uint64_t free_bytes = 0;
  uint64_t total_bytes = 0;
};

struct DiskThresholds {
  // Stop below 5 % free, resume above 6 %: the distance keeps input from
  // going on and off with every file that is dropped.
  double stop_below = 0.05;
  double resume_above = 0.06;
  // Stop also below what the store may still have to write out: twice its
  // write buffers (96 MB; a flush and the compaction that follows) and its
  // write-ahead logs (64 MB).
  uint64_t stop_below_bytes = (2 * 96ull + 64) << 20;
  // Resume a fifth above it, for the same distance on a small disk.
  uint64_t resume_above_bytes = stop_below_bytes + stop_below_bytes / 5;
};

// May input be accepted, given whether it was until now?
bool DecideDisk(const DiskSpace& space, const DiskThresholds& thresholds, bool accepting);

// Free and total bytes of the file system that holds `dir`, as an ordinary
// user sees them.
absl::StatusOr<DiskSpace> ReadDiskSpace(const std::string& dir);

class DiskGuard {
 public:
  struct Options {
    DiskThresholds thresholds;
    // Input fills at most some 100 MB in it.
    absl::Duration interval = absl::Seconds(1);
  };
  using Probe = absl::AnyInvocable<absl::StatusOr<DiskSpace>()>;
  using OnChange = absl::AnyInvocable<void(bool accepting)>;

  // Asks at once and then every interval. `on_change` runs in a turn of the
  // loop when the answer changes; at first input is taken to be accepted. A
  // probe that fails counts as a full disk.
  DiskGuard(Loop& loop, Probe probe, Options options, OnChange on_change);
  ~DiskGuard();

  bool accepting() const { return accepting_; }
  const Gauge& free_bytes() const { return free_bytes_; }
  const Gauge& total_bytes() const { return total_bytes_; }

 private:
  void Check();

  Loop& loop_;
  Probe probe_;
  const Options options_;
  OnChange on_change_;
  bool accepting_ = true;
  Loop::TimerId timer_ = 0;
  Gauge free_bytes_;
  Gauge total_bytes_;
  Owner owner_;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_DISK_GUARD_H_
