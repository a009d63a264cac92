// The thread that makes files durable (base/posix_file_system.h).
//
// Threads: any. Stop finishes what is queued.

#ifndef BRAID_BASE_SYNC_THREAD_H_
#define BRAID_BASE_SYNC_THREAD_H_

#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "base/loop.h"
#include "base/mutex.h"

namespace braid {

// An open descriptor, closed when the last holder is gone.
class SyncedFile {
 public:
  using Done = absl::AnyInvocable<void(absl::Status)>;

  SyncedFile(int fd, std::string path) : fd(fd), path(std::move(path)) {}
  ~SyncedFile();
  SyncedFile(const SyncedFile&) = delete;
  SyncedFile& operator=(const SyncedFile&) = delete;

  const int fd;
  const std::string path;

 private:
  friend class SyncThread;
  // Guarded by the SyncThread's mutex.
  std::vector<Done> waiting_;
  // The first failure is final: after it the kernel may report success for
  // pages that it has dropped.
  absl::Status outcome_;
};

class SyncThread {
 public:
  explicit SyncThread(Loop& loop);
  ~SyncThread();

  // Afterwards nothing is synced or reported, and the loop is not touched.
  void Stop();

  void Sync(std::shared_ptr<SyncedFile> file, SyncedFile::Done done);

 private:
  void Run();
  void SyncOne(SyncedFile& file);

  Loop& loop_;
  Mutex mu_;
  CondVar changed_;
  std::deque<std::shared_ptr<SyncedFile>> queue_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace braid

#endif  // BRAID_BASE_SYNC_THREAD_H_
