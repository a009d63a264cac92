// Store over RocksDB: one database in DIR/db, a column family per table, one
// synced write per commit. DIR/LOCK is locked while it is open, so that a
// second process is refused.
//
// Threads: as dedupe/store.h says. Init, Open and destruction by one thread;
// statistics by any.
// Failure: after the first error of a commit, or of RocksDB's own background
// work, the state on disk is indeterminate: that error is the answer to every
// later call, nothing is tried again, and the process must stop and reopen.
// RocksDB may abort the process at a second I/O error or on a full disk
// (Debian builds it with assertions): DiskGuard stops input before that.
// Bounds: memtables, data blocks, indexes and filters together take about
// Memory's limit; open files Options::open_files_max.

#ifndef BRAID_DEDUPE_ROCKS_STORE_H_
#define BRAID_DEDUPE_ROCKS_STORE_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "braid/store/v1/log.pb.h"
#include "dedupe/store.h"

namespace braid {

class RocksStore final : public Store {
 public:
  // Raised when stored bytes change so that other programs misread them.
  static constexpr uint32_t kFormat = 2;
  // What one store may have in memtables at once and in write-ahead logs:
  // what DiskGuard must keep free room for.
  static constexpr uint64_t kWriteBuffersMaxBytes = 96 << 20;
  static constexpr uint64_t kWalMaxBytes = 64 << 20;

  // Memory that the stores of one process share.
  class Memory;
  // 160 MB leaves 352 of the process' 512 MB to windows, tails and gRPC.
  static std::shared_ptr<Memory> CreateMemory(uint64_t bytes_max = 160 << 20);

  struct Options {
    // Null: memory of its own.
    std::shared_ptr<Memory> memory;
    // Below the usual limit of 1,024 descriptors, with room for sockets.
    int open_files_max = 512;
    // Told at most once, from any thread, perhaps inside a Commit. Must not
    // block or call the store.
    std::function<void(absl::Status)> on_fatal;
  };

  struct TableStatistics {
    uint64_t keys_estimate = 0;
    uint64_t file_bytes = 0;
    uint64_t memtable_bytes = 0;
  };
  struct Statistics {
    // Indexed by Table.
    std::array<TableStatistics, kTableCount> tables;
    uint64_t file_bytes = 0;
    uint64_t memtable_bytes = 0;
    // Includes the memtables, which are charged to the cache.
    uint64_t cache_bytes = 0;
    uint64_t cache_max_bytes = 0;
    // Work that compaction is behind; writes slow down when it grows.
    uint64_t pending_compaction_bytes = 0;
    uint64_t commits = 0;
    uint64_t commit_bytes = 0;
  };

  // Makes the data directory of a stream, and its parents, mode 0700.
  // FailedPrecondition, with nothing changed, when it holds anything. After a
  // crash it can be called again.
  static absl::Status Init(const std::string& dir, const std::string& stream,
                           const std::string& log_id, absl::Time wall_time);

  // Opens what Init made. FailedPrecondition, naming the directory and the
  // remedy, with nothing changed on disk: missing, empty, not ours, another
  // stream's, another format, or in use. DataLoss when it is damaged.
  static absl::StatusOr<std::unique_ptr<RocksStore>> Open(const std::string& dir,
                                                          const std::string& stream,
                                                          Options options);

  ~RocksStore() override;

  absl::StatusOr<std::string> Get(Table table, absl::string_view key) const override;
  absl::Status Scan(Table table, absl::string_view from, absl::string_view until,
                    Visitor visitor) const override;
  absl::Status ScanBack(Table table, absl::string_view from, Visitor visitor) const override;
  absl::Status Commit(const WriteSet& changes) override;
  // A key below `key` that was deleted or replaced may come back with an older
  // value: the floor must hide it.
  absl::Status DropBefore(Table table, absl::string_view key) override;
  // Files leave level 0, where nothing can be dropped, when there are four:
  // with an hour between calls, a stream that is too quiet to fill memtables
  // keeps at most five hours more than it must.
  absl::Status WriteOut() override;

  // As it was when the store was opened.
  const store::v1::Identity& identity() const { return identity_; }
  Statistics statistics() const;

 private:
  class Database;

  RocksStore(store::v1::Identity identity, std::unique_ptr<Database> database);

  // Constant after Open.
  store::v1::Identity identity_;
  const std::unique_ptr<Database> database_;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_ROCKS_STORE_H_
