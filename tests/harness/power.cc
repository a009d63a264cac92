#include "tests/harness/power.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "tests/harness/run_to_end.h"

namespace braid::harness {
namespace {

// Linux fs/ext4/ext4.h; not in the headers for user space. 2: without flushing
// the journal.
constexpr unsigned long kExt4Shutdown = _IOR('X', 125, uint32_t);
constexpr uint32_t kShutdownWithoutLogFlush = 2;

// Sparse: only what is written takes space. Room for minutes of posts.
constexpr char kImageSize[] = "2G";

absl::Status Run(std::vector<std::string> command, const std::string& log) {
  ProcessOptions options;
  options.name = command[0];
  options.command = std::move(command);
  options.output_file = log;
  return RunSuccessfully(std::move(options), absl::Minutes(1));
}

absl::Status Errno(absl::string_view what) {
  return absl::InternalError(absl::StrCat(what, ": ", strerror(errno)));
}

// What is mounted below `dir` stays in this process's namespace.
absl::Status MakeMountsPrivate(const std::string& dir) {
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0) return absl::OkStatus();
  // In a chroot "/" is no mount point; then the directory becomes one.
  if (errno == EINVAL && mount(dir.c_str(), dir.c_str(), nullptr, MS_BIND, nullptr) == 0 &&
      mount("none", dir.c_str(), nullptr, MS_PRIVATE, nullptr) == 0) {
    return absl::OkStatus();
  }
  return Errno("private");
}

}  // namespace

std::string PowerCutsUnavailable() {
  if (geteuid() != 0) return "needs root: mounts a file system and shuts it down";
  for (const char* needed : {"/usr/bin/truncate", "/sbin/mkfs.ext4", "/bin/mount"}) {
    if (access(needed, X_OK) != 0) return absl::StrCat("needs ", needed);
  }
  if (access("/dev/loop-control", R_OK | W_OK) != 0) return "needs loop devices";
  return "";
}

absl::StatusOr<std::unique_ptr<PoweredDisk>> PoweredDisk::Make(const std::string& dir,
                                                               const std::string& name) {
  // Mounts stay inside and end with the last process of the namespace.
  if (unshare(CLONE_NEWNS) != 0) return Errno("unshare");
  if (absl::Status status = MakeMountsPrivate(dir); !status.ok()) return status;
  std::string base = absl::StrCat(dir, "/", name);
  std::unique_ptr<PoweredDisk> disk(new PoweredDisk(base + ".img", base));
  absl::Status made = Run({"/usr/bin/truncate", "-s", kImageSize, disk->image_}, base + ".log");
  if (made.ok()) made = Run({"/sbin/mkfs.ext4", "-q", "-F", disk->image_}, base + ".log");
  if (!made.ok()) return made;
  if (mkdir(base.c_str(), 0700) != 0) return Errno(base);
  absl::Status mounted = disk->Restore();
  if (!mounted.ok()) return mounted;
  return disk;
}

PoweredDisk::PoweredDisk(std::string image, std::string path)
    : image_(std::move(image)), path_(std::move(path)) {}

PoweredDisk::~PoweredDisk() {
  umount2(path_.c_str(), MNT_DETACH);
  unlink(image_.c_str());
}

absl::Status PoweredDisk::Cut() {
  int fd = open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Errno(path_);
  uint32_t flag = kShutdownWithoutLogFlush;
  int result = ioctl(fd, kExt4Shutdown, &flag);
  absl::Status status = result == 0 ? absl::OkStatus() : Errno("shutdown of ext4");
  close(fd);
  return status;
}

absl::Status PoweredDisk::Restore() {
  // Nothing is mounted there the first time; and not lazily: what is still in
  // use must not be mounted twice.
  if (umount2(path_.c_str(), 0) != 0 && errno != EINVAL) return Errno("umount");
  return Run({"/bin/mount", "-o", "loop", image_, path_}, path_ + ".log");
}

}  // namespace braid::harness
