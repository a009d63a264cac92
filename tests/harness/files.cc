#include "tests/harness/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace braid::harness {

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat("can not read ", path));
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

absl::Status WriteFile(const std::string& path, absl::string_view bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) return absl::InternalError(absl::StrCat("can not write ", path));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> ListDir(const std::string& path) {
  std::error_code error;
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
    names.push_back(entry.path().filename().string());
  }
  if (error) return absl::NotFoundError(absl::StrCat(path, ": ", error.message()));
  std::sort(names.begin(), names.end());
  return names;
}

uint64_t DiskBytes(const std::string& path) {
  std::error_code error;
  uint64_t bytes = 0;
  std::filesystem::recursive_directory_iterator entries(path, error), end;
  while (!error && entries != end) {
    struct stat status = {};
    // 512-byte units, whatever the file system's block size is (stat(2)).
    if (stat(entries->path().c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
      bytes += static_cast<uint64_t>(status.st_blocks) * 512;
    }
    entries.increment(error);
  }
  return bytes;
}

TempDir::TempDir(absl::string_view purpose) {
  const char* base = getenv("TEST_TMPDIR");
  path_ = absl::StrCat(base != nullptr ? base : "/tmp", "/braid-", purpose, "-XXXXXX");
  BRAID_CHECK(mkdtemp(path_.data()) != nullptr);
}

TempDir::~TempDir() {
  if (keep_) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace braid::harness
