// The simulator's store: ordered maps that obey dedupe/store.h, fail on
// request, and can be copied as "what the disk holds" for a restart.
//
// Threads: one (unlike RocksStore). Bounds: none; it is for tests.

#ifndef BRAID_TESTS_DEDUPE_MEM_STORE_H_
#define BRAID_TESTS_DEDUPE_MEM_STORE_H_

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "dedupe/store.h"

namespace braid {

class MemStore final : public Store {
 public:
  using TableMap = std::map<std::string, std::string>;

  enum class CommitFault {
    kNone,
    // The commit reports an error and nothing of it is there.
    kFailNotApplied,
    // The commit reports an error and all of it is there: indeterminate, as
    // measured with RocksDB.
    kFailApplied,
  };

  MemStore() = default;
  // Same content, no fault: the disk as a restarted process finds it. Nothing
  // unsynced exists to be forgotten, since every commit is durable.
  MemStore(const MemStore& other) : tables_(other.tables_), keeps_log_(other.keeps_log_) {}
  MemStore& operator=(const MemStore&) = delete;

  // The log outlives its retention, for checks that read all of it.
  void KeepLog() { keeps_log_ = true; }

  // The next Commit fails so, and every later one fails without effect.
  void FailNextCommit(CommitFault fault) { fault_ = fault; }
  bool fault_fired() const { return failed_; }

  absl::StatusOr<std::string> Get(Table table, absl::string_view key) const override;
  absl::Status Scan(Table table, absl::string_view from, absl::string_view until,
                    Visitor visitor) const override;
  absl::Status ScanBack(Table table, absl::string_view from, Visitor visitor) const override;
  absl::Status Commit(const WriteSet& changes) override;
  absl::Status DropBefore(Table table, absl::string_view key) override;
  absl::Status WriteOut() override {
    ++write_outs_;
    return absl::OkStatus();
  }

  const TableMap& table(Table table) const { return tables_[static_cast<int>(table)]; }
  const std::array<TableMap, kTableCount>& tables() const { return tables_; }
  uint64_t commits() const { return commits_; }
  int write_outs() const { return write_outs_; }

 private:
  void Apply(const WriteSet& changes);

  std::array<TableMap, kTableCount> tables_;
  CommitFault fault_ = CommitFault::kNone;
  bool failed_ = false;
  uint64_t commits_ = 0;
  int write_outs_ = 0;
  bool keeps_log_ = false;
};

}  // namespace braid

#endif  // BRAID_TESTS_DEDUPE_MEM_STORE_H_
