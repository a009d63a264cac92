// A file system that can lose its power: an ext4 image on a loop device in a
// mount namespace of the test's own. Cut() makes everything that was not synced
// vanish, as a power cut does (EXT4_IOC_SHUTDOWN without a journal flush).
//
// Whoever writes to it must be stopped (SIGSTOP) before Cut: the call races
// with an fdatasync in flight, and an acknowledged write would seem lost.
//
// Threads: one. Needs root. Everything goes away with the process.

#ifndef BRAID_TESTS_HARNESS_POWER_H_
#define BRAID_TESTS_HARNESS_POWER_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace braid::harness {

// Why this process can not use a PoweredDisk; empty when it can.
std::string PowerCutsUnavailable();

class PoweredDisk final {
 public:
  // Makes `dir`/NAME.img and mounts it at `dir`/NAME. Moves the calling thread,
  // and so its later children, to a mount namespace of their own.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<PoweredDisk>> Make(const std::string& dir,
                                                                         const std::string& name);
  ~PoweredDisk();

  // Where it is mounted.
  const std::string& path() const { return path_; }

  // Loses what was not synced. Every later access fails until Restore.
  [[nodiscard]] absl::Status Cut();

  // Mounts it again, as after a reboot. REQUIRES: nobody uses it.
  [[nodiscard]] absl::Status Restore();

 private:
  PoweredDisk(std::string image, std::string path);

  const std::string image_;
  const std::string path_;
};

}  // namespace braid::harness

#endif  // BRAID_TESTS_HARNESS_POWER_H_
