#include "dedupe/log_mark.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "base/hash.h"

namespace braid {
namespace {

// A sector, which a disk writes whole or not at all more often than not; the
// hash tells.
constexpr size_t kSlotBytes = 512;
constexpr int kSlots = 2;
// Hash and length.
constexpr size_t kHeaderBytes = 8 + 4;

absl::Status Failed(absl::string_view what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat("can not ", what, " ", path));
}

absl::Status SyncParent(const std::string& path) {
  const std::string parent = std::filesystem::absolute(path).parent_path().string();
  const int fd = open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Failed("open", parent);
  absl::Status status = fsync(fd) == 0 ? absl::OkStatus() : Failed("sync", parent);
  close(fd);
  return status;
}

std::string EncodeSlot(const store::v1::LogMark& mark) {
  std::string body;
  AppendBe32(&body, static_cast<uint32_t>(mark.ByteSizeLong()));
  body += mark.SerializeAsString();
  std::string slot;
  AppendBe64(&slot, Hash64(body));
  slot += body;
  slot.resize(kSlotBytes, '\0');
  return slot;
}

absl::optional<store::v1::LogMark> DecodeSlot(absl::string_view slot) {
  uint32_t size = ReadBe32(slot.substr(8));
  if (size > kSlotBytes - kHeaderBytes) return absl::nullopt;
  if (Hash64(slot.substr(8, 4 + size)) != ReadBe64(slot)) return absl::nullopt;
  store::v1::LogMark mark;
  if (!mark.ParseFromArray(slot.data() + kHeaderBytes, static_cast<int>(size))) {
    return absl::nullopt;
  }
  return mark;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LogMarkFile>> LogMarkFile::Open(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return Failed("open", path);
  std::unique_ptr<LogMarkFile> file(new LogMarkFile(path, fd));
  absl::Status status = file->Load();
  if (status.ok()) status = SyncParent(path);
  if (!status.ok()) return status;
  return file;
}

absl::Status LogMarkFile::Remove(const std::string& path) {
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return Failed("remove", path);
  return SyncParent(path);
}

LogMarkFile::~LogMarkFile() { close(fd_); }

absl::Status LogMarkFile::Load() {
  std::string bytes(kSlots * kSlotBytes, '\0');
  const ssize_t got = pread(fd_, bytes.data(), bytes.size(), 0);
  if (got < 0) return Failed("read", path_);
  for (int i = 0; i < kSlots; ++i) {
    auto mark = DecodeSlot(absl::string_view(bytes).substr(i * kSlotBytes, kSlotBytes));
    if (!mark.has_value() || (found_.has_value() && mark->writes() < found_->writes())) continue;
    found_ = std::move(mark);
  }
  if (found_.has_value()) writes_ = found_->writes();
  return absl::OkStatus();
}

absl::Status LogMarkFile::Write(store::v1::LogMark mark) {
  mark.set_writes(++writes_);
  const std::string slot = EncodeSlot(mark);
  if (slot.size() != kSlotBytes) return absl::InternalError("a mark is longer than its slot");
  const auto at = static_cast<off_t>((writes_ % kSlots) * kSlotBytes);
  if (pwrite(fd_, slot.data(), slot.size(), at) != static_cast<ssize_t>(slot.size())) {
    return Failed("write", path_);
  }
  return absl::OkStatus();
}

absl::Status LogMarkFile::Sync() {
  return fdatasync(fd_) == 0 ? absl::OkStatus() : Failed("sync", path_);
}

store::v1::LogMark MarkOf(const std::string& log_id, const store::v1::CoreState& core) {
  store::v1::LogMark mark;
  mark.set_log_id(log_id);
  mark.set_sequence(core.next_sequence());
  mark.set_ordinal(core.next_ordinal());
  mark.set_chain(core.chain());
  mark.set_now_micros(core.now_micros());
  return mark;
}

}  // namespace braid
