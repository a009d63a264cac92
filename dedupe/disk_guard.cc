#include "dedupe/disk_guard.h"

#include <errno.h>
#include <sys/statvfs.h>

#include <cstring>

#include "absl/strings/str_cat.h"

namespace braid {

bool DecideDisk(const DiskSpace& space, const DiskThresholds& thresholds, bool accepting) {
  if (space.free_bytes < thresholds.stop_below_bytes) return false;
  if (!accepting && space.free_bytes <= thresholds.resume_above_bytes) return false;
  double share = space.total_bytes == 0 ? 0
                                        : static_cast<double>(space.free_bytes) /
                                              static_cast<double>(space.total_bytes);
  return accepting ? share >= thresholds.stop_below : share > thresholds.resume_above;
}

absl::StatusOr<DiskSpace> ReadDiskSpace(const std::string& dir) {
  struct statvfs fs;
  if (statvfs(dir.c_str(), &fs) != 0) {
    return absl::UnavailableError(absl::StrCat("statvfs ", dir, ": ", std::strerror(errno)));
  }
  return DiskSpace{uint64_t{fs.f_bavail} * fs.f_frsize, uint64_t{fs.f_blocks} * fs.f_frsize};
}

DiskGuard::DiskGuard(Loop& loop, Probe probe, Options options, OnChange on_change)
    : loop_(loop), probe_(std::move(probe)), options_(options), on_change_(std::move(on_change)) {
  timer_ = loop_.After(absl::ZeroDuration(), owner_.Wrap([this] { Check(); }));
}

DiskGuard::~DiskGuard() { loop_.Cancel(timer_); }

void DiskGuard::Check() {
  absl::StatusOr<DiskSpace> space = probe_();
  bool accepting = space.ok() && DecideDisk(*space, options_.thresholds, accepting_);
  if (space.ok()) {
    free_bytes_.Set(static_cast<double>(space->free_bytes));
    total_bytes_.Set(static_cast<double>(space->total_bytes));
  }
  timer_ = loop_.After(options_.interval, owner_.Wrap([this] { Check(); }));
  if (accepting == accepting_) return;
  accepting_ = accepting;
  on_change_(accepting);
}

}  // namespace braid
