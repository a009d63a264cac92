#include "tests/harness/binaries.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <vector>

#include "absl/strings/str_cat.h"

namespace braid::harness {
namespace {

std::string OwnPath() {
  char path[PATH_MAX] = {};
  ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
  return std::string(path, length > 0 ? static_cast<size_t>(length) : 0);
}

std::vector<std::string> Roots() {
  std::vector<std::string> roots;
  if (const char* binaries = getenv("BRAID_BINARIES")) roots.push_back(binaries);
  if (const char* runfiles = getenv("TEST_SRCDIR")) {
    roots.push_back(absl::StrCat(runfiles, "/braid"));
  }
  roots.push_back(OwnPath() + ".runfiles/braid");
  return roots;
}

}  // namespace

std::string RunfilePath(absl::string_view workspace_path) {
  std::string path;
  for (const std::string& root : Roots()) {
    path = absl::StrCat(root, "/", workspace_path);
    if (std::filesystem::exists(path)) return path;
  }
  // The last place, for the message of whoever opens it.
  return path;
}

}  // namespace braid::harness
