#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/random.h"
#include "dedupe/rocks_store.h"
#include "tests/dedupe/temporary_dir.h"

namespace braid {
namespace {

constexpr char kStream[] = "filtered";
constexpr char kWriter[] = "tests/dedupe/rocks_store_writer";

// A writer process and the numbers it says it has committed.
class Writer {
 public:
  explicit Writer(const std::string& dir) {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    std::string path = kWriter, dir_copy = dir, stream = kStream;
    char* arguments[] = {path.data(), dir_copy.data(), stream.data(), nullptr};
    EXPECT_EQ(posix_spawn(&pid_, kWriter, &actions, nullptr, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    pipe_ = ends[0];
  }
  ~Writer() { close(pipe_); }

  // The next number said; 0 when there are no more.
  uint64_t Next() {
    char bytes[8];
    // Writes of 8 bytes to a pipe are atomic.
    return read(pipe_, bytes, sizeof(bytes)) == 8 ? ReadBe64({bytes, 8}) : 0;
  }

  void Kill() { kill(pid_, SIGKILL); }

  // Whether it ended by our signal, not by itself.
  bool WasKilled() {
    int status = 0;
    return waitpid(pid_, &status, 0) == pid_ && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }

 private:
  pid_t pid_ = -1;
  int pipe_ = -1;
};

// The tables hold exactly 1..N, and the same N; returns it.
uint64_t CheckTablesAgree(const std::string& dir) {
  absl::StatusOr<std::unique_ptr<RocksStore>> store = RocksStore::Open(dir, kStream, {});
  if (!store.ok()) {
    ADD_FAILURE() << store.status();
    return 0;
  }
  const uint64_t last = ReadBe64(*(*store)->Get(Table::kMeta, "core"));
  EXPECT_EQ(ReadBe64(*(*store)->Get(Table::kSources, "source")), last);
  for (Table table : {Table::kLog, Table::kIds}) {
    uint64_t expected = 1;
    const absl::Status scanned =
        (*store)->Scan(table, "", "", [&](absl::string_view key, absl::string_view value) {
          EXPECT_EQ(ReadBe64(key), expected) << TableName(table);
          if (table == Table::kIds) {
            EXPECT_EQ(ReadBe64(value), expected);
          } else {
            EXPECT_EQ(value.back(), static_cast<char>(expected));
          }
          ++expected;
          return true;
        });
    EXPECT_TRUE(scanned.ok()) << scanned;
    EXPECT_EQ(expected, last + 1) << TableName(table);
  }
  return last;
}

TEST(RocksStoreCrashTest, KilledWriterLosesNoCommitAndTablesAgree) {
  TemporaryDir temporary;
  const std::string dir = temporary.path() + "/data";
  ASSERT_TRUE(RocksStore::Init(dir, kStream, "log-1", absl::UnixEpoch()).ok());
  SeededRandom random(1);
  uint64_t stored = 0;
  for (int round = 0; round < 10; ++round) {
    Writer writer(dir);
    uint64_t said = stored;
    // A different phase of flushes and compactions in each round.
    const uint64_t kill_after = stored + 1 + random.Below(300);
    while (uint64_t number = writer.Next()) {
      EXPECT_EQ(number, said + 1);
      said = number;
      if (said == kill_after) writer.Kill();
    }
    ASSERT_TRUE(writer.WasKilled());
    ASSERT_GE(said, kill_after);
    stored = CheckTablesAgree(dir);
    ASSERT_GE(stored, said);
    // At most the one commit whose number was not said any more.
    ASSERT_LE(stored, said + 1);
  }
}

}  // namespace
}  // namespace braid
