#include "deploy/demo_dir.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/match.h"
#include "base/dir_lock.h"

namespace braid::demo {
namespace {

constexpr char kPrefix[] = "braid-demo-";
// mkdtemp's.
constexpr size_t kRandomLetters = 6;

bool IsLeftOver(const std::filesystem::path& path, absl::Time before) {
  std::string name = path.filename().string();
  if (!absl::StartsWith(name, kPrefix)) return false;
  if (name.size() != sizeof(kPrefix) - 1 + kRandomLetters) return false;
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) return false;
  return info.st_uid == geteuid() && absl::TimeFromTimespec(info.st_mtim) < before;
}

}  // namespace

void RemoveLeftOvers(const std::string& root, absl::Time before) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(root, ignored)) {
    if (!IsLeftOver(entry.path(), before)) continue;
    auto lock = DirLock::Acquire(entry.path().string());
    if (lock.ok()) std::filesystem::remove_all(entry.path(), ignored);
  }
}

}  // namespace braid::demo
