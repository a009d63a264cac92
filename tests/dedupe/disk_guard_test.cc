#include "dedupe/disk_guard.h"

#include <gtest/gtest.h>

#include <vector>

#include "dedupe/rocks_store.h"
#include "tests/sim/sim_loop.h"

namespace braid {
namespace {

constexpr uint64_t kGiB = uint64_t{1} << 30;

TEST(DecideDiskTest, StopsBelowAndResumesAboveWithADistance) {
  DiskThresholds thresholds;
  uint64_t total = 1000 * kGiB;
  struct {
    uint64_t free_gib;
    bool was;
    bool is;
  } cases[] = {{100, true, true},  {50, true, true},  {49, true, false}, {50, false, false},
               {60, false, false}, {61, false, true}, {0, true, false}};
  for (const auto& c : cases) {
    EXPECT_EQ(DecideDisk({c.free_gib * kGiB, total}, thresholds, c.was), c.is) << c.free_gib;
  }
}

TEST(DecideDiskTest, SmallDiskStopsAtTwiceTheWriteBuffers) {
  DiskThresholds thresholds;
  thresholds.stop_below_bytes = 200;
  EXPECT_FALSE(DecideDisk({199, 1000}, thresholds, true));
  EXPECT_TRUE(DecideDisk({200, 1000}, thresholds, true));
}

TEST(DecideDiskTest, SmallDiskResumesAFifthAboveWhereItStopped) {
  DiskThresholds thresholds;
  thresholds.stop_below_bytes = 200;
  thresholds.resume_above_bytes = 240;
  EXPECT_FALSE(DecideDisk({200, 1000}, thresholds, false));
  EXPECT_FALSE(DecideDisk({240, 1000}, thresholds, false));
  EXPECT_TRUE(DecideDisk({241, 1000}, thresholds, false));
}

TEST(DecideDiskTest, RoomIsKeptForAllThatTheStoreMayStillWrite) {
  const DiskThresholds thresholds;
  EXPECT_GE(thresholds.stop_below_bytes,
            2 * RocksStore::kWriteBuffersMaxBytes + RocksStore::kWalMaxBytes);
  EXPECT_GE(thresholds.resume_above_bytes, thresholds.stop_below_bytes * 6 / 5);
}

TEST(DecideDiskTest, UnknownSizeIsFull) {
  EXPECT_FALSE(DecideDisk({0, 0}, {.stop_below_bytes = 0}, true));
}

TEST(DiskGuardTest, TellsChangesOnceEach) {
  SimLoop loop;
  absl::StatusOr<DiskSpace> space = DiskSpace{50 * kGiB, 100 * kGiB};
  std::vector<bool> changes;
  DiskGuard guard(
      loop, [&] { return space; }, {}, [&](bool accepting) { changes.push_back(accepting); });
  loop.RunFor(absl::Seconds(3));
  EXPECT_TRUE(changes.empty());
  space->free_bytes = kGiB;
  loop.RunFor(absl::Seconds(3));
  EXPECT_EQ(changes, (std::vector<bool>{false}));
  EXPECT_FALSE(guard.accepting());
  space->free_bytes = 50 * kGiB;
  loop.RunFor(absl::Seconds(1));
  EXPECT_EQ(changes, (std::vector<bool>{false, true}));
  space = absl::UnavailableError("no statvfs");
  loop.RunFor(absl::Seconds(1));
  EXPECT_EQ(changes, (std::vector<bool>{false, true, false}));
}

TEST(DiskGuardTest, RealDiskHasASize) {
  absl::StatusOr<DiskSpace> space = ReadDiskSpace(testing::TempDir());
  ASSERT_TRUE(space.ok());
  EXPECT_GT(space->total_bytes, 0);
  EXPECT_LE(space->free_bytes, space->total_bytes);
  EXPECT_FALSE(ReadDiskSpace("/nowhere").ok());
}

}  // namespace
}  // namespace braid
