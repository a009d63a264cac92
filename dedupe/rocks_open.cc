// Making, checking and opening a data directory.

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "dedupe/rocks_database.h"
#include "dedupe/rocks_options.h"
#include "dedupe/rocks_store.h"

namespace braid {
namespace {

namespace fs = std::filesystem;

constexpr char kIdentityKey[] = "identity";
constexpr char kDatabaseName[] = "db";
// Init builds it under this name, so that a database is whole or not there.
constexpr char kUnfinishedName[] = "db.new";
constexpr char kLockName[] = "LOCK";

absl::Status SyncDirectory(const std::string& dir) {
  const int fd = open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("can not open directory ", dir));
  const int error = fsync(fd) == 0 ? 0 : errno;
  close(fd);
  if (error == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(error, absl::StrCat("can not sync directory ", dir));
}

absl::Status Failed(absl::string_view what, const std::string& path, const std::error_code& error) {
  return absl::ErrnoToStatus(error.value(), absl::StrCat("can not ", what, " ", path));
}

// Names in a directory, sorted; NotFound if there is none.
absl::StatusOr<std::vector<std::string>> List(const std::string& dir) {
  std::error_code error;
  std::vector<std::string> names;
  fs::directory_iterator entry(dir, error);
  if (error == std::errc::no_such_file_or_directory) return absl::NotFoundError(dir);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  if (error) return Failed("list", dir, error);
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status CreateDirectory(const std::string& dir) {
  std::error_code error;
  fs::create_directories(dir, error);
  if (!error) fs::permissions(dir, fs::perms::owner_all, error);
  if (error) return Failed("make", dir, error);
  return SyncDirectory(fs::absolute(dir).parent_path().string());
}

// What Init itself may have left behind is no reason to refuse.
absl::Status CheckEmpty(const std::string& dir) {
  const absl::StatusOr<std::vector<std::string>> names = List(dir);
  if (absl::IsNotFound(names.status())) return absl::OkStatus();
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (name == kLockName || name == kUnfinishedName) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("will not initialize ", dir, ": it is not empty (it holds ", name,
                     "). Start without --init to use what is there, or name another directory"));
  }
  return absl::OkStatus();
}

absl::Status CreateDatabase(const std::string& path, const store::v1::Identity& identity) {
  RocksStore::Options options;
  options.memory = RocksStore::CreateMemory();
  rocksdb::DBOptions db_options = RocksDbOptions(options);
  db_options.create_if_missing = true;
  db_options.create_missing_column_families = true;
  db_options.error_if_exists = true;
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  rocksdb::Status status = rocksdb::DB::Open(
      db_options, path, RocksColumnFamilies(options.memory->cache), &families, &db);
  if (!status.ok()) return FromRocksStatus(status, absl::StrCat("can not create ", path));
  const std::unique_ptr<rocksdb::DB> owned(db);
  rocksdb::ColumnFamilyHandle* meta = families[static_cast<int>(Table::kMeta) + 1];
  rocksdb::WriteOptions synced;
  synced.sync = true;
  status = db->Put(synced, meta, kIdentityKey, identity.SerializeAsString());
  // Into a file: there it is found without replaying a log.
  if (status.ok()) status = db->Flush(rocksdb::FlushOptions(), meta);
  for (rocksdb::ColumnFamilyHandle* family : families) db->DestroyColumnFamilyHandle(family);
  const rocksdb::Status closed = db->Close();
  if (status.ok()) status = closed;
  return FromRocksStatus(status, absl::StrCat("can not write the identity to ", path));
}

absl::Status Foreign(const std::string& dir, absl::string_view why) {
  return absl::FailedPreconditionError(
      absl::StrCat("the data directory ", dir, " is not one of a deduper: ", why,
                   ". Wrong disk or path? Nothing was changed. To start a new log, run with "
                   "--init on an empty directory"));
}

// Looks only; nothing is locked or written.
absl::Status CheckIsDataDirectory(const std::string& dir) {
  const absl::StatusOr<std::vector<std::string>> names = List(dir);
  const bool missing = absl::IsNotFound(names.status());
  if (!missing && !names.ok()) return names.status();
  if (missing || names->empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "no data where data was expected: ", dir, missing ? " is missing" : " is empty",
        ". Wrong disk? If this is a new log, run --init once"));
  }
  for (absl::string_view needed : {kLockName, kDatabaseName}) {
    if (!std::binary_search(names->begin(), names->end(), std::string(needed))) {
      return Foreign(dir, absl::StrCat("it has no ", needed));
    }
  }
  std::error_code error;
  if (!fs::exists(fs::path(dir) / kDatabaseName / "CURRENT", error)) {
    return Foreign(dir, "its db holds no database (no file CURRENT)");
  }
  return absl::OkStatus();
}

