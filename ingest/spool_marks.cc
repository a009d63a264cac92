#include "ingest/spool_marks.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace braid {

std::string MarkPath(const std::string& session_dir, uint64_t number) {
  return absl::StrCat(session_dir, "/", SpoolNumber(number), kMarkSuffix);
}

absl::Status SpoolMarks::Open(const std::string& session_dir) {
  auto file = files_.Create(MarkPath(session_dir, next_number_));
  if (!file.ok()) return file.status();
  file_ = *std::move(file);
  number_ = next_number_++;
  bytes_ = 0;
  return absl::OkStatus();
}

absl::Status SpoolMarks::Write(const std::string& session_dir, const SyncMark& mark,
                               absl::AnyInvocable<void(absl::Status)> done) {
  absl::Status status;
  if (superseded_.has_value()) {
    status = files_.Remove(MarkPath(session_dir, *std::exchange(superseded_, absl::nullopt)));
  } else if (bytes_ >= kMarkFileBytesMax) {
    superseded_ = number_;
    status = Open(session_dir);
  }
  if (status.ok()) status = file_->Append(EncodeSyncMark(mark));
  if (!status.ok()) return status;
  bytes_ += kSyncMarkBytes;
  file_->Sync(std::move(done));
  return absl::OkStatus();
}

absl::Status SpoolMarks::Put(const std::string& session_dir, const SyncMark& mark) {
  return files_.Replace(MarkPath(session_dir, next_number_++), EncodeSyncMark(mark));
}

}  // namespace braid
