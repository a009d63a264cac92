#include "tests/harness/emulator.h"

#include <gtest/gtest.h>

#include "tests/harness/files.h"
#include "tests/harness/wait.h"

namespace braid::harness {
namespace {

TEST(Emulator, StartsTakesCommandsAndLeavesItsTruth) {
  TempDir dir("emulator-test");
  EmulatorOptions options;
  options.dir = dir.path();
  options.rate = 500;
  Emulator x(options);
  absl::Status started = x.Start();
  ASSERT_TRUE(started.ok()) << started;
  EXPECT_TRUE(WaitUntil("posts", absl::Seconds(10), [&] {
                return x.Status().value_or(EmulatorStatus()).created > 10;
              }).ok());
  // Nobody is connected: a fault that can not fire is an error.
  EXPECT_EQ(x.Cut("a", CutKind::kReset).code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(x.SetRate(0).ok());
  EXPECT_TRUE(WaitUntil("idle", absl::Seconds(10), [&] { return x.IsIdle(); }).ok());
  absl::Status stopped = x.Stop();
  EXPECT_TRUE(stopped.ok()) << stopped;
  auto truth = x.ReadTruth();
  ASSERT_TRUE(truth.ok()) << truth.status();
  EXPECT_TRUE(truth->finished);
  EXPECT_GT(truth->emissions.size(), 10u);
}

}  // namespace
}  // namespace braid::harness
