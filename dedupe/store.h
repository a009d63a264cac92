// The seam to the deduper's disk: one ordered table per kind of fact, one
// atomic and durable commit. RocksStore is the real one, MemStore the
// simulator's; both pass tests/dedupe/store_conformance.
//
// Threads: Commit, DropBefore and LastKey by the merger thread only; Get and
// Scan by any thread (they see the last commit that returned, or a later one).
// Errors: NotFound is an outcome of Get. Every other error of any method means
// the state on disk is indeterminate: stop the process and reopen.

#ifndef BRAID_DEDUPE_STORE_H_
#define BRAID_DEDUPE_STORE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace braid {

// docs/KEYS.md describes the keys of each table, byte by byte.
enum class Table : uint8_t {
  kLog = 0,
  kIds = 1,
  kSightings = 2,
  kStrays = 3,
  kSources = 4,
  kCover = 5,
  kMeta = 6,
  kUsage = 7,
};
inline constexpr int kTableCount = 8;
// Name of the table on disk: "log", "ids", …
const char* TableName(Table table);

// What one commit changes, in order. Later changes of a key win.
class WriteSet {
 public:
  struct Change {
    enum class Kind : uint8_t { kPut, kDelete, kDeleteRange };
    Kind kind;
    Table table;
    std::string key;
    // Value of a put; exclusive end of a range.
    std::string value;
  };

  void Put(Table table, std::string key, std::string value) {
    bytes_ += key.size() + value.size();
    changes_.push_back({Change::Kind::kPut, table, std::move(key), std::move(value)});
  }
  void Delete(Table table, std::string key) {
    bytes_ += key.size();
    changes_.push_back({Change::Kind::kDelete, table, std::move(key), ""});
  }
  void DeleteRange(Table table, std::string from, std::string until) {
    changes_.push_back({Change::Kind::kDeleteRange, table, std::move(from), std::move(until)});
  }

  const std::vector<Change>& changes() const { return changes_; }
  uint64_t bytes() const { return bytes_; }
  bool empty() const { return changes_.empty(); }
  void Clear() {
    changes_.clear();
    bytes_ = 0;
  }

 private:
  std::vector<Change> changes_;
  uint64_t bytes_ = 0;
};

class Store {
 public:
  // Return false to stop.
  using Visitor = absl::FunctionRef<bool(absl::string_view key, absl::string_view value)>;

  virtual ~Store() = default;

  virtual absl::StatusOr<std::string> Get(Table table, absl::string_view key) const = 0;

  // Visits keys in [from, until) in ascending order; an empty `until` means to
  // the end.
  virtual absl::Status Scan(Table table, absl::string_view from, absl::string_view until,
                            Visitor visitor) const = 0;

  // Visits keys at or below `from` in descending order; an empty `from` means
  // from the last key.
  virtual absl::Status ScanBack(Table table, absl::string_view from, Visitor visitor) const = 0;

  // Atomic and durable when it returns OK. After an error the changes may or
  // may not be there.
  virtual absl::Status Commit(const WriteSet& changes) = 0;

  // Allows the store to forget keys below `key`, whole files at a time, when
  // it suits it. Keys may stay: the caller decides by its floor, not by this.
  virtual absl::Status DropBefore(Table table, absl::string_view key) = 0;

  // Moves what is buffered to where DropBefore can reach it. Does not block.
  virtual absl::Status WriteOut() { return absl::OkStatus(); }
};

}  // namespace braid

#endif  // BRAID_DEDUPE_STORE_H_
