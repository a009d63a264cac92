#include "base/sync_thread.h"

#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"

namespace braid {

SyncedFile::~SyncedFile() { close(fd); }

SyncThread::SyncThread(Loop& loop) : loop_(loop) {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "sync");
    Run();
  });
}

SyncThread::~SyncThread() { Stop(); }

void SyncThread::Stop() {
  {
    MutexLock lock(&mu_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

void SyncThread::Sync(std::shared_ptr<SyncedFile> file, SyncedFile::Done done) {
  MutexLock lock(&mu_);
  if (stopping_) return;
  file->waiting_.push_back(std::move(done));
  // Already queued: that one sync covers what has been appended until now.
  if (file->waiting_.size() > 1) return;
  queue_.push_back(std::move(file));
  changed_.NotifyAll();
}

void SyncThread::Run() {
  while (true) {
    std::shared_ptr<SyncedFile> file;
    {
      MutexLock lock(&mu_);
      while (queue_.empty() && !stopping_) changed_.Wait(&mu_);
      if (queue_.empty()) return;
      file = std::move(queue_.front());
      queue_.pop_front();
    }
    SyncOne(*file);
  }
}

void SyncThread::SyncOne(SyncedFile& file) {
  std::vector<SyncedFile::Done> waiting;
  absl::Status outcome;
  {
    MutexLock lock(&mu_);
    waiting.swap(file.waiting_);
    outcome = file.outcome_;
  }
  if (outcome.ok() && fdatasync(file.fd) != 0) {
    outcome = absl::ErrnoToStatus(errno, absl::StrCat("can not sync ", file.path));
  }
  {
    MutexLock lock(&mu_);
    file.outcome_ = outcome;
  }
  loop_.Post([waiting = std::move(waiting), outcome]() mutable {
    for (SyncedFile::Done& done : waiting) done(outcome);
  });
}

}  // namespace braid
