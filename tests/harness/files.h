// Small file helpers of the harness: whole files, directory listings, and a
// directory that goes away with its owner.
//
// Threads: any; a TempDir has one owner.

#ifndef BRAID_TESTS_HARNESS_FILES_H_
#define BRAID_TESTS_HARNESS_FILES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace braid::harness {

// The whole file, also one of /proc.
[[nodiscard]] absl::StatusOr<std::string> ReadFile(const std::string& path);

[[nodiscard]] absl::Status WriteFile(const std::string& path, absl::string_view bytes);

// Names of the entries, sorted.
[[nodiscard]] absl::StatusOr<std::vector<std::string>> ListDir(const std::string& path);

// Sum of the allocated bytes of all files below `path`; 0 if there is none.
uint64_t DiskBytes(const std::string& path);

// A directory below $TEST_TMPDIR or /tmp, removed with everything in it.
class TempDir final {
 public:
  explicit TempDir(absl::string_view purpose);
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  // Left in place, to look at after a failure.
  void Keep() { keep_ = true; }

 private:
  std::string path_;
  bool keep_ = false;
};

}  // namespace braid::harness

#endif  // BRAID_TESTS_HARNESS_FILES_H_
