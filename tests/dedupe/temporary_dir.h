// A directory of a test's own, removed with it. Any thread.

#ifndef BRAID_TESTS_DEDUPE_TEMPORARY_DIR_H_
#define BRAID_TESTS_DEDUPE_TEMPORARY_DIR_H_

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

namespace braid {

class TemporaryDir {
 public:
  TemporaryDir() : path_(testing::TempDir() + "braid-XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) ADD_FAILURE() << "can not make " << path_;
  }
  ~TemporaryDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDir(const TemporaryDir&) = delete;
  TemporaryDir& operator=(const TemporaryDir&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace braid

#endif  // BRAID_TESTS_DEDUPE_TEMPORARY_DIR_H_
