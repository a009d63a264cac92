#include "dedupe/rocks_store.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/bytes.h"
#include "tests/dedupe/store_conformance.h"
#include "tests/dedupe/temporary_dir.h"

namespace braid {
namespace {

namespace fs = std::filesystem;

constexpr char kStream[] = "filtered";

class RocksStoreFactory {
 public:
  RocksStoreFactory() {
    EXPECT_TRUE(RocksStore::Init(dir(), kStream, "log-1", absl::FromUnixSeconds(1)).ok());
    Reopen();
  }

  Store& store() { return *store_; }
  void Reopen() {
    store_.reset();
    auto store = RocksStore::Open(dir(), kStream, {});
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

 private:
  std::string dir() const { return temporary_.path() + "/data"; }

  TemporaryDir temporary_;
  std::unique_ptr<RocksStore> store_;
};

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(Rocks, StoreConformance, RocksStoreFactory);

namespace {

std::string Contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream contents;
  contents << file.rdbuf();
  return contents.str();
}

// Every file below `dir` with its content, except who last locked it.
std::map<std::string, std::string> Snapshot(const std::string& dir) {
  std::map<std::string, std::string> files;
  if (!fs::exists(dir)) return files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(dir)) {
    const std::string name = fs::relative(entry.path(), dir).string();
    files[name] = entry.is_regular_file() && name != "LOCK" ? Contents(entry.path()) : "";
  }
  return files;
}

class RocksStoreTest : public testing::Test {
 protected:
  void Init() {
    const absl::Status made = RocksStore::Init(dir_, kStream, "log-1", absl::FromUnixSeconds(1));
    ASSERT_TRUE(made.ok()) << made;
  }
  std::unique_ptr<RocksStore> Open() {
    absl::StatusOr<std::unique_ptr<RocksStore>> store = RocksStore::Open(dir_, kStream, {});
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }

  // Replaces the identity as only a program other than ours would.
  void CommitIdentity(const WriteSet& changes) {
    ASSERT_TRUE(Open()->Commit(changes).ok());
    // Opening moves it from the log, which the first look does not read, into
    // a table file, where identities are.
    RocksStore::Open(dir_, kStream, {}).IgnoreError();
  }

