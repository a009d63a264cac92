// Says on disk how far a session is durable, in files of their own: whatever
// then happens to the end of the session's segments is noticed at the next
// start. A mark follows each sync; what no mark names was never promised.
//
// Threads: everything on the loop.
// Ownership: files outlives this.
// Bounds: two files of kMarkFileBytesMax per session.

#ifndef BRAID_INGEST_SPOOL_MARKS_H_
#define BRAID_INGEST_SPOOL_MARKS_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "base/file_system.h"
#include "ingest/spool_format.h"

namespace braid {

// A minute of syncs; a new file costs one sync of the directory.
inline constexpr uint64_t kMarkFileBytesMax = 64 << 10;

std::string MarkPath(const std::string& session_dir, uint64_t number);

class SpoolMarks {
 public:
  explicit SpoolMarks(FileSystem& files) : files_(files) {}

  bool is_open() const { return file_ != nullptr; }
  // Makes the first file. To be done before the session's first segment is
  // made: a session with segments and without marks is damaged.
  absl::Status Open(const std::string& session_dir);

  // `done` runs in a later turn, once the mark is durable. One at a time. The
  // directory is where the session is now. REQUIRES: is_open().
  absl::Status Write(const std::string& session_dir, const SyncMark& mark,
                     absl::AnyInvocable<void(absl::Status)> done);

  // Writes a mark to a file of its own. Blocks.
  absl::Status Put(const std::string& session_dir, const SyncMark& mark);

 private:
  FileSystem& files_;
  std::unique_ptr<AppendFile> file_;
  uint64_t next_number_ = 0;
  uint64_t number_ = 0;
  uint64_t bytes_ = 0;
  // To be removed once a mark of its successor is durable.
  absl::optional<uint64_t> superseded_;
};

}  // namespace braid

#endif  // BRAID_INGEST_SPOOL_MARKS_H_
