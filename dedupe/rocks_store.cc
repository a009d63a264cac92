#include "dedupe/rocks_store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "dedupe/rocks_database.h"
#include "dedupe/rocks_options.h"
#include "rocksdb/convenience.h"
#include "rocksdb/iterator.h"
#include "rocksdb/write_batch.h"

namespace braid {
namespace {

std::string Context(absl::string_view what, Table table, const std::string& dir) {
  return absl::StrCat("can not ", what, " table ", TableName(table), " of ", dir);
}

// RocksDB's bytes around one change, generously; only saves reallocations.
constexpr size_t kBatchBytesPerChange = 16;

rocksdb::Status AddChange(const WriteSet::Change& change, rocksdb::ColumnFamilyHandle* family,
                          rocksdb::WriteBatch* batch) {
  switch (change.kind) {
    case WriteSet::Change::Kind::kPut:
      return batch->Put(family, change.key, change.value);
    case WriteSet::Change::Kind::kDelete:
      return batch->Delete(family, change.key);
    case WriteSet::Change::Kind::kDeleteRange:
      return batch->DeleteRange(family, change.key, change.value);
  }
  return rocksdb::Status::InvalidArgument("unknown kind of change");
}

}  // namespace

std::shared_ptr<RocksStore::Memory> RocksStore::CreateMemory(uint64_t bytes_max) {
  return std::make_shared<Memory>(bytes_max);
}

RocksStore::RocksStore(store::v1::Identity identity, std::unique_ptr<Database> database)
    : identity_(std::move(identity)), database_(std::move(database)) {}

RocksStore::~RocksStore() = default;

absl::StatusOr<std::string> RocksStore::Get(Table table, absl::string_view key) const {
  if (absl::Status failed = database_->failure->status(); !failed.ok()) return failed;
  std::string value;
  const rocksdb::Status status =
      database_->db->Get(rocksdb::ReadOptions(), database_->family(table), ToSlice(key), &value);
  if (status.ok()) return value;
  // An outcome, and a frequent one: no text.
  if (status.IsNotFound()) return absl::NotFoundError("");
  return FromRocksStatus(status, Context("read", table, database_->dir));
}

absl::Status RocksStore::Scan(Table table, absl::string_view from, absl::string_view until,
                              Visitor visitor) const {
  if (absl::Status failed = database_->failure->status(); !failed.ok()) return failed;
  const rocksdb::Slice bound = ToSlice(until);
  rocksdb::ReadOptions options;
  if (!until.empty()) options.iterate_upper_bound = &bound;
  const std::unique_ptr<rocksdb::Iterator> iterator(
      database_->db->NewIterator(options, database_->family(table)));
  for (iterator->Seek(ToSlice(from)); iterator->Valid(); iterator->Next()) {
    if (!visitor(FromSlice(iterator->key()), FromSlice(iterator->value()))) break;
  }
  return FromRocksStatus(iterator->status(), Context("scan", table, database_->dir));
}

absl::Status RocksStore::ScanBack(Table table, absl::string_view from, Visitor visitor) const {
  if (absl::Status failed = database_->failure->status(); !failed.ok()) return failed;
  const std::unique_ptr<rocksdb::Iterator> iterator(
      database_->db->NewIterator(rocksdb::ReadOptions(), database_->family(table)));
  if (from.empty()) {
    iterator->SeekToLast();
  } else {
    iterator->SeekForPrev(ToSlice(from));
  }
  for (; iterator->Valid(); iterator->Prev()) {
    if (!visitor(FromSlice(iterator->key()), FromSlice(iterator->value()))) break;
  }
  return FromRocksStatus(iterator->status(), Context("scan back", table, database_->dir));
}

absl::Status RocksStore::Commit(const WriteSet& changes) {
  if (absl::Status failed = database_->failure->status(); !failed.ok()) return failed;
  rocksdb::WriteBatch batch(changes.bytes() + changes.changes().size() * kBatchBytesPerChange);
  rocksdb::Status status;
  for (const WriteSet::Change& change : changes.changes()) {
    status = AddChange(change, database_->family(change.table), &batch);
    if (!status.ok()) break;
  }
  if (status.ok()) {
    rocksdb::WriteOptions options;
    options.sync = true;
    status = database_->db->Write(options, &batch);
  }
  if (!status.ok()) {
    const absl::Status failed =
        FromRocksStatus(status, absl::StrCat("can not write to ", database_->dir));
    database_->failure->Set(failed);
    return failed;
  }
  database_->commits.Increment();
  database_->commit_bytes.Add(changes.bytes());
  return absl::OkStatus();
}

absl::Status RocksStore::DropBefore(Table table, absl::string_view key) {
  if (absl::Status failed = database_->failure->status(); !failed.ok()) return failed;
  const rocksdb::Slice end = ToSlice(key);
  const rocksdb::Status status =
      rocksdb::DeleteFilesInRange(database_->db.get(), database_->family(table),
                                  /*begin=*/nullptr, &end, /*include_end=*/false);
  if (status.ok()) return absl::OkStatus();
  const absl::Status failed =
      FromRocksStatus(status, Context("drop old files of", table, database_->dir));
  database_->failure->Set(failed);
  return failed;
}

absl::Status RocksStore::WriteOut() {
  if (absl::Status failed = database_->failure->status(); !failed.ok()) return failed;
  rocksdb::FlushOptions options;
  options.wait = false;
  // Or it would wait for other flushes before it begins. Commits stall only
  // when two memtables are full at once, as without this.
  options.allow_write_stall = true;
  for (int i = 0; i < kTableCount; ++i) {
    const Table table = static_cast<Table>(i);
    const rocksdb::Status status = database_->db->Flush(options, database_->family(table));
    // TryAgain: commits wait for a flush as it is; the next call does it.
    if (status.ok() || status.IsTryAgain()) continue;
    const absl::Status failed =
        FromRocksStatus(status, Context("write out", table, database_->dir));
    database_->failure->Set(failed);
    return failed;
  }
  return absl::OkStatus();
}

RocksStore::Statistics RocksStore::statistics() const {
  using Properties = rocksdb::DB::Properties;
  Statistics statistics;
  rocksdb::DB& db = *database_->db;
  for (int i = 0; i < kTableCount; ++i) {
    rocksdb::ColumnFamilyHandle* family = database_->family(static_cast<Table>(i));
    TableStatistics& table = statistics.tables[i];
    db.GetIntProperty(family, Properties::kEstimateNumKeys, &table.keys_estimate);
    db.GetIntProperty(family, Properties::kTotalSstFilesSize, &table.file_bytes);
    db.GetIntProperty(family, Properties::kSizeAllMemTables, &table.memtable_bytes);
    uint64_t pending_bytes = 0;
    db.GetIntProperty(family, Properties::kEstimatePendingCompactionBytes, &pending_bytes);
    statistics.file_bytes += table.file_bytes;
    statistics.memtable_bytes += table.memtable_bytes;
    statistics.pending_compaction_bytes += pending_bytes;
  }
  statistics.cache_bytes = database_->memory->cache->GetUsage();
  statistics.cache_max_bytes = database_->memory->cache->GetCapacity();
  statistics.commits = database_->commits.value();
  statistics.commit_bytes = database_->commit_bytes.value();
  return statistics;
}

}  // namespace braid