  // Refused with a message that holds all of `words`, and nothing changed.
  void ExpectRefused(const std::vector<std::string>& words, const std::string& stream = kStream) {
    const std::map<std::string, std::string> before = Snapshot(dir_);
    const absl::Status status = RocksStore::Open(dir_, stream, {}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    for (const std::string& word : words) {
      EXPECT_TRUE(absl::StrContains(status.message(), word)) << word << " not in: " << status;
    }
    EXPECT_TRUE(absl::StrContains(status.message(), dir_)) << status;
    EXPECT_TRUE(Snapshot(dir_) == before) << "the directory changed";
  }

  TemporaryDir temporary_;
  const std::string dir_ = temporary_.path() + "/data";
};

TEST_F(RocksStoreTest, IdentityIsWhatInitWrote) {
  Init();
  const std::unique_ptr<RocksStore> store = Open();
  EXPECT_EQ(store->identity().log_id(), "log-1");
  EXPECT_EQ(store->identity().stream(), kStream);
  EXPECT_EQ(store->identity().format(), RocksStore::kFormat);
  EXPECT_EQ(store->identity().created_wall_micros(), 1000000);
  store::v1::Identity stored;
  ASSERT_TRUE(stored.ParseFromString(*store->Get(Table::kMeta, "identity")));
  EXPECT_EQ(stored.log_id(), "log-1");
}

TEST_F(RocksStoreTest, InitMakesParentsForTheOwnerOnly) {
  const std::string dir = dir_ + "/deeper/still";
  ASSERT_TRUE(RocksStore::Init(dir, kStream, "log-1", absl::FromUnixSeconds(1)).ok());
  EXPECT_EQ(fs::status(dir).permissions(), fs::perms::owner_all);
  EXPECT_TRUE(RocksStore::Open(dir, kStream, {}).ok());
}

TEST_F(RocksStoreTest, InitRefusesWhatIsNotEmpty) {
  fs::create_directories(dir_);
  std::ofstream(dir_ + "/thesis.tex") << "years of work";
  const std::map<std::string, std::string> before = Snapshot(dir_);
  const absl::Status status = RocksStore::Init(dir_, kStream, "log-1", absl::UnixEpoch());
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::StrContains(status.message(), "thesis.tex")) << status;
  EXPECT_TRUE(Snapshot(dir_) == before);
}

TEST_F(RocksStoreTest, InitTwiceIsRefusedAndKeepsTheLog) {
  Init();
  const absl::Status status = RocksStore::Init(dir_, kStream, "log-2", absl::UnixEpoch());
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_EQ(Open()->identity().log_id(), "log-1");
}

TEST_F(RocksStoreTest, InitGoesOnAfterACrashOfItself) {
  fs::create_directories(dir_ + "/db.new");
  std::ofstream(dir_ + "/db.new/CURRENT") << "half";
  std::ofstream(dir_ + "/LOCK") << "123";
  Init();
  EXPECT_EQ(Open()->identity().log_id(), "log-1");
  EXPECT_FALSE(fs::exists(dir_ + "/db.new"));
}

TEST_F(RocksStoreTest, MissingDirectoryIsRefused) {
  ExpectRefused({"no data where data was expected", "missing", "--init"});
  EXPECT_FALSE(fs::exists(dir_));
}

TEST_F(RocksStoreTest, EmptyDirectoryIsRefused) {
  fs::create_directories(dir_);
  ExpectRefused({"no data where data was expected", "empty", "--init"});
}

TEST_F(RocksStoreTest, DirectoryWithoutADatabaseIsRefused) {
  fs::create_directories(dir_ + "/photos");
  ExpectRefused({"not one of a deduper"});
}

TEST_F(RocksStoreTest, VanishedDatabaseIsRefused) {
  Init();
  fs::remove(dir_ + "/db/CURRENT");
  ExpectRefused({"not one of a deduper", "CURRENT"});
}

TEST_F(RocksStoreTest, DatabaseWithoutIdentityIsRefused) {
  Init();
  WriteSet changes;
  changes.Delete(Table::kMeta, "identity");
  CommitIdentity(changes);
  ExpectRefused({"not one of a deduper", "identity"});
}

TEST_F(RocksStoreTest, OtherStreamIsRefused) {
  Init();
  ExpectRefused({"\"filtered\"", "\"firehose\""}, "firehose");
}

TEST_F(RocksStoreTest, OtherFormatsAreRefused) {
  Init();
  const std::map<uint32_t, std::string> formats = {
      {RocksStore::kFormat - 1, "older version"},
      {RocksStore::kFormat + 1, "newer version"},
  };
  for (const auto& [format, word] : formats) {
    store::v1::Identity identity;
    identity.set_format(format);
    identity.set_log_id("log-1");
    identity.set_stream(kStream);
    WriteSet changes;
    changes.Put(Table::kMeta, "identity", identity.SerializeAsString());
    fs::remove_all(dir_);
    Init();
    CommitIdentity(changes);
    ExpectRefused(
        {absl::StrCat("has format ", format), word, "only format 2", "Nothing was changed"});
  }
}

TEST_F(RocksStoreTest, SecondOpenIsRefusedWhileTheFirstLives) {
  Init();
  std::unique_ptr<RocksStore> first = Open();
  const absl::Status status = RocksStore::Open(dir_, kStream, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), absl::StrCat(dir_, " is in use"))) << status;
  first.reset();
  EXPECT_NE(Open(), nullptr);
}

// What the reliability rules demand, as RocksDB itself recorded it.
class RecordedOptions {
 public:
  explicit RecordedOptions(const std::string& database_dir) {
    std::string newest;
    for (const fs::directory_entry& entry : fs::directory_iterator(database_dir)) {
      const std::string name = entry.path().filename().string();
      if (absl::StartsWith(name, "OPTIONS-") && !absl::EndsWith(name, "tmp")) {
        newest = std::max(newest, entry.path().string());
      }
    }
    std::string section;
    for (absl::string_view line : absl::StrSplit(Contents(newest), '\n')) {
      line = absl::StripAsciiWhitespace(line);
      if (absl::StartsWith(line, "[")) section = std::string(line.data(), line.size());
      const std::vector<std::string> parts = absl::StrSplit(line, absl::MaxSplits('=', 1));
      if (parts.size() == 2) values_[section + parts[0]] = parts[1];
    }
  }

  std::string Db(const std::string& name) const { return Value("[DBOptions]" + name); }
  std::string Family(const std::string& family, const std::string& name) const {
    return Value("[CFOptions \"" + family + "\"]" + name);
  }
  std::string Blocks(const std::string& family, const std::string& name) const {
    return Value("[TableOptions/BlockBasedTable \"" + family + "\"]" + name);
  }

 private:
  std::string Value(const std::string& name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? "absent" : found->second;
  }

