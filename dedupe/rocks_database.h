// RocksStore's open database: handles, lock, and the first failure. Split from
// rocks_store.cc because opening it is a story of its own (rocks_open.cc).
//
// Threads: as RocksStore; the failure is set by any thread.

#ifndef BRAID_DEDUPE_ROCKS_DATABASE_H_
#define BRAID_DEDUPE_ROCKS_DATABASE_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/dir_lock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "dedupe/rocks_options.h"
#include "dedupe/rocks_store.h"
#include "rocksdb/db.h"
#include "rocksdb/listener.h"

namespace braid {

// The first error; there is no way back from it.
class RocksFailure final : public rocksdb::EventListener {
 public:
  explicit RocksFailure(std::function<void(absl::Status)> on_fatal)
      : on_fatal_(std::move(on_fatal)) {}

  // OK until something failed.
  absl::Status status() const;
  void Set(const absl::Status& status);

  // RocksDB would go on after the milder ones. Not here: in 7.8 going on after
  // a failed write, or after a failed read in a compaction, can lose data.
  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) override;

 private:
  const std::function<void(absl::Status)> on_fatal_;
  // So that reads do not contend for the mutex.
  std::atomic<bool> failed_{false};
  mutable Mutex mu_;
  absl::Status status_ ABSL_GUARDED_BY(mu_);
};

class RocksStore::Database {
 public:
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& dir,
                                                        std::unique_ptr<DirLock> lock,
                                                        Options options);
  ~Database();

  rocksdb::ColumnFamilyHandle* family(Table table) const {
    // The default one comes first.
    return families[static_cast<int>(table) + 1];
  }

  const std::string dir;
  const std::unique_ptr<DirLock> lock;
  const std::shared_ptr<Memory> memory;
  const std::shared_ptr<RocksFailure> failure;
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  // Written by Commit.
  Counter commits;
  Counter commit_bytes;

 private:
  Database(const std::string& dir, std::unique_ptr<DirLock> lock, const Options& options);
};

}  // namespace braid

#endif  // BRAID_DEDUPE_ROCKS_DATABASE_H_
