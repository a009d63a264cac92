// How far a log has come, in a small file beside its database, so that a
// database which lost its end or was restored from an older copy is found out
// when it is opened. The mark is written after every commit and before anybody
// is told of it; the system keeps it over the end of the process at once, the
// disk after the next Sync.
// Two slots are written in turn: a torn one leaves the one before.
//
// Threads: one at a time.

#ifndef BRAID_DEDUPE_LOG_MARK_H_
#define BRAID_DEDUPE_LOG_MARK_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "braid/store/v1/log.pb.h"

namespace braid {

class LogMarkFile {
 public:
  // Beside the data directory of a stream, not inside: it does not go back
  // with a directory that is restored.
  static std::string PathFor(const std::string& stream_dir) { return stream_dir + ".mark"; }

  // Makes the file where there is none.
  static absl::StatusOr<std::unique_ptr<LogMarkFile>> Open(const std::string& path);
  // For a log that begins: what another one left counts no more.
  static absl::Status Remove(const std::string& path);
  ~LogMarkFile();

  // The newest whole mark when the file was opened.
  const absl::optional<store::v1::LogMark>& found() const { return found_; }

  absl::Status Write(store::v1::LogMark mark);
  absl::Status Sync();

 private:
  LogMarkFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  absl::Status Load();

  const std::string path_;
  const int fd_;
  absl::optional<store::v1::LogMark> found_;
  uint64_t writes_ = 0;
};

store::v1::LogMark MarkOf(const std::string& log_id, const store::v1::CoreState& core);

}  // namespace braid

#endif  // BRAID_DEDUPE_LOG_MARK_H_
