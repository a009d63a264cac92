// FileSystem in memory that forgets what was not synced: the disk of simulated
// connectors. Passes the same suite as PosixFileSystem.
//
// It outlives its process: ProcessKilled or PowerCut stands for the end of the
// process that used it. File objects of before fail from then on and their
// pending Syncs never report.
//
// Threads: the loop.

#ifndef BRAID_TESTS_BASE_MEM_FILE_SYSTEM_H_
#define BRAID_TESTS_BASE_MEM_FILE_SYSTEM_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/file_system.h"
#include "base/loop.h"
#include "base/random.h"

namespace braid {

class MemFileSystem final : public FileSystem {
 public:
  struct Options {
    // How long a Sync takes. Appends of meanwhile are not covered by it.
    absl::Duration sync_delay = absl::Milliseconds(1);
    // Probability that a power cut garbles what it leaves of a file's unsynced
    // bytes, rather than cutting them clean.
    double garble = 0;
    // Whether the next power cut leaves noise in all that it leaves of a file's
    // unsynced bytes.
    bool noise_tail = false;
    // Probability that a removed file is back after a power cut, when nothing
    // was made durable in its directory since.
    double removed_returns = 0;
    uint64_t free_bytes = uint64_t{1} << 40;
  };

  explicit MemFileSystem(Loop& loop) : MemFileSystem(loop, Options()) {}
  MemFileSystem(Loop& loop, const Options& options) : loop_(loop), options_(options) {}
  ~MemFileSystem() override { *self_ = nullptr; }

  // May be changed between any two calls.
  Options& options() { return options_; }

  // The process ends, the kernel does not: everything appended stays.
  void ProcessKilled();
  // Every file keeps its synced bytes and a random part of the rest.
  void PowerCut(Random& random);

  // The next Append of any file writes half of its bytes and fails.
  void FailNextAppend(absl::Status status) { append_failure_ = std::move(status); }
  // The next Sync that completes fails, and so do all later ones of that file.
  void FailNextSync(absl::Status status) { sync_failure_ = std::move(status); }
  // The next reads of paths that end so fail.
  void FailReads(std::string suffix, int times) {
    unreadable_suffix_ = std::move(suffix);
    read_failures_left_ = times;
  }
  // What no power cut does: cuts, zeroes, flips or removes bytes that were
  // synced, in one of the files whose path ends so. Only the last one of a
  // directory is removed. False if there is none.
  bool Damage(Random& random, const std::string& suffix);
  // Injected failures that have happened.
  uint64_t failures_fired() const { return failures_fired_; }
  uint64_t sync_count() const { return sync_count_; }

  // NotFound if there is none.
  absl::StatusOr<uint64_t> SyncedSize(const std::string& path) const;

  absl::Status CreateDir(const std::string& dir) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& dir) override;
  absl::StatusOr<std::unique_ptr<AppendFile>> Create(const std::string& path) override;
  absl::StatusOr<std::string> Read(const std::string& path, uint64_t offset,
                                   uint64_t length) override;
  absl::StatusOr<uint64_t> Size(const std::string& path) override;
  absl::Status Replace(const std::string& path, absl::string_view bytes) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status Truncate(const std::string& path, uint64_t size) override;
  absl::StatusOr<uint64_t> FreeBytes(const std::string& dir) override;

 private:
  struct File {
    std::string bytes;
    uint64_t synced_bytes = 0;
    absl::Status sync_outcome;
  };
  class MemAppendFile;

  void CutFile(File& file, Random& random);
  void DirBecameDurable(const std::string& dir);

  Loop& loop_;
  Options options_;
  // Ordered: the order in which a power cut draws random numbers matters.
  std::map<std::string, std::shared_ptr<File>> files_;
  std::map<std::string, std::shared_ptr<File>> removed_;
  std::set<std::string> dirs_;
  // Which life of the process a file object belongs to.
  uint64_t life_ = 0;
  absl::Status append_failure_;
  absl::Status sync_failure_;
  std::string unreadable_suffix_;
  int read_failures_left_ = 0;
  uint64_t failures_fired_ = 0;
  uint64_t sync_count_ = 0;
  // MemAppendFiles and pending Syncs may outlive this object.
  std::shared_ptr<MemFileSystem*> self_ = std::make_shared<MemFileSystem*>(this);
};

}  // namespace braid

#endif  // BRAID_TESTS_BASE_MEM_FILE_SYSTEM_H_
