#include "cli/cursor_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace braid {
namespace {

// A rename and two syncs a second are nothing; a second of repeats is little.
constexpr absl::Duration kWriteInterval = absl::Seconds(1);
// Cursors have under 100 bytes.
constexpr size_t kCursorMaxBytes = 4096;

absl::Status Failed(const std::string& what, const std::string& path) {
  // Not by errno's code: "not found" would be about the server.
  return absl::InternalError(
      absl::StrCat("can not ", what, " cursor file ", path, ": ", std::strerror(errno)));
}

bool WriteAside(const std::string& path, const std::string& text) {
  int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return false;
  ssize_t size = static_cast<ssize_t>(text.size());
  bool written = write(fd, text.data(), text.size()) == size && fsync(fd) == 0;
  int error = errno;
  close(fd);
  errno = error;
  return written;
}

}  // namespace

absl::StatusOr<std::string> CursorFile::Read() const {
  FILE* file = std::fopen(path_.c_str(), "re");
  if (file == nullptr) {
    if (errno != ENOENT) return Failed("read", path_);
    // Known before anything is printed that it could not stand behind.
    const std::string dir = path_.substr(0, path_.rfind('/') + 1);
    if (access(dir.empty() ? "." : dir.c_str(), W_OK) != 0) return Failed("write", path_);
    return std::string();
  }
  std::string bytes(kCursorMaxBytes + 1, '\0');
  bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file));
  bool failed = std::ferror(file) != 0;
  absl::Status failure = failed ? Failed("read", path_) : absl::OkStatus();
  std::fclose(file);
  if (failed) return failure;
  std::string cursor(absl::StripAsciiWhitespace(bytes));
  bool one_word = std::all_of(cursor.begin(), cursor.end(), absl::ascii_isgraph);
  if (!cursor.empty() && one_word && cursor.size() <= kCursorMaxBytes) return cursor;
  return absl::FailedPreconditionError(
      absl::StrCat("cursor file ", path_, cursor.empty() ? " is empty" : " holds no cursor",
                   ": remove it to start anew (--from says where)"));
}

absl::Status CursorFile::Write(const std::string& cursor, int output_fd, bool at_once) {
  absl::Time now = absl::Now();
  if (cursor.empty() || cursor == written_) return absl::OkStatus();
  if (!at_once && now >= written_time_ && now < written_time_ + kWriteInterval) {
    return absl::OkStatus();
  }
  // Pipes and terminals can not be synced, and need not be.
  if (output_fd >= 0 && fdatasync(output_fd) != 0 && errno != EINVAL && errno != EROFS) {
    return absl::InternalError(absl::StrCat("can not write the output: ", std::strerror(errno)));
  }
  std::string aside = path_ + ".tmp";
  if (!WriteAside(aside, cursor + "\n") || std::rename(aside.c_str(), path_.c_str()) != 0) {
    return Failed("write", path_);
  }
  written_ = cursor;
  written_time_ = now;
  return absl::OkStatus();
}

}  // namespace braid
