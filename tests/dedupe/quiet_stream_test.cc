// What a stream that is too quiet to fill memtables keeps on a real disk, over
// days of its own time.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "dedupe/core.h"
#include "dedupe/rocks_store.h"
#include "proto/snowflake.h"
#include "tests/dedupe/core_inputs.h"
#include "tests/dedupe/temporary_dir.h"

namespace braid {
namespace {

constexpr absl::Duration kStep = absl::Minutes(10);
constexpr int kStepsPerDay = 144;
constexpr uint64_t kPayloadBytes = 50 << 10;
constexpr uint64_t kDayBytes = kStepsPerDay * kPayloadBytes;

class QuietStreamTest : public testing::Test {
 protected:
  void Open() {
    const std::string dir = temporary_.path() + "/data";
    ASSERT_TRUE(RocksStore::Init(dir, "main", "log-1", TestStart()).ok());
    auto store = RocksStore::Open(dir, "main", {});
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    auto core = Core::Load(*store_, {});
    ASSERT_TRUE(core.ok());
    core_ = *std::move(core);
    Commit({TickInput(absl::ZeroDuration(), now_), OpenInput("leg-0", 1)});
  }

  void Commit(std::vector<store::v1::InputRecord> inputs) {
    Group group;
    for (store::v1::InputRecord& input : inputs) {
      ASSERT_TRUE(core_->Apply(std::move(input), &group).ok());
    }
    core_->Seal(&group);
    ASSERT_TRUE(store_->Commit(group.changes).ok());
    core_->Committed();
    for (const auto& [table, key] : group.drops) ASSERT_TRUE(store_->DropBefore(table, key).ok());
    if (!group.write_out) return;
    const absl::Status written = store_->WriteOut();
    ASSERT_TRUE(written.ok()) << written;
  }

  // One frame of one post, whose payload does not compress.
  void Step() {
    now_ += kStep;
    store::v1::InputRecord frame =
        FrameInput("leg-0", 1, offset_++, {FirstSnowflakeAt(now_) + 1}, now_);
    std::string payload(kPayloadBytes, 0);
    for (char& byte : payload) byte = static_cast<char>(random_.Below(256));
    frame.mutable_record()->mutable_record()->mutable_frame()->set_payload(payload);
    Commit({TickInput(kStep, now_), std::move(frame)});
  }

  uint64_t DiskBytes() const {
    uint64_t bytes = 0;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(temporary_.path() + "/data")) {
      std::error_code deleted_meanwhile;
      const uint64_t size =
          entry.is_regular_file(deleted_meanwhile) ? entry.file_size(deleted_meanwhile) : 0;
      if (!deleted_meanwhile) bytes += size;
    }
    return bytes;
  }

  TemporaryDir temporary_;
  SeededRandom random_{1};
  std::unique_ptr<RocksStore> store_;
  std::unique_ptr<Core> core_;
  absl::Time now_ = TestStart();
  uint64_t offset_ = 0;
};

TEST_F(QuietStreamTest, KeepsLittleMoreThanItsRetention) {
  ASSERT_NO_FATAL_FAILURE(Open());
  uint64_t most_bytes = 0;
  for (int step = 0; step < 8 * kStepsPerDay; ++step) {
    ASSERT_NO_FATAL_FAILURE(Step());
    most_bytes = std::max(most_bytes, DiskBytes());
  }
  // 26 h of log, five hours of files that are still together with younger
  // records, a compaction's second copy of four hours, and the logs ahead of
  // the tables, which an hour fills. Here days pass in a second, so that a busy
  // machine's compactions lie some hours behind.
  EXPECT_LT(most_bytes, kDayBytes * 5 / 2);
  EXPECT_GT(core_->state().earliest_sequence(), 6u * kStepsPerDay);
}

}  // namespace
}  // namespace braid
