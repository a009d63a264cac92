#include "dedupe/ballast.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/log.h"

namespace braid {

BallastMove DecideBallast(const DiskSpace& space, const BallastOptions& options, bool held) {
  if (held) {
    return space.free_bytes < options.release_below_bytes ? BallastMove::kRelease
                                                          : BallastMove::kStay;
  }
  // With it there must be room for input, or the two would take turns.
  const DiskSpace left{space.free_bytes - std::min(space.free_bytes, options.bytes),
                       space.total_bytes};
  return DecideDisk(left, options.thresholds, /*accepting=*/false) ? BallastMove::kReserve
                                                                   : BallastMove::kStay;
}

Ballast::Ballast(std::string path, BallastOptions options)
    : path_(std::move(path)), options_(options) {
  struct stat file;
  held_ = stat(path_.c_str(), &file) == 0 && static_cast<uint64_t>(file.st_size) == options_.bytes;
}

void Ballast::PrepareOpen(const DiskSpace& space) {
  if (held_ && !DecideDisk(space, options_.thresholds, /*accepting=*/true)) Release(space);
}

DiskSpace Ballast::Keep(const DiskSpace& space) {
  switch (supported_ ? DecideBallast(space, options_, held_) : BallastMove::kStay) {
    case BallastMove::kRelease:
      Release(space);
      break;
    case BallastMove::kReserve:
      Reserve();
      // The figures were taken before.
      return {space.free_bytes - (held_ ? options_.bytes : 0), space.total_bytes};
    case BallastMove::kStay:
      break;
  }
  const uint64_t lacking = held_ || !supported_ ? 0 : options_.bytes;
  return {space.free_bytes - std::min(space.free_bytes, lacking), space.total_bytes};
}

void Ballast::Release(const DiskSpace& space) {
  held_ = false;
  const bool removed = unlink(path_.c_str()) == 0;
  Log(LogLevel::kError, "ballast_released",
      removed ? "the disk is nearly full: room that was kept for the store is let go"
              : "the disk is nearly full and the room kept for the store can not be let go",
      {{"file", path_}, {"bytes", options_.bytes}, {"free_bytes", space.free_bytes}});
}

void Ballast::Reserve() {
  unlink(path_.c_str());
  const int fd = open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  // Not posix_fallocate: where it can not reserve, it writes all of it.
  const int error =
      fd >= 0 && fallocate(fd, 0, 0, static_cast<off_t>(options_.bytes)) == 0 ? 0 : errno;
  if (fd >= 0) close(fd);
  held_ = error == 0;
  if (held_) return;
  unlink(path_.c_str());
  // A full disk is another matter: it is tried again when there is room.
  supported_ = error == ENOSPC || error == EINTR;
  Log(LogLevel::kWarn, "ballast_not_reserved", "no room can be kept for the store",
      {{"file", path_}, {"bytes", options_.bytes}, {"error", std::strerror(error)}});
}

}  // namespace braid
