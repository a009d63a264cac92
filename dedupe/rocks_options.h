// How RocksDB is set up for a deduper, and its statuses as ours. Only
// rocks_store.cc and rocks_open.cc include this: RocksDB's headers go no
// further.
//
// Threads: any; pure, except Memory, which is thread-safe.

#ifndef BRAID_DEDUPE_ROCKS_OPTIONS_H_
#define BRAID_DEDUPE_ROCKS_OPTIONS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "dedupe/rocks_store.h"
#include "rocksdb/cache.h"
#include "rocksdb/db.h"
#include "rocksdb/options.h"
#include "rocksdb/write_buffer_manager.h"

namespace braid {

// Memtables are charged to the block cache, so that one limit holds for both.
class RocksStore::Memory {
 public:
  explicit Memory(uint64_t bytes_max);

  const std::shared_ptr<rocksdb::Cache> cache;
  const std::shared_ptr<rocksdb::WriteBufferManager> write_buffers;
};

rocksdb::DBOptions RocksDbOptions(const RocksStore::Options& options);

// Tells our log what recovery drops of the write-ahead logs of the database at
// `path`. RocksDB's own log stays where it is.
void WatchRecovery(const std::string& path, rocksdb::DBOptions* options);

// The default column family, which RocksDB insists on, then every table in
// order.
std::vector<rocksdb::ColumnFamilyDescriptor> RocksColumnFamilies(
    const std::shared_ptr<rocksdb::Cache>& cache);

// For a first look at the database in DIR/db, which changes nothing and does
// not replay logs.
rocksdb::Options RocksOptionsForIdentity(const std::string& dir);

// `context` says what was being done, and to which directory.
absl::Status FromRocksStatus(const rocksdb::Status& status, absl::string_view context);

inline rocksdb::Slice ToSlice(absl::string_view view) { return {view.data(), view.size()}; }
inline absl::string_view FromSlice(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

}  // namespace braid

#endif  // BRAID_DEDUPE_ROCKS_OPTIONS_H_