  std::map<std::string, std::string> values_;
};

TEST_F(RocksStoreTest, DatabaseRunsWithTheOptionsThatReliabilityAsksFor) {
  Init();
  const std::unique_ptr<RocksStore> store = Open();
  const RecordedOptions options(dir_ + "/db");
  const std::map<std::string, std::string> expected = {
      {"paranoid_checks", "true"},
      {"wal_recovery_mode", "kPointInTimeRecovery"},
      {"max_total_wal_size", "67108864"},
      {"max_background_jobs", "2"},
      {"max_bgerror_resume_count", "0"},
      {"max_open_files", "512"},
      // 7.8.3 has faults in each of these that a later version mended.
      {"manual_wal_flush", "false"},
      {"track_and_verify_wals_in_manifest", "false"},
      {"wal_compression", "kNoCompression"},
      {"recycle_log_file_num", "0"},
      {"WAL_ttl_seconds", "0"},
      {"unordered_write", "false"},
      {"best_efforts_recovery", "false"},
      {"allow_mmap_writes", "false"},
      {"create_if_missing", "false"},
  };
  for (const auto& [name, value] : expected) EXPECT_EQ(options.Db(name), value) << name;
  for (int i = 0; i < kTableCount; ++i) {
    const std::string table = TableName(static_cast<Table>(i));
    EXPECT_EQ(options.Family(table, "force_consistency_checks"), "true") << table;
    EXPECT_EQ(options.Family(table, "max_write_buffer_number"), "2") << table;
    EXPECT_EQ(options.Family(table, "compaction_style"), "kCompactionStyleLevel") << table;
    EXPECT_EQ(options.Blocks(table, "format_version"), "5") << table;
    EXPECT_EQ(options.Blocks(table, "cache_index_and_filter_blocks"), "true") << table;
  }
  EXPECT_EQ(options.Family("log", "compression"), "kNoCompression");
  EXPECT_EQ(options.Family("log", "write_buffer_size"), "33554432");
  EXPECT_EQ(options.Family("ids", "write_buffer_size"), "16777216");
  EXPECT_TRUE(absl::StrContains(options.Blocks("ids", "filter_policy"), "bloomfilter:10"))
      << options.Blocks("ids", "filter_policy");
  EXPECT_EQ(options.Blocks("ids", "whole_key_filtering"), "true");
}

std::string Key(uint64_t number) {
  std::string key;
  AppendBe64(&key, number);
  return key;
}

TEST_F(RocksStoreTest, DroppingBeforeAKeyFreesDiskAndKeepsTheRest) {
  Init();
  const std::unique_ptr<RocksStore> store = Open();
  // Enough for several memtables, so that files leave level 0.
  const uint64_t count = 250;
  for (uint64_t i = 0; i < count; ++i) {
    WriteSet changes;
    changes.Put(Table::kLog, Key(i), std::string(1 << 20, static_cast<char>(i)));
    ASSERT_TRUE(store->Commit(changes).ok());
  }
  const uint64_t before = store->statistics().tables[static_cast<int>(Table::kLog)].file_bytes;
  ASSERT_GT(before, 100 << 20);
  ASSERT_TRUE(store->DropBefore(Table::kLog, Key(count - 10)).ok());
  const uint64_t after = store->statistics().tables[static_cast<int>(Table::kLog)].file_bytes;
  EXPECT_LT(after, before / 2);
  for (uint64_t i = count - 10; i < count; ++i) {
    EXPECT_TRUE(store->Get(Table::kLog, Key(i)).ok()) << i;
  }
}

TEST_F(RocksStoreTest, QuietTablesDoNotKeepOldLogsAlive) {
  Init();
  const std::unique_ptr<RocksStore> store = Open();
  WriteSet once;
  once.Put(Table::kSources, "fra-a", "state");
  ASSERT_TRUE(store->Commit(once).ok());
  uint64_t wal_bytes_max = 0;
  for (uint64_t i = 0; i < 200; ++i) {
    WriteSet changes;
    changes.Put(Table::kLog, Key(i), std::string(1 << 20, static_cast<char>(i)));
    ASSERT_TRUE(store->Commit(changes).ok());
    uint64_t wal_bytes = 0;
    for (const fs::directory_entry& entry : fs::directory_iterator(dir_ + "/db")) {
      std::error_code deleted_meanwhile;
      const uint64_t bytes = entry.file_size(deleted_meanwhile);
      if (entry.path().extension() == ".log" && !deleted_meanwhile) wal_bytes += bytes;
    }
    wal_bytes_max = std::max(wal_bytes_max, wal_bytes);
  }
  // One memtable more may be written while the flush runs.
  EXPECT_LT(wal_bytes_max, RocksStore::kWalMaxBytes + (64 << 20));
}

