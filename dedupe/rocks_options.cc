#include "dedupe/rocks_options.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/table.h"

namespace braid {
namespace {

constexpr uint64_t kMegabyte = 1 << 20;

rocksdb::BlockBasedTableOptions TableOptions(const std::shared_ptr<rocksdb::Cache>& cache,
                                             uint64_t block_bytes) {
  rocksdb::BlockBasedTableOptions options;
  options.block_cache = cache;
  options.block_size = block_bytes;
  // Indexes and filters count as cache, or memory would grow with the data.
  options.cache_index_and_filter_blocks = true;
  options.cache_index_and_filter_blocks_with_high_priority = true;
  options.pin_l0_filter_and_index_blocks_in_cache = true;
  options.format_version = 5;
  return options;
}

rocksdb::ColumnFamilyOptions FamilyOptions(const rocksdb::BlockBasedTableOptions& table,
                                           uint64_t write_buffer_bytes) {
  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.write_buffer_size = write_buffer_bytes;
  // With more than two, 7.8 may install flushes in the wrong order.
  options.max_write_buffer_number = 2;
  options.compaction_style = rocksdb::kCompactionStyleLevel;
  options.force_consistency_checks = true;
  // Cheap, and the small integers of these tables halve. The same on every
  // level, so that files of new keys move down without being rewritten.
  options.compression = rocksdb::kLZ4Compression;
  // One filter per file: files of this size keep the filters of recent keys,
  // which are the ones asked for, in the cache apart from those of old keys.
  options.target_file_size_base = 32 * kMegabyte;
  return options;
}

rocksdb::ColumnFamilyOptions LogOptions(const std::shared_ptr<rocksdb::Cache>& cache) {
  // A value is a frame of about 12 KB: a handful per block.
  rocksdb::ColumnFamilyOptions options =
      FamilyOptions(TableOptions(cache, 64 << 10), 32 * kMegabyte);
  // Payloads are zstd already.
  options.compression = rocksdb::kNoCompression;
  options.target_file_size_base = 64 * kMegabyte;
  return options;
}

rocksdb::ColumnFamilyOptions IdsOptions(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table = TableOptions(cache, 8 << 10);
  // Most keys asked for are new: 10 bits answer 99 of 100 without a read.
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.whole_key_filtering = true;
  // Some 250,000 keys: what a start after a crash has to sort in again, which
  // is most of its time.
  return FamilyOptions(table, 16 * kMegabyte);
}

rocksdb::ColumnFamilyOptions SmallOptions(const std::shared_ptr<rocksdb::Cache>& cache) {
  return FamilyOptions(TableOptions(cache, 8 << 10), 4 * kMegabyte);
}

rocksdb::ColumnFamilyOptions OptionsOf(Table table, const std::shared_ptr<rocksdb::Cache>& cache) {
  switch (table) {
    case Table::kLog:
      return LogOptions(cache);
    case Table::kIds:
      return IdsOptions(cache);
    case Table::kSightings:
    case Table::kStrays:
    case Table::kSources:
    case Table::kCover:
    case Table::kMeta:
    case Table::kUsage:
      break;
  }
  return SmallOptions(cache);
}

// RocksDB says only in its own log that it cut a write-ahead log short.
class RecoveryWatch final : public rocksdb::Logger {
 public:
  RecoveryWatch(std::string path, std::shared_ptr<rocksdb::Logger> logger)
      : rocksdb::Logger(logger->GetInfoLogLevel()),
        path_(std::move(path)),
        logger_(std::move(logger)) {}
  ~RecoveryWatch() override { Close().PermitUncheckedError(); }

  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override { logger_->Logv(format, arguments); }
  void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    // The words of 7.8's recovery, with file, bytes and reason.
    if (std::strstr(format, "dropping %d bytes") != nullptr) Tell(format, arguments);
    logger_->Logv(level, format, arguments);
  }
  void Flush() override { logger_->Flush(); }

 protected:
  rocksdb::Status CloseImpl() override { return logger_->Close(); }

