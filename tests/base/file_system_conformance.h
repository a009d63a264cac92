// What every FileSystem promises, run over the real one and the one in memory.

#ifndef BRAID_TESTS_BASE_FILE_SYSTEM_CONFORMANCE_H_
#define BRAID_TESTS_BASE_FILE_SYSTEM_CONFORMANCE_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "base/file_system.h"
#include "base/loop.h"
#include "gtest/gtest.h"

namespace braid {

class FileSystemHarness {
 public:
  virtual ~FileSystemHarness() = default;
  virtual FileSystem& files() = 0;
  // An existing, empty directory.
  virtual std::string root() = 0;
  // Runs `first` as a turn of the loop and then others until Done.
  virtual void RunUntilDone(Loop::Turn first) = 0;
  virtual void Done() = 0;
};

using FileSystemHarnessFactory = std::function<std::unique_ptr<FileSystemHarness>()>;

class FileSystemConformance : public testing::TestWithParam<FileSystemHarnessFactory> {
 protected:
  std::unique_ptr<AppendFile> MustCreate(const std::string& path) {
    absl::StatusOr<std::unique_ptr<AppendFile>> file = files_.Create(path);
    EXPECT_TRUE(file.ok()) << file.status();
    return *std::move(file);
  }

  std::unique_ptr<FileSystemHarness> harness_ = GetParam()();
  FileSystem& files_ = harness_->files();
  const std::string root_ = harness_->root();
  const std::string path_ = root_ + "/a";
};

using Names = std::vector<std::string>;

TEST_P(FileSystemConformance, AppendedBytesAreReadAtOnce) {
  const auto file = MustCreate(path_);
  ASSERT_TRUE(file->Append("hello ").ok());
  ASSERT_TRUE(file->Append(absl::string_view("w\0rld", 5)).ok());
  EXPECT_EQ(*files_.Read(path_, 0, 100), std::string("hello w\0rld", 11));
  EXPECT_EQ(*files_.Size(path_), 11);
}

TEST_P(FileSystemConformance, ReadReturnsThePartThatIsThere) {
  ASSERT_TRUE(MustCreate(path_)->Append("0123456789").ok());
  EXPECT_EQ(*files_.Read(path_, 3, 4), "3456");
  EXPECT_EQ(*files_.Read(path_, 8, 100), "89");
  EXPECT_EQ(*files_.Read(path_, 10, 1), "");
  EXPECT_EQ(*files_.Read(path_, 99, ~uint64_t{0}), "");
  EXPECT_EQ(*files_.Read(path_, 0, 0), "");
}

TEST_P(FileSystemConformance, CreateRefusesAnExistingFile) {
  ASSERT_TRUE(MustCreate(path_)->Append("x").ok());
  EXPECT_EQ(files_.Create(path_).status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(*files_.Read(path_, 0, 9), "x");
}

TEST_P(FileSystemConformance, MissingThingsAreNotFoundAndNamed) {
  const std::string missing = root_ + "/missing";
  EXPECT_TRUE(absl::IsNotFound(files_.Size(missing).status()));
  EXPECT_TRUE(absl::IsNotFound(files_.Read(missing, 0, 1).status()));
  EXPECT_TRUE(absl::IsNotFound(files_.List(missing).status()));
  EXPECT_TRUE(absl::IsNotFound(files_.Remove(missing)));
  EXPECT_TRUE(absl::IsNotFound(files_.Rename(missing, path_)));
  EXPECT_TRUE(absl::IsNotFound(files_.Truncate(missing, 0)));
  EXPECT_TRUE(absl::IsNotFound(files_.Create(missing + "/a").status()));
  EXPECT_TRUE(absl::IsNotFound(files_.Replace(missing + "/a", "x")));
  EXPECT_TRUE(absl::IsNotFound(files_.FreeBytes(missing).status()));
  EXPECT_TRUE(absl::StrContains(files_.Size(missing).status().message(), missing));
}

TEST_P(FileSystemConformance, ListIsSortedNamesOfFilesAndDirectories) {
  ASSERT_TRUE(files_.CreateDir(root_ + "/b/deep").ok());
  ASSERT_TRUE(files_.CreateDir(root_ + "/b/deep").ok());
  MustCreate(root_ + "/c");
  MustCreate(root_ + "/a");
  EXPECT_EQ(*files_.List(root_), (Names{"a", "b", "c"}));
  EXPECT_EQ(*files_.List(root_ + "/b"), (Names{"deep"}));
  EXPECT_EQ(*files_.List(root_ + "/b/deep"), Names());
}

TEST_P(FileSystemConformance, CreateDirRefusesAFileInTheWay) {
  MustCreate(path_);
  EXPECT_EQ(files_.CreateDir(path_).code(), absl::StatusCode::kAlreadyExists);
}

TEST_P(FileSystemConformance, ReplaceMakesAndReplaces) {
  ASSERT_TRUE(files_.Replace(path_, "one").ok());
  ASSERT_TRUE(files_.Replace(path_, "").ok());
  ASSERT_TRUE(files_.Replace(path_, "three").ok());
  EXPECT_EQ(*files_.Read(path_, 0, 99), "three");
  EXPECT_EQ(*files_.List(root_), (Names{"a"}));
}

TEST_P(FileSystemConformance, RenameMovesFilesAndWholeDirectories) {
  ASSERT_TRUE(files_.CreateDir(root_ + "/d").ok());
  ASSERT_TRUE(files_.Replace(root_ + "/d/x", "x").ok());
  ASSERT_TRUE(files_.Rename(root_ + "/d/x", root_ + "/d/y").ok());
  ASSERT_TRUE(files_.Rename(root_ + "/d", root_ + "/e").ok());
  EXPECT_EQ(*files_.List(root_), (Names{"e"}));
  EXPECT_EQ(*files_.Read(root_ + "/e/y", 0, 9), "x");
}

TEST_P(FileSystemConformance, RemoveTakesFilesAndOnlyEmptyDirectories) {
  ASSERT_TRUE(files_.CreateDir(root_ + "/d").ok());
  MustCreate(root_ + "/d/x");
  EXPECT_FALSE(files_.Remove(root_ + "/d").ok());
  EXPECT_TRUE(files_.Remove(root_ + "/d/x").ok());
  EXPECT_TRUE(files_.Remove(root_ + "/d").ok());
  EXPECT_EQ(*files_.List(root_), Names());
}

TEST_P(FileSystemConformance, AppendsAfterATruncateGoToTheNewEnd) {
  const auto file = MustCreate(path_);
  ASSERT_TRUE(file->Append("0123456789").ok());
  ASSERT_TRUE(files_.Truncate(path_, 4).ok());
  ASSERT_TRUE(file->Append("x").ok());
  EXPECT_EQ(*files_.Read(path_, 0, 99), "0123x");
}

TEST_P(FileSystemConformance, SyncReportsLaterAsATurnInTheOrderOfTheCalls) {
  const auto file = MustCreate(path_);
  std::vector<int> order;
  harness_->RunUntilDone([&] {
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(file->Append("x").ok());
      file->Sync([&, i](absl::Status status) {
        EXPECT_TRUE(status.ok()) << status;
        order.push_back(i);
        if (i == 19) harness_->Done();
      });
    }
    EXPECT_TRUE(order.empty());
  });
  ASSERT_EQ(order.size(), 20);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(order[i], i);
}

TEST_P(FileSystemConformance, SyncReportsEvenWhenTheFileObjectIsGone) {
  bool reported = false;
  harness_->RunUntilDone([&] {
    auto file = MustCreate(path_);
    ASSERT_TRUE(file->Append("x").ok());
    file->Sync([&](absl::Status status) {
      reported = status.ok();
      harness_->Done();
    });
  });
  EXPECT_TRUE(reported);
}

TEST_P(FileSystemConformance, FreeBytesIsSomeNumber) {
  ASSERT_TRUE(files_.FreeBytes(root_).ok());
  EXPECT_GT(*files_.FreeBytes(root_), 0);
}

}  // namespace braid

#endif  // BRAID_TESTS_BASE_FILE_SYSTEM_CONFORMANCE_H_