TEST_F(RocksStoreTest, StatisticsCountCommitsAndKeys) {
  Init();
  const std::unique_ptr<RocksStore> store = Open();
  WriteSet changes;
  for (int i = 0; i < 100; ++i) changes.Put(Table::kIds, Key(i), Key(i));
  ASSERT_TRUE(store->Commit(changes).ok());
  const RocksStore::Statistics statistics = store->statistics();
  EXPECT_EQ(statistics.commits, 1);
  EXPECT_EQ(statistics.commit_bytes, 1600);
  EXPECT_EQ(statistics.tables[static_cast<int>(Table::kIds)].keys_estimate, 100);
  EXPECT_EQ(statistics.tables[static_cast<int>(Table::kLog)].keys_estimate, 0);
  EXPECT_GT(statistics.memtable_bytes, 1600);
}

TEST_F(RocksStoreTest, StoresOfAProcessShareTheirMemory) {
  const std::shared_ptr<RocksStore::Memory> memory = RocksStore::CreateMemory(64 << 20);
  RocksStore::Options options;
  options.memory = memory;
  std::vector<std::unique_ptr<RocksStore>> stores;
  for (const std::string stream : {"one", "two"}) {
    const std::string dir = absl::StrCat(dir_, "/", stream);
    ASSERT_TRUE(RocksStore::Init(dir, stream, "log", absl::UnixEpoch()).ok());
    auto store = RocksStore::Open(dir, stream, options);
    ASSERT_TRUE(store.ok()) << store.status();
    stores.push_back(*std::move(store));
  }
  EXPECT_EQ(stores[0]->statistics().cache_max_bytes, 64 << 20);
  EXPECT_EQ(stores[0]->statistics().cache_bytes, stores[1]->statistics().cache_bytes);
}

// While it lives, this process can write no file beyond `bytes`: a write error
// as a real disk gives it.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(uint64_t bytes) {
    old_handler_ = signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old_limit_);
    const rlimit limit = {bytes, old_limit_.rlim_max};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) ADD_FAILURE() << "can not set the limit";
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &old_limit_);
    signal(SIGXFSZ, old_handler_);
  }

 private:
  rlimit old_limit_;
  sighandler_t old_handler_;
};

TEST_F(RocksStoreTest, FirstFailedCommitIsFinalAndToldOnce) {
  Init();
  std::vector<absl::Status> told;
  RocksStore::Options options;
  options.on_fatal = [&](absl::Status status) { told.push_back(std::move(status)); };
  {
    auto store = RocksStore::Open(dir_, kStream, options);
    ASSERT_TRUE(store.ok()) << store.status();
    WriteSet small;
    small.Put(Table::kIds, "before", "1");
    ASSERT_TRUE((*store)->Commit(small).ok());
    {
      FileSizeLimit limit(256 << 10);
      WriteSet large;
      large.Put(Table::kLog, "large", std::string(1 << 20, 'x'));
      large.Put(Table::kIds, "large", "1");
      EXPECT_FALSE((*store)->Commit(large).ok());
    }
    // There is room again, but nobody knows what is on disk.
    EXPECT_FALSE((*store)->Commit(small).ok());
    EXPECT_FALSE((*store)->Get(Table::kIds, "before").ok());
    EXPECT_FALSE((*store)->DropBefore(Table::kIds, "x").ok());
    EXPECT_EQ(told.size(), 1);
  }
  const std::unique_ptr<RocksStore> reopened = Open();
  EXPECT_TRUE(reopened->Get(Table::kIds, "before").ok());
  EXPECT_EQ(reopened->Get(Table::kLog, "large").ok(), reopened->Get(Table::kIds, "large").ok());
}

// Overwrites bytes in the middle of every table file.
int DamageTableFiles(const std::string& dir) {
  int damaged = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(dir + "/db")) {
    if (entry.path().extension() != ".sst") continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(16);
    file.write("\xff\x00\xff\x00\xff\x00\xff\x00", 8);
    ++damaged;
  }
  return damaged;
}

TEST_F(RocksStoreTest, DamagedDatabaseIsDataLoss) {
  Init();
  ASSERT_GT(DamageTableFiles(dir_), 0);
  const absl::Status status = RocksStore::Open(dir_, kStream, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), dir_)) << status;
}

}  // namespace
}  // namespace braid
