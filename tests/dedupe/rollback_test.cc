#include "dedupe/rollback.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "dedupe/core.h"
#include "dedupe/log_mark.h"
#include "proto/snowflake.h"
#include "tests/dedupe/core_inputs.h"
#include "tests/dedupe/mem_store.h"
#include "tests/dedupe/temporary_dir.h"

namespace braid {
namespace {

using store::v1::Identity;
using store::v1::LogMark;

class RollbackTest : public testing::Test {
 protected:
  RollbackTest() {
    identity_.set_log_id("log-1");
    core_ = *Core::Load(store_, {});
    Apply(TickInput(absl::ZeroDuration(), TestStart()));
    Apply(OpenInput("a", 1));
  }
  void Apply(store::v1::InputRecord input) {
    absl::Status status = CommitInput(std::move(input), core_.get(), &store_).status();
    ASSERT_TRUE(status.ok()) << status;
  }
  void AddPosts(int count, int first = 0) {
    for (int i = 0; i < count; ++i) {
      absl::Time at = TestStart() + absl::Seconds(first + i);
      Apply(FrameInput("a", 1, offset_++, {FirstSnowflakeAt(at)}, at));
    }
  }
  LogMark Mark() { return MarkOf("log-1", core_->state()); }
  absl::optional<Identity::Ancestor> Find(const LogMark& mark) {
    auto found = FindRollback(store_, identity_, core_->state(), mark);
    EXPECT_TRUE(found.ok()) << found.status();
    return *found;
  }

  Identity identity_;
  MemStore store_;
  std::unique_ptr<Core> core_;
  uint64_t offset_ = 0;
};

TEST_F(RollbackTest, LogThatHasComeAsFarOrFurtherIsWhole) {
  AddPosts(3);
  LogMark mark = Mark();
  EXPECT_FALSE(Find(mark).has_value());
  // Killed between a commit and its mark.
  AddPosts(2, 10);
  EXPECT_FALSE(Find(mark).has_value());
}

TEST_F(RollbackTest, ShorterLogHasLostTheRest) {
  AddPosts(3);
  LogMark mark = Mark();
  mark.set_sequence(mark.sequence() + 7);
  auto lost = Find(mark);
  ASSERT_TRUE(lost.has_value());
  EXPECT_EQ(lost->log_id(), "log-1");
  EXPECT_EQ(lost->kept_until_sequence(), 4u);
  EXPECT_EQ(lost->lost_until_sequence(), 11u);
}

TEST_F(RollbackTest, LogThatWentAnotherWayKeepsNothingForCertain) {
  AddPosts(3);
  LogMark mark = Mark();
  mark.mutable_chain()->front() ^= 1;
  ASSERT_TRUE(Find(mark).has_value());
  EXPECT_EQ(Find(mark)->kept_until_sequence(), 1u);
  AddPosts(3, 10);
  ASSERT_TRUE(Find(mark).has_value());
}

TEST_F(RollbackTest, DatabaseOlderThanTheMarksLogIsFoundOut) {
  AddPosts(3);
  LogMark mark = Mark();
  mark.set_log_id("log-2");
  EXPECT_TRUE(Find(mark).has_value());
  // Unless it knows that one as its own past.
  identity_.add_ancestors()->set_log_id("log-2");
  EXPECT_FALSE(Find(mark).has_value());
}

TEST_F(RollbackTest, MendingGivesANewIdOnceAndRemembersTheOld) {
  AddPosts(3);
  LogMark mark = Mark();
  mark.set_sequence(20);
  auto lost = MendRollback(store_, core_->state(), mark, "log-2", &identity_);
  ASSERT_TRUE(lost.ok() && lost->has_value());
  EXPECT_EQ(identity_.log_id(), "log-2");
  Identity stored;
  ASSERT_TRUE(stored.ParseFromString(*store_.Get(Table::kMeta, "identity")));
  EXPECT_EQ(stored.log_id(), "log-2");
  ASSERT_EQ(stored.ancestors_size(), 1);
  // Again with the old mark, as after a crash before the first new one.
  lost = MendRollback(store_, core_->state(), mark, "log-3", &identity_);
  ASSERT_TRUE(lost.ok());
  EXPECT_FALSE(lost->has_value());
  EXPECT_EQ(identity_.log_id(), "log-2");
}

TEST_F(RollbackTest, MarkSurvivesAndATornWriteLeavesTheOneBefore) {
  TemporaryDir dir;
  const std::string path = LogMarkFile::PathFor(dir.path() + "/main");
  {
    auto file = LogMarkFile::Open(path);
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_FALSE((*file)->found().has_value());
    for (uint64_t sequence : {5, 6, 7}) {
      LogMark mark = Mark();
      mark.set_sequence(sequence);
      ASSERT_TRUE((*file)->Write(mark).ok());
    }
    ASSERT_TRUE((*file)->Sync().ok());
  }
  EXPECT_EQ((*LogMarkFile::Open(path))->found()->sequence(), 7u);
  // The third write went to the second slot.
  int fd = open(path.c_str(), O_WRONLY);
  ASSERT_EQ(pwrite(fd, "garbage", 7, 512 + 20), 7);
  close(fd);
  EXPECT_EQ((*LogMarkFile::Open(path))->found()->sequence(), 6u);
  ASSERT_TRUE(LogMarkFile::Remove(path).ok());
  EXPECT_FALSE((*LogMarkFile::Open(path))->found().has_value());
}

}  // namespace
}  // namespace braid
