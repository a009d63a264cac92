// One process per data directory: an flock on DIR/LOCK, which the kernel
// releases however the process ends.
//
// Threads: any one. The lock is held until destruction.

#ifndef BRAID_BASE_DIR_LOCK_H_
#define BRAID_BASE_DIR_LOCK_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace braid {

class DirLock {
 public:
  // FailedPrecondition, naming the directory and the holder's process id, when
  // another process (or this one) holds it.
  static absl::StatusOr<std::unique_ptr<DirLock>> Acquire(const std::string& dir);

  ~DirLock();
  DirLock(const DirLock&) = delete;
  DirLock& operator=(const DirLock&) = delete;

 private:
  explicit DirLock(int fd) : fd_(fd) {}

  const int fd_;
};

}  // namespace braid

#endif  // BRAID_BASE_DIR_LOCK_H_
