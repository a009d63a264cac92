#include "base/posix_file_system.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dir_lock.h"
#include "base/real_loop.h"
#include "gtest/gtest.h"
#include "tests/base/file_system_conformance.h"

namespace braid {
namespace {

std::string FreshDir() {
  std::string dir = testing::TempDir() + "/braid_XXXXXX";
  EXPECT_NE(mkdtemp(dir.data()), nullptr);
  return dir;
}

class PosixHarness final : public FileSystemHarness {
 public:
  FileSystem& files() override { return files_; }
  std::string root() override { return root_; }
  void RunUntilDone(Loop::Turn first) override {
    loop_.Post(std::move(first));
    loop_.RunInThisThread();
  }
  void Done() override { loop_.Stop(); }

 private:
  const std::string root_ = FreshDir();
  RealLoop loop_;
  PosixFileSystem files_{loop_};
};

INSTANTIATE_TEST_SUITE_P(Posix, FileSystemConformance, testing::Values(FileSystemHarnessFactory([] {
                           return std::make_unique<PosixHarness>();
                         })));

TEST(PosixFileSystem, DirectoriesAndFilesAreForTheOwnerOnly) {
  RealLoop loop;
  PosixFileSystem files(loop);
  const std::string dir = FreshDir() + "/d";
  ASSERT_TRUE(files.CreateDir(dir).ok());
  ASSERT_TRUE(files.Create(dir + "/f").ok());
  struct stat info {};
  ASSERT_EQ(stat(dir.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700);
  ASSERT_EQ(stat((dir + "/f").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600);
}

TEST(PosixFileSystem, FileThatOutlivesItDoesNotTouchTheLoop) {
  std::unique_ptr<AppendFile> file;
  {
    RealLoop loop;
    PosixFileSystem files(loop);
    file = *files.Create(FreshDir() + "/f");
    ASSERT_TRUE(file->Append("x").ok());
    file->Sync([](absl::Status) {});
  }
  bool reported = false;
  file->Sync([&](absl::Status) { reported = true; });
  file.reset();
  EXPECT_FALSE(reported);
}

TEST(DirLock, SecondHolderIsRefusedWithTheDirectoryAndTheHolder) {
  const std::string dir = FreshDir();
  const auto first = DirLock::Acquire(dir);
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = DirLock::Acquire(dir);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::StrContains(second.status().message(), dir)) << second.status();
  EXPECT_TRUE(absl::StrContains(second.status().message(), std::to_string(getpid())));
}

TEST(DirLock, IsFreeAgainAfterDestruction) {
  const std::string dir = FreshDir();
  ASSERT_TRUE(DirLock::Acquire(dir).ok());
  EXPECT_TRUE(DirLock::Acquire(dir).ok());
}

TEST(DirLock, MissingDirectoryIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(DirLock::Acquire(FreshDir() + "/no").status()));
}

}  // namespace
}  // namespace braid
