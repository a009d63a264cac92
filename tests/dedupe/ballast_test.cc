#include "dedupe/ballast.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/dedupe/temporary_dir.h"

namespace braid {
namespace {

constexpr uint64_t kMegabyte = 1 << 20;
constexpr DiskSpace kRoomy{900 * kMegabyte, 1000 * kMegabyte};

BallastOptions Small() {
  BallastOptions options;
  options.bytes = 8 * kMegabyte;
  options.release_below_bytes = 4 * kMegabyte;
  options.thresholds.stop_below_bytes = 10 * kMegabyte;
  options.thresholds.resume_above_bytes = 12 * kMegabyte;
  return options;
}

uint64_t ReservedBytes(const std::string& path) {
  struct stat file;
  return stat(path.c_str(), &file) == 0 ? uint64_t{512} * file.st_blocks : 0;
}

TEST(DecideBallastTest, ItGoesBelowTheThresholdAndComesBackOnlyBesideInput) {
  struct {
    uint64_t free_megabytes;
    bool held;
    BallastMove move;
  } cases[] = {{4, true, BallastMove::kStay},
               {3, true, BallastMove::kRelease},
               {0, true, BallastMove::kRelease},
               {0, false, BallastMove::kStay},
               // 6 % of the disk and the ballast.
               {68, false, BallastMove::kStay},
               {69, false, BallastMove::kReserve}};
  for (const auto& c : cases) {
    DiskSpace space{c.free_megabytes * kMegabyte, 1000 * kMegabyte};
    EXPECT_EQ(DecideBallast(space, Small(), c.held), c.move) << c.free_megabytes;
  }
}

TEST(DecideBallastTest, InputIsRefusedLongBeforeItGoes) {
  const BallastOptions options;
  EXPECT_LE(2 * options.release_below_bytes, options.thresholds.stop_below_bytes);
}

class BallastTest : public testing::Test {
 protected:
  TemporaryDir dir_;
  std::string path_ = dir_.path() + "/ballast";
};

TEST_F(BallastTest, RoomIsTrulyReservedAndTrulyLetGo) {
  Ballast ballast(path_, Small());
  EXPECT_EQ(ballast.Keep(kRoomy).free_bytes, kRoomy.free_bytes - Small().bytes);
  ASSERT_TRUE(ballast.held());
  EXPECT_GE(ReservedBytes(path_), Small().bytes);
  EXPECT_EQ(ballast.Keep({3 * kMegabyte, kRoomy.total_bytes}).free_bytes, 0u);
  EXPECT_FALSE(ballast.held());
  EXPECT_EQ(ReservedBytes(path_), 0u);
}

TEST_F(BallastTest, InputDoesNotCountOnTheRoomThatWasLetGo) {
  Ballast ballast(path_, Small());
  // Room for input (6 %), but not for both.
  const DiskSpace left = ballast.Keep({62 * kMegabyte, 1000 * kMegabyte});
  EXPECT_FALSE(ballast.held());
  EXPECT_EQ(left.free_bytes, 54 * kMegabyte);
  EXPECT_FALSE(DecideDisk(left, Small().thresholds, /*accepting=*/false));
}

TEST_F(BallastTest, StartOnAShortDiskLetsGoAndStartOnARoomyOneKeeps) {
  Ballast(path_, Small()).Keep(kRoomy);
  Ballast roomy(path_, Small());
  EXPECT_TRUE(roomy.held());
  roomy.PrepareOpen(kRoomy);
  EXPECT_TRUE(roomy.held());
  roomy.PrepareOpen({9 * kMegabyte, kRoomy.total_bytes});
  EXPECT_FALSE(roomy.held());
  EXPECT_EQ(ReservedBytes(path_), 0u);
}

TEST_F(BallastTest, FileOfAnotherSizeIsReplaced) {
  std::ofstream(path_) << "cut short";
  Ballast ballast(path_, Small());
  EXPECT_FALSE(ballast.held());
  ballast.Keep(kRoomy);
  EXPECT_TRUE(ballast.held());
  EXPECT_GE(ReservedBytes(path_), Small().bytes);
}

TEST_F(BallastTest, DirectoryThatCanNotBeWrittenHasNoneAndInputGoesOn) {
  Ballast ballast("/nowhere/ballast", Small());
  EXPECT_EQ(ballast.Keep(kRoomy).free_bytes, kRoomy.free_bytes);
  EXPECT_EQ(ballast.Keep(kRoomy).free_bytes, kRoomy.free_bytes);
  EXPECT_FALSE(ballast.held());
}

}  // namespace
}  // namespace braid
