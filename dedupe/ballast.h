// Room that is kept free on the disk for the store alone: a file without
// content beside the database. When something fills the disk although input is
// refused already, the file goes, so that RocksDB can write out what it has and
// readers go on; it comes back, before input does, when there is room for both.
// DecideBallast is the pure decision, Ballast the shell.
//
// Threads: one at a time; the merger loop once the stream runs.
// Failure: a file system that can not reserve room has no ballast, and DiskGuard
// alone protects the store there.

#ifndef BRAID_DEDUPE_BALLAST_H_
#define BRAID_DEDUPE_BALLAST_H_

#include <cstdint>
#include <string>

#include "dedupe/disk_guard.h"

namespace braid {

struct BallastOptions {
  // What a start after a crash may write before the store can drop anything:
  // the write-ahead logs as tables (64 MB), the memtables (96 MB), and a
  // compaction of them.
  uint64_t bytes = uint64_t{256} << 20;
  // Half of where input is refused: what is written then is not ours.
  uint64_t release_below_bytes = uint64_t{128} << 20;
  DiskThresholds thresholds;
};

enum class BallastMove { kStay, kRelease, kReserve };
BallastMove DecideBallast(const DiskSpace& space, const BallastOptions& options, bool held);

class Ballast {
 public:
  // Nothing changes yet. A file of another size than asked for is not held.
  Ballast(std::string path, BallastOptions options);

  // Before the store is opened, which writes: lets go where input would be
  // refused.
  void PrepareOpen(const DiskSpace& space);
  // Once a second: releases or reserves. What it returns is the space that
  // input may count on: without the room that the ballast still lacks.
  DiskSpace Keep(const DiskSpace& space);

  bool held() const { return held_; }

 private:
  void Release(const DiskSpace& space);
  void Reserve();

  const std::string path_;
  const BallastOptions options_;
  bool held_ = false;
  bool supported_ = true;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_BALLAST_H_