// Reads the identity without writing a byte.
absl::StatusOr<store::v1::Identity> ReadIdentity(const std::string& dir) {
  const std::string path = absl::StrCat(dir, "/", kDatabaseName);
  const rocksdb::Options options = RocksOptionsForIdentity(dir);
  const std::vector<rocksdb::ColumnFamilyDescriptor> wanted = {
      {rocksdb::kDefaultColumnFamilyName, options}, {TableName(Table::kMeta), options}};
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  rocksdb::Status status = rocksdb::DB::OpenForReadOnly(options, path, wanted, &families, &db);
  if (status.IsInvalidArgument()) return Foreign(dir, "its database has no table meta");
  if (!status.ok()) {
    return FromRocksStatus(status, absl::StrCat("can not read ", path,
                                                ", which is damaged or can not be accessed; "
                                                "restore it, or start anew with --init on an "
                                                "empty directory and let the sources send again"));
  }
  const std::unique_ptr<rocksdb::DB> owned(db);
  std::string value;
  status = db->Get(rocksdb::ReadOptions(), families[1], kIdentityKey, &value);
  for (rocksdb::ColumnFamilyHandle* family : families) db->DestroyColumnFamilyHandle(family);
  if (status.IsNotFound()) return Foreign(dir, "its database has no identity");
  if (!status.ok()) return FromRocksStatus(status, absl::StrCat("can not read ", path));
  store::v1::Identity identity;
  if (!identity.ParseFromString(value)) return Foreign(dir, "its identity is not readable");
  return identity;
}

