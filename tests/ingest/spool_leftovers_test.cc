#include "ingest/spool_leftovers.h"

#include <gtest/gtest.h>

#include "ingest/spool_format.h"
#include "tests/base/mem_file_system.h"
#include "tests/sim/sim_loop.h"

namespace braid {
namespace {

class SpoolLeftoversTest : public testing::Test {
 protected:
  void MakeSpool(const std::string& dir, size_t record_bytes) {
    std::string session = absl::StrCat(dir, "/", SpoolNumber(1));
    ASSERT_TRUE(files_.CreateDir(session).ok());
    ASSERT_TRUE(files_.Replace(dir + "/epoch", "x").ok());
    ASSERT_TRUE(files_
                    .Replace(absl::StrCat(session, "/", SpoolNumber(0), kSegmentSuffix),
                             std::string(kSegmentHeaderBytes + record_bytes, 'x'))
                    .ok());
  }

  SimLoop loop_;
  MemFileSystem files_{loop_};
};

TEST_F(SpoolLeftoversTest, SpoolsOfTheConfigurationAreNone) {
  MakeSpool("/spool/a", 10);
  ASSERT_TRUE(files_.Replace("/spool/connect-budget", "x").ok());
  EXPECT_TRUE(CheckLeftovers(files_, "/spool", {"a", "b"}).ok());
  EXPECT_TRUE(CheckLeftovers(files_, "/other", {"a"}).ok());
}

TEST_F(SpoolLeftoversTest, RecordsOfAConnectionThatIsNotNamedAreNotForgotten) {
  MakeSpool("/spool/a", 10);
  MakeSpool("/spool/gone", 4711);
  absl::Status status = CheckLeftovers(files_, "/spool", {"a"});
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("/spool/gone holds 4711 bytes"), absl::string_view::npos)
      << status;
  EXPECT_NE(status.message().find("retired: true"), absl::string_view::npos) << status;
}

TEST_F(SpoolLeftoversTest, AnEmptySpoolOfNobodyIsLeftAlone) {
  MakeSpool("/spool/gone", 0);
  EXPECT_TRUE(CheckLeftovers(files_, "/spool", {"a"}).ok());
}

TEST_F(SpoolLeftoversTest, TheSpoolOfTheShortFormIsNotForgottenEither) {
  MakeSpool("/spool", 10);
  absl::Status status = CheckLeftovers(files_, "/spool", {"a"});
  EXPECT_NE(status.message().find("move all of it"), absl::string_view::npos) << status;
}

}  // namespace
}  // namespace braid
