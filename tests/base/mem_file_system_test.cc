#include "tests/base/mem_file_system.h"

#include <set>

#include "gtest/gtest.h"
#include "tests/base/file_system_conformance.h"
#include "tests/sim/sim_loop.h"

namespace braid {
namespace {

class MemHarness final : public FileSystemHarness {
 public:
  MemHarness() { EXPECT_TRUE(files_.CreateDir(root()).ok()); }
  FileSystem& files() override { return files_; }
  std::string root() override { return "/data/spool"; }
  void RunUntilDone(Loop::Turn first) override {
    loop_.Post(std::move(first));
    while (!done_) ASSERT_TRUE(loop_.Step());
  }
  void Done() override { done_ = true; }

 private:
  SimLoop loop_;
  MemFileSystem files_{loop_};
  bool done_ = false;
};

INSTANTIATE_TEST_SUITE_P(Mem, FileSystemConformance, testing::Values(FileSystemHarnessFactory([] {
                           return std::make_unique<MemHarness>();
                         })));

class MemFileSystemTest : public testing::Test {
 protected:
  MemFileSystemTest() { EXPECT_TRUE(files_.CreateDir("/d").ok()); }

  // A file with "synced" durable and "-later" only appended.
  std::unique_ptr<AppendFile> HalfSynced(const std::string& path) {
    auto file = *files_.Create(path);
    EXPECT_TRUE(file->Append("synced").ok());
    file->Sync([](absl::Status) {});
    loop_.RunFor(absl::Seconds(1));
    EXPECT_TRUE(file->Append("-later").ok());
    return file;
  }

  SimLoop loop_;
  MemFileSystem files_{loop_};
};

TEST_F(MemFileSystemTest, PowerCutKeepsSyncedBytesAndEveryPrefixOfTheRest) {
  std::set<std::string> seen;
  SeededRandom random(1);
  for (int i = 0; i < 200; ++i) {
    const std::string path = "/d/" + std::to_string(i);
    const auto file = HalfSynced(path);
    files_.PowerCut(random);
    const std::string left = *files_.Read(path, 0, 99);
    EXPECT_TRUE(absl::StartsWith("synced-later", left)) << left;
    EXPECT_TRUE(absl::StartsWith(left, "synced")) << left;
    seen.insert(left);
  }
  EXPECT_EQ(seen.size(), 7);
}

TEST_F(MemFileSystemTest, GarblingTouchesOnlyUnsyncedBytes) {
  files_.options().garble = 1;
  SeededRandom random(2);
  int garbled_count = 0;
  for (int i = 0; i < 100; ++i) {
    const std::string path = "/d/" + std::to_string(i);
    const auto file = HalfSynced(path);
    files_.PowerCut(random);
    const std::string left = *files_.Read(path, 0, 99);
    EXPECT_TRUE(absl::StartsWith(left, "synced"));
    garbled_count += !absl::StartsWith("synced-later", left);
  }
  EXPECT_GT(garbled_count, 50);
}

TEST_F(MemFileSystemTest, BytesAppendedDuringASyncAreNotCoveredByIt) {
  const auto file = *files_.Create("/d/a");
  ASSERT_TRUE(file->Append("12345").ok());
  file->Sync([](absl::Status) {});
  ASSERT_TRUE(file->Append("678").ok());
  loop_.RunFor(absl::Seconds(1));
  EXPECT_EQ(*files_.SyncedSize("/d/a"), 5);
}

TEST_F(MemFileSystemTest, PowerCutDuringASyncForgetsItAndItsReport) {
  bool reported = false;
  const auto file = *files_.Create("/d/a");
  ASSERT_TRUE(file->Append("12345").ok());
  file->Sync([&](absl::Status) { reported = true; });
  SeededRandom random(3);
  files_.PowerCut(random);
  loop_.RunFor(absl::Seconds(1));
  EXPECT_FALSE(reported);
  EXPECT_FALSE(file->Append("x").ok());
}

TEST_F(MemFileSystemTest, KilledProcessLeavesItsBytes) {
  const auto file = HalfSynced("/d/a");
  files_.ProcessKilled();
  EXPECT_EQ(*files_.Read("/d/a", 0, 99), "synced-later");
  EXPECT_EQ(*files_.SyncedSize("/d/a"), 6);
  EXPECT_FALSE(file->Append("x").ok());
}

TEST_F(MemFileSystemTest, FailedAppendFiresOnceAndLeavesAPart) {
  const auto file = *files_.Create("/d/a");
  files_.FailNextAppend(absl::ResourceExhaustedError("full"));
  EXPECT_EQ(file->Append("1234").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(files_.failures_fired(), 1);
  EXPECT_EQ(*files_.Size("/d/a"), 2);
  EXPECT_TRUE(file->Append("x").ok());
}

TEST_F(MemFileSystemTest, FailedSyncIsFinalForItsFileOnly) {
  const auto bad = *files_.Create("/d/a");
  const auto good = *files_.Create("/d/b");
  ASSERT_TRUE(bad->Append("x").ok());
  files_.FailNextSync(absl::DataLossError("io"));
  std::vector<absl::StatusCode> codes;
  const auto note = [&](absl::Status status) { codes.push_back(status.code()); };
  bad->Sync(note);
  bad->Sync(note);
  good->Sync(note);
  loop_.RunFor(absl::Seconds(1));
  using Code = absl::StatusCode;
  EXPECT_EQ(codes, (std::vector<Code>{Code::kDataLoss, Code::kDataLoss, Code::kOk}));
  EXPECT_EQ(*files_.SyncedSize("/d/a"), 0);
  EXPECT_EQ(files_.failures_fired(), 1);
}

TEST_F(MemFileSystemTest, RemovedFileMayReturnUntilItsDirectoryIsDurable) {
  files_.options().removed_returns = 1;
  SeededRandom random(4);
  ASSERT_TRUE(files_.Replace("/d/a", "x").ok());
  ASSERT_TRUE(files_.Remove("/d/a").ok());
  files_.PowerCut(random);
  EXPECT_EQ(*files_.Read("/d/a", 0, 9), "x");
  ASSERT_TRUE(files_.Remove("/d/a").ok());
  ASSERT_TRUE(files_.Create("/d/b").ok());
  files_.PowerCut(random);
  EXPECT_TRUE(absl::IsNotFound(files_.Size("/d/a").status()));
}

}  // namespace
}  // namespace braid