absl::Status CheckIdentity(const std::string& dir, const std::string& stream,
                           const store::v1::Identity& identity) {
  // First: a newer format may have changed what the rest means.
  if (identity.format() > RocksStore::kFormat) {
    return absl::FailedPreconditionError(
        absl::StrCat("the data directory ", dir, " has format ", identity.format(),
                     ", written by a newer version; this one reads only format ",
                     RocksStore::kFormat, ". Nothing was changed. Run the newer version"));
  }
  if (identity.format() < RocksStore::kFormat) {
    return absl::FailedPreconditionError(
        absl::StrCat("the data directory ", dir, " has format ", identity.format(),
                     ", written by an older version; this one reads only format ",
                     RocksStore::kFormat,
                     ". Nothing was changed. Run the older version to read it, or start a new log "
                     "with --init on an empty directory and let the sources send again"));
  }
  if (identity.stream() != stream) {
    return Foreign(dir, absl::StrCat("for this stream, that is: it holds the stream \"",
                                     identity.stream(), "\", expected \"", stream, "\""));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RocksStore::Init(const std::string& dir, const std::string& stream,
                              const std::string& log_id, absl::Time wall_time) {
  if (absl::Status empty = CheckEmpty(dir); !empty.ok()) return empty;
  if (absl::Status made = CreateDirectory(dir); !made.ok()) return made;
  const absl::StatusOr<std::unique_ptr<DirLock>> lock = DirLock::Acquire(dir);
  if (!lock.ok()) return lock.status();
  // Another Init may have been quicker.
  if (absl::Status empty = CheckEmpty(dir); !empty.ok()) return empty;

  const std::string unfinished = absl::StrCat(dir, "/", kUnfinishedName);
  std::error_code error;
  fs::remove_all(unfinished, error);
  if (error) return Failed("remove", unfinished, error);
  store::v1::Identity identity;
  identity.set_format(kFormat);
  identity.set_log_id(log_id);
  identity.set_stream(stream);
  identity.set_created_wall_micros(absl::ToUnixMicros(wall_time));
  if (absl::Status made = CreateDatabase(unfinished, identity); !made.ok()) return made;
  fs::rename(unfinished, absl::StrCat(dir, "/", kDatabaseName), error);
  if (error) return Failed("rename", unfinished, error);
  return SyncDirectory(dir);
}

absl::StatusOr<std::unique_ptr<RocksStore>> RocksStore::Open(const std::string& dir,
                                                             const std::string& stream,
                                                             Options options) {
  if (absl::Status found = CheckIsDataDirectory(dir); !found.ok()) return found;
  absl::StatusOr<std::unique_ptr<DirLock>> lock = DirLock::Acquire(dir);
  if (!lock.ok()) return lock.status();
  absl::StatusOr<store::v1::Identity> identity = ReadIdentity(dir);
  if (!identity.ok()) return identity.status();
  if (absl::Status ours = CheckIdentity(dir, stream, *identity); !ours.ok()) return ours;
  if (options.memory == nullptr) options.memory = CreateMemory();
  absl::StatusOr<std::unique_ptr<Database>> database =
      Database::Open(dir, *std::move(lock), std::move(options));
  if (!database.ok()) return database.status();
  std::unique_ptr<RocksStore> store(
      new RocksStore(*std::move(identity), *std::move(database)));
  // Its id may have been renewed since it was made; that stands in the log.
  absl::StatusOr<std::string> newest = store->Get(Table::kMeta, kIdentityKey);
  if (absl::IsNotFound(newest.status())) return Foreign(dir, "its database has no identity");
  if (!newest.ok()) return newest.status();
  if (!store->identity_.ParseFromString(*newest)) {
    return absl::DataLossError(absl::StrCat("the identity in ", dir, " can not be read"));
  }
  return store;
}

absl::Status RocksFailure::status() const {
  if (!failed_.load(std::memory_order_acquire)) return absl::OkStatus();
  MutexLock lock(&mu_);
  return status_;
}

void RocksFailure::Set(const absl::Status& status) {
  BRAID_CHECK(!status.ok());
  {
    MutexLock lock(&mu_);
    if (!status_.ok()) return;
    status_ = status;
    failed_.store(true, std::memory_order_release);
  }
  if (on_fatal_) on_fatal_(status);
}

void RocksFailure::OnBackgroundError(rocksdb::BackgroundErrorReason reason,
                                     rocksdb::Status* error) {
  Set(FromRocksStatus(*error, absl::StrCat("the database failed in the background (reason ",
                                           static_cast<int>(reason), ")")));
}

RocksStore::Database::Database(const std::string& dir, std::unique_ptr<DirLock> lock,
                               const Options& options)
    : dir(dir),
      lock(std::move(lock)),
      memory(options.memory),
      failure(std::make_shared<RocksFailure>(options.on_fatal)) {}

absl::StatusOr<std::unique_ptr<RocksStore::Database>> RocksStore::Database::Open(
    const std::string& dir, std::unique_ptr<DirLock> lock, Options options) {
  std::unique_ptr<Database> database(new Database(dir, std::move(lock), options));
  rocksdb::DBOptions db_options = RocksDbOptions(options);
  db_options.listeners.push_back(database->failure);
  const std::string path = absl::StrCat(dir, "/", kDatabaseName);
  rocksdb::DB* db = nullptr;
  WatchRecovery(path, &db_options);
  const rocksdb::Status status = rocksdb::DB::Open(
      db_options, path, RocksColumnFamilies(options.memory->cache), &database->families, &db);
  database->db.reset(db);
  if (!status.ok()) return FromRocksStatus(status, absl::StrCat("can not open ", path));
  return database;
}

RocksStore::Database::~Database() {
  if (db == nullptr) return;
  for (rocksdb::ColumnFamilyHandle* family : families) db->DestroyColumnFamilyHandle(family);
  // What was committed is in the log: errors of closing lose nothing.
  db->Close().PermitUncheckedError();
}

}  // namespace braid
