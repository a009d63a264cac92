#include "base/dir_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace braid {
namespace {

std::string HolderOf(int fd) {
  char text[32];
  const ssize_t length = pread(fd, text, sizeof(text), 0);
  if (length <= 0) return "another process";
  const absl::string_view pid =
      absl::StripAsciiWhitespace(absl::string_view(text, static_cast<size_t>(length)));
  return absl::StrCat("process ", pid);
}

}  // namespace

absl::StatusOr<std::unique_ptr<DirLock>> DirLock::Acquire(const std::string& dir) {
  const std::string path = dir + "/LOCK";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("can not open ", path));
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    const std::string holder = HolderOf(fd);
    close(fd);
    if (error != EWOULDBLOCK) {
      return absl::ErrnoToStatus(error, absl::StrCat("can not lock ", path));
    }
    return absl::FailedPreconditionError(absl::StrCat(dir, " is in use by ", holder, " (it holds ",
                                                      path,
                                                      "); stop it first or use another directory"));
  }
  // For people who wonder who holds it; the flock is what counts.
  const std::string pid = absl::StrCat(getpid(), "\n");
  if (ftruncate(fd, 0) != 0 || pwrite(fd, pid.data(), pid.size(), 0) < 0) {
    const int error = errno;
    close(fd);
    return absl::ErrnoToStatus(error, absl::StrCat("can not write ", path));
  }
  return std::unique_ptr<DirLock>(new DirLock(fd));
}

DirLock::~DirLock() { close(fd_); }

}  // namespace braid