 private:
  void Tell(const char* format, va_list arguments) {
    va_list copy;
    va_copy(copy, arguments);
    char text[512];
    std::vsnprintf(text, sizeof(text), format, copy);
    va_end(copy);
    braid::Log(LogLevel::kError, "wal_cut",
               "what follows a damaged place of a write-ahead log is dropped: a write that was "
               "under way when the power went, or damage, which log_rolled_back tells",
               {{"database", path_}, {"detail", text}});
  }

  const std::string path_;
  const std::shared_ptr<rocksdb::Logger> logger_;
};

// RocksDB writes LOG files wherever it looks; where it only looks, nothing may
// change.
class SilentLogger final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override {}
};

}  // namespace

RocksStore::Memory::Memory(uint64_t bytes_max)
    // Half for indexes and filters, so that a reader of old records can not
    // push them out.
    : cache(rocksdb::NewLRUCache(bytes_max, /*num_shard_bits=*/4, /*strict_capacity_limit=*/false,
                                 /*high_pri_pool_ratio=*/0.5)),
      write_buffers(std::make_shared<rocksdb::WriteBufferManager>(kWriteBuffersMaxBytes, cache,
                                                                  /*allow_stall=*/false)) {}

rocksdb::DBOptions RocksDbOptions(const RocksStore::Options& options) {
  rocksdb::DBOptions db;
  db.create_if_missing = false;
  // A table that a later version added; whose directory it is was checked before.
  db.create_missing_column_families = true;
  db.paranoid_checks = true;
  // With one writer that syncs each write, the only torn record is the last
  // one after a power cut, and that must open. It also drops what follows a
  // damaged one, acknowledged or not: WatchRecovery and the log's mark tell,
  // and sources send again from where the log stands.
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  // A failed write is indeterminate: stop, never resume.
  db.max_bgerror_resume_count = 0;
  // A quiet table must not keep old logs alive; also what a start replays.
  db.max_total_wal_size = RocksStore::kWalMaxBytes;
  db.write_buffer_manager = options.memory->write_buffers;
  // One flush and one compaction at a time: the machine has two cores and
  // other work.
  db.max_background_jobs = 2;
  db.max_open_files = options.open_files_max;
  // Only makes the first choices of compaction better, and reads every file.
  db.skip_stats_update_on_db_open = true;
  // Writes files out steadily, so that a commit's sync does not wait for a
  // flush's pages.
  db.bytes_per_sync = kMegabyte;
  // RocksDB's own log: four files of 8 MB tell enough about an incident.
  db.max_log_file_size = 8 * kMegabyte;
  db.keep_log_file_num = 4;
  return db;
}

void WatchRecovery(const std::string& path, rocksdb::DBOptions* options) {
  std::shared_ptr<rocksdb::Logger> logger;
  if (!rocksdb::CreateLoggerFromOptions(path, *options, &logger).ok()) return;
  options->info_log = std::make_shared<RecoveryWatch>(path, std::move(logger));
}

std::vector<rocksdb::ColumnFamilyDescriptor> RocksColumnFamilies(
    const std::shared_ptr<rocksdb::Cache>& cache) {
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  families.emplace_back(rocksdb::kDefaultColumnFamilyName, SmallOptions(cache));
  for (int table = 0; table < kTableCount; ++table) {
    families.emplace_back(TableName(static_cast<Table>(table)),
                          OptionsOf(static_cast<Table>(table), cache));
  }
  return families;
}

rocksdb::Options RocksOptionsForIdentity(const std::string& dir) {
  rocksdb::Options options;
  // Where no logs are: the identity is in a table file from the start, and
  // replaying the logs twice would double the time to be back after a crash.
  options.wal_dir = dir;
  options.info_log = std::make_shared<SilentLogger>();
  // Opens the few files it needs, not all.
  options.max_open_files = 16;
  options.skip_stats_update_on_db_open = true;
  return options;
}

absl::Status FromRocksStatus(const rocksdb::Status& status, absl::string_view context) {
  if (status.ok()) return absl::OkStatus();
  const std::string message = absl::StrCat(context, ": ", status.ToString());
  if (status.IsNotFound()) return absl::NotFoundError(message);
  if (status.IsCorruption()) return absl::DataLossError(message);
  if (status.IsNoSpace()) return absl::ResourceExhaustedError(message);
  return absl::InternalError(message);
}

}  // namespace braid
