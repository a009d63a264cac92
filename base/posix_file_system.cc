#include "base/posix_file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file_path.h"
#include "base/sync_thread.h"

namespace braid {
namespace {

absl::Status Failed(absl::string_view what, absl::string_view path) {
  return absl::ErrnoToStatus(errno, absl::StrCat("can not ", what, " ", path));
}

class FileDescriptor {
 public:
  FileDescriptor(const std::string& path, int flags)
      : fd_(open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;

  bool ok() const { return fd_ >= 0; }
  int get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

absl::Status SyncDir(const std::string& dir) {
  const FileDescriptor fd(dir, O_RDONLY | O_DIRECTORY);
  if (!fd.ok()) return Failed("open directory", dir);
  if (fsync(fd.get()) != 0) return Failed("sync directory", dir);
  return absl::OkStatus();
}

absl::Status WriteAll(int fd, absl::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Failed("write", path);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

class PosixAppendFile final : public AppendFile {
 public:
  PosixAppendFile(std::shared_ptr<SyncedFile> file, std::shared_ptr<SyncThread> sync_thread)
      : file_(std::move(file)), sync_thread_(std::move(sync_thread)) {}

  absl::Status Append(absl::string_view bytes) override {
    return WriteAll(file_->fd, bytes, file_->path);
  }

  void Sync(absl::AnyInvocable<void(absl::Status)> done) override {
    sync_thread_->Sync(file_, std::move(done));
  }

 private:
  const std::shared_ptr<SyncedFile> file_;
  const std::shared_ptr<SyncThread> sync_thread_;
};

}  // namespace

PosixFileSystem::PosixFileSystem(Loop& loop) : sync_thread_(std::make_shared<SyncThread>(loop)) {}

// Open files may hold the thread's object for longer, but not its use of the
// loop.
PosixFileSystem::~PosixFileSystem() { sync_thread_->Stop(); }

absl::Status PosixFileSystem::CreateDir(const std::string& dir) {
  struct stat info {};
  if (stat(dir.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode)) return absl::OkStatus();
    return absl::AlreadyExistsError(absl::StrCat(dir, " is there and is not a directory"));
  }
  const std::string parent = ParentOf(dir);
  if (parent != dir) {
    const absl::Status status = CreateDir(parent);
    if (!status.ok()) return status;
  }
  if (mkdir(dir.c_str(), 0700) != 0 && errno != EEXIST) return Failed("make directory", dir);
  return SyncDir(parent);
}

absl::StatusOr<std::vector<std::string>> PosixFileSystem::List(const std::string& dir) {
  DIR* const stream = opendir(dir.c_str());
  if (stream == nullptr) return Failed("list", dir);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* const entry = readdir(stream)) {
    const absl::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  const absl::Status status = errno == 0 ? absl::OkStatus() : Failed("list", dir);
  closedir(stream);
  if (!status.ok()) return status;
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<std::unique_ptr<AppendFile>> PosixFileSystem::Create(const std::string& path) {
  FileDescriptor fd(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND);
  if (!fd.ok()) return Failed("create", path);
  const absl::Status status = SyncDir(ParentOf(path));
  if (!status.ok()) return status;
  return std::make_unique<PosixAppendFile>(std::make_shared<SyncedFile>(fd.Release(), path),
                                           sync_thread_);
}

absl::StatusOr<std::string> PosixFileSystem::Read(const std::string& path, uint64_t offset,
                                                  uint64_t length) {
  const FileDescriptor fd(path, O_RDONLY);
  if (!fd.ok()) return Failed("open", path);
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return Failed("stat", path);
  const auto size = static_cast<uint64_t>(info.st_size);
  std::string bytes(offset < size ? std::min(length, size - offset) : 0, '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = pread(fd.get(), bytes.data() + done, bytes.size() - done,
                              static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Failed("read", path);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

absl::StatusOr<uint64_t> PosixFileSystem::Size(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return Failed("stat", path);
  return static_cast<uint64_t>(info.st_size);
}

absl::Status PosixFileSystem::Replace(const std::string& path, absl::string_view bytes) {
  const std::string aside = path + ".tmp";
  {
    const FileDescriptor fd(aside, O_WRONLY | O_CREAT | O_TRUNC);
    if (!fd.ok()) return Failed("create", aside);
    const absl::Status status = WriteAll(fd.get(), bytes, aside);
    if (!status.ok()) return status;
    if (fsync(fd.get()) != 0) return Failed("sync", aside);
  }
  return Rename(aside, path);
}

absl::Status PosixFileSystem::Rename(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) != 0) {
    return Failed(absl::StrCat("rename ", from, " to"), to);
  }
  const std::string from_dir = ParentOf(from);
  const std::string to_dir = ParentOf(to);
  const absl::Status status = SyncDir(to_dir);
  if (!status.ok() || from_dir == to_dir) return status;
  return SyncDir(from_dir);
}

absl::Status PosixFileSystem::Remove(const std::string& path) {
  if (remove(path.c_str()) != 0) return Failed("remove", path);
  return absl::OkStatus();
}

absl::Status PosixFileSystem::Truncate(const std::string& path, uint64_t size) {
  const FileDescriptor fd(path, O_WRONLY);
  if (!fd.ok()) return Failed("open", path);
  if (ftruncate(fd.get(), static_cast<off_t>(size)) != 0) return Failed("truncate", path);
  if (fsync(fd.get()) != 0) return Failed("sync", path);
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> PosixFileSystem::FreeBytes(const std::string& dir) {
  struct statvfs info {};
  if (statvfs(dir.c_str(), &info) != 0) return Failed("ask for free space of", dir);
  return static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
}

}  // namespace braid
