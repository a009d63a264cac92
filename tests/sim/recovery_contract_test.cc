// Outages as they happen, under the contracts that X documents (the dialects'
// own limits): hours and days of them, with production classes and X simulated.
// Each ends with the log judged by what X had.

#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "proto/proto_time.h"
#include "tests/sim/recovery_world.h"

namespace braid {
namespace {

using v1::RecoveryJob;

config::v1::RecoveryConfig Contract(const std::string& dialect) {
  config::v1::RecoveryConfig config;
  config.set_dialect(dialect);
  return config;
}

config::v1::RecoveryConfig V2Contract() { return Contract("x-v2-filtered"); }

config::v1::RecoveryConfig V2Without(std::vector<const char*> methods) {
  config::v1::RecoveryConfig config = V2Contract();
  for (const char* method : methods) {
    config::v1::RouteConfig* route = config.add_routes();
    route->set_method(method);
    route->set_off(true);
  }
  return config;
}

RecoverySetup V2(const config::v1::RecoveryConfig& config = V2Contract()) {
  RecoverySetup setup = SetupOf(config);
  setup.x.speed = 30;
  return setup;
}

RecoverySetup Gnip() {
  RecoverySetup setup = SetupOf(Contract("gnip-powertrack"));
  setup.x.has_final_record = true;
  setup.x.speed = 30;
  return setup;
}

// Both connections of a stream are away, once.
class Outage {
 public:
  explicit Outage(RecoverySetup setup, uint64_t seed = 1)
      : recoverers_(setup.recoverers), world_(seed, std::move(setup), {/*keep_log=*/true}) {
    world_.Start();
    world_.Pass(absl::Minutes(10));
  }

  ~Outage() {
    if (testing::Test::HasFailure()) std::printf("%s\n", absl::StrJoin(log_, "\n").c_str());
  }

  RecoveryWorld* operator->() { return &world_; }

  // Away for so long, and back.
  void Happens(absl::Duration length, const std::string& cause = "reset") {
    world_.SilenceAll(length, cause);
    world_.Pass(length + absl::Minutes(2));
  }
  // And so are the recoverers.
  void HappensToAll(absl::Duration length) {
    for (int i = 0; i < recoverers_; ++i) world_.KillRecoverer(i);
    Happens(length);
    for (int i = 0; i < recoverers_; ++i) world_.StartRecoverer(i);
  }

  // Nothing that was asserted in the world has failed.
  RecoveryRun Ends(absl::Duration bound) {
    EXPECT_TRUE(world_.Settle(bound)) << "not settled after " << bound;
    RecoveryRun run = world_.End();
    EXPECT_TRUE(run.failures.empty()) << absl::StrJoin(run.failures, "\n");
    log_ = run.log;
    return run;
  }

  // And every gap is recovered.
  RecoveryRun EndsWhole(absl::Duration bound) {
    RecoveryRun run = Ends(bound);
    EXPECT_GT(run.figures.recovered, 0u);
    EXPECT_EQ(run.figures.left_open, 0u);
    EXPECT_EQ(run.figures.lost, 0u);
    return run;
  }

  const RecoveryJob& Job(uint64_t number) const {
    return world_.core(0).recovery().jobs().at(number).job();
  }
  // Job 1, and those that a growing gap adds every hour.
  size_t StepCount() const {
    size_t count = 0;
    for (const auto& [number, job] : world_.core(0).recovery().jobs()) {
      count += static_cast<size_t>(job.job().steps_size());
    }
    return count;
  }
  size_t JobCount() const { return world_.core(0).recovery().jobs().size(); }
  bool IsUsed(RecoveryMethod method, RecoveryJob::State state) const {
    for (const auto& [number, job] : world_.core(0).recovery().jobs()) {
      for (const RecoveryJob::Step& step : job.job().steps()) {
        if (step.method() == method && step.state() == state) return true;
      }
    }
    return false;
  }

 private:
  const int recoverers_;
  RecoveryWorld world_;
  std::vector<std::string> log_;
};

constexpr auto kRecovery = RecoveryJob::METHOD_RECOVERY;
constexpr auto kReplay = RecoveryJob::METHOD_REPLAY;
constexpr auto kSearch = RecoveryJob::METHOD_SEARCH;
constexpr auto kSucceeded = RecoveryJob::STATE_SUCCEEDED;

// v2 proves nothing by itself: the same answer twice, ten minutes apart.
TEST(RecoveryContract, TwelveMinutesOnV2) {
  Outage outage(V2());
  outage.Happens(absl::Minutes(12));
  RecoveryRun run = outage.EndsWhole(absl::Hours(1));
  EXPECT_EQ(outage.JobCount(), 1u);
  EXPECT_EQ(outage.Job(1).state(), kSucceeded);
  EXPECT_TRUE(outage.IsUsed(kRecovery, kSucceeded));
  EXPECT_EQ(run.x.asked, 2u);
}

TEST(RecoveryContract, SevenHoursOnGnipInPieces) {
  Outage outage(Gnip());
  outage.HappensToAll(absl::Hours(7));
  outage->x().FailMinuteOfNext(17);
  RecoveryRun run = outage.EndsWhole(absl::Hours(6));
  // Seven hours, and the minute again.
  EXPECT_GE(outage.StepCount(), 8u);
  EXPECT_EQ(run.x.failed_minutes, 1u);
}

TEST(RecoveryContract, AFinalRecordThatIsLostCostsTheLastMinuteAlone) {
  Outage outage(Gnip());
  outage.Happens(absl::Minutes(30));
  outage->x().LoseFinalRecordOfNext();
  RecoveryRun run = outage.EndsWhole(absl::Hours(6));
  EXPECT_EQ(run.x.unproved, 1u);
  EXPECT_EQ(run.x.completed, 1u);
  ASSERT_GE(outage.Job(1).steps_size(), 2);
  EXPECT_LE(ToTime(outage.Job(1).steps(1).fetch_range().end_time()) -
                ToTime(outage.Job(1).steps(1).fetch_range().start_time()),
            absl::Minutes(5));
}

// Recovery reaches back a day; what is older is searched for.
TEST(RecoveryContract, ThirtyHoursOnV2) {
  Outage outage(V2());
  outage.HappensToAll(absl::Hours(30));
  outage.EndsWhole(absl::Hours(48));
  EXPECT_TRUE(outage.IsUsed(kRecovery, kSucceeded));
  EXPECT_TRUE(outage.IsUsed(kSearch, kSucceeded));
}

// Without search X no longer has what is older than a day: said, not silent.
TEST(RecoveryContract, ThirtyHoursOnV2WithoutSearch) {
  Outage outage(V2(V2Without({"search", "lookup"})));
  outage.HappensToAll(absl::Hours(30));
  EXPECT_TRUE(outage->Settle(absl::Hours(48)));
  outage->Pass(absl::Minutes(2));
  RecoveryRun run = outage.Ends(absl::Hours(1));
  EXPECT_TRUE(outage.IsUsed(kRecovery, kSucceeded));
  EXPECT_EQ(run.figures.lost, 1u);
  bool says_why = false;
  for (uint64_t i = 1; i <= outage.JobCount(); ++i) {
    says_why = says_why || (outage.Job(i).missing_size() > 0 && !outage.Job(i).error().empty());
  }
  EXPECT_TRUE(says_why);
}

// Four days on Gnip: replay has what recovery no longer has.
TEST(RecoveryContract, FourDaysOnGnip) {
  RecoverySetup setup = Gnip();
  setup.x.rate = 0.02;
  Outage outage(std::move(setup));
  outage.HappensToAll(absl::Hours(4 * 24));
  outage.EndsWhole(absl::Hours(48));
  EXPECT_TRUE(outage.IsUsed(kReplay, kSucceeded));
}

TEST(RecoveryContract, AFullBufferOnBoth) {
  Outage outage(V2());
  outage.Happens(absl::Minutes(3), "full_buffer");
  outage.EndsWhole(absl::Hours(1));
  EXPECT_FALSE(outage.IsUsed(RecoveryJob::METHOD_BACKFILL, kSucceeded));
  EXPECT_TRUE(outage.IsUsed(kRecovery, kSucceeded));
}

// Each connection lost it after X had sent it. Without X's recovery one of them
// asks for it again as it reconnects, while the other goes on.
TEST(RecoveryContract, WhatBothLostHereComesByAReconnect) {
  Outage outage(V2(V2Without({"recovery"})));
  outage->LoseAll(absl::Seconds(30));
  outage->Pass(absl::Minutes(3));
  RecoveryRun run = outage.EndsWhole(absl::Hours(1));
  EXPECT_TRUE(outage.IsUsed(RecoveryJob::METHOD_BACKFILL, kSucceeded));
  EXPECT_EQ(outage.JobCount(), 1u);
  EXPECT_EQ(run.reconnects, 1u);
  EXPECT_EQ(run.x.asked, 0u);
}

// Recovery takes nothing from the stream.
TEST(RecoveryContract, NobodyReconnectsWhereRecoveryHasIt) {
  Outage outage(V2());
  outage->LoseAll(absl::Seconds(30));
  outage->Pass(absl::Minutes(3));
  RecoveryRun run = outage.EndsWhole(absl::Hours(1));
  EXPECT_TRUE(outage.IsUsed(kRecovery, kSucceeded));
  EXPECT_EQ(run.reconnects, 0u);
}

// v2 bills a post once per UTC day: what can be asked for before midnight is.
TEST(RecoveryContract, AnOutageThatSpansMidnight) {
  RecoverySetup setup = V2();
  setup.start += absl::Hours(23);
  Outage outage(std::move(setup));
  outage.Happens(absl::Minutes(90));
  outage.EndsWhole(absl::Hours(4));
}

// What the day's quota does not allow waits for the next one.
TEST(RecoveryContract, TheQuotaEndsHalfWay) {
  config::v1::RecoveryConfig config = V2Contract();
  config.set_posts_per_day(500);
  RecoverySetup setup = V2(config);
  setup.start += absl::Hours(12);
  Outage outage(std::move(setup));
  outage.HappensToAll(absl::Hours(3));
  EXPECT_TRUE(outage->Settle(absl::Hours(2)));
  EXPECT_FALSE(outage->core(0).gaps().ledger().gaps().empty());
  size_t jobs = outage.JobCount();
  // Midnight passes, twice, and the rest follows.
  outage->Pass(absl::Hours(34));
  EXPECT_GT(outage.JobCount(), jobs);
  outage.EndsWhole(absl::Hours(4));
}

// Deleted posts do not come back: one job, no loop.
TEST(RecoveryContract, PostsThatAreDeletedMeanwhile) {
  RecoverySetup setup = V2();
  setup.x.rate = 2;
  Outage outage(std::move(setup));
  outage.Happens(absl::Minutes(30));
  EXPECT_TRUE(outage->Settle(absl::Hours(4)));
  EXPECT_EQ(outage.JobCount(), 1u);
  outage->Pass(absl::Hours(1));
  EXPECT_EQ(outage.JobCount(), 1u);
  outage.EndsWhole(absl::Hours(1));
}

// Nothing was posted at all, and X ends without a word: that is whole, too.
TEST(RecoveryContract, ASparseStreamWithoutAFinalRecord) {
  RecoverySetup setup = V2();
  setup.x.rate = 0.0005;
  Outage outage(std::move(setup));
  outage.Happens(absl::Minutes(12));
  outage.EndsWhole(absl::Hours(2));
}

TEST(RecoveryContract, ARecovererThatIsKilledTwentyTimes) {
  RecoverySetup setup = Gnip();
  setup.x.speed = 5;
  Outage outage(std::move(setup));
  outage.HappensToAll(absl::Hours(2));
  for (int i = 0; i < 20; ++i) {
    outage->KillRecoverer(0);
    outage->Pass(absl::Seconds(20));
    outage->StartRecoverer(0);
    outage->Pass(absl::Seconds(100));
  }
  outage.EndsWhole(absl::Hours(8));
}

// Two dedupers that do not see each other both want all of it, from two
// recoverers: RecoveryX counts what it runs at once.
TEST(RecoveryContract, TwoRecoverersAndTwoDedupers) {
  RecoverySetup setup = Gnip();
  setup.x.single_deduper = false;
  setup.dedupers = 2;
  setup.recoverers = 2;
  Outage outage(std::move(setup));
  outage.HappensToAll(absl::Hours(3));
  outage.EndsWhole(absl::Hours(8));
}

TEST(RecoveryContract, ADeduperThatIsRestartedInMidJob) {
  RecoverySetup setup = Gnip();
  setup.x.speed = 5;
  Outage outage(std::move(setup));
  outage.HappensToAll(absl::Hours(2));
  outage->Pass(absl::Minutes(5));
  outage->KillDeduper(0);
  outage->StartDeduper(0);
  outage.EndsWhole(absl::Hours(8));
}

TEST(RecoveryContract, ACancelledJobStaysCancelled) {
  RecoverySetup setup = Gnip();
  setup.x.speed = 5;
  Outage outage(std::move(setup));
  outage.HappensToAll(absl::Hours(2));
  outage->Pass(absl::Minutes(5));
  store::v1::RecoveryInput cancel;
  cancel.set_cancel(1);
  outage->Ask(0, cancel);
  size_t jobs = outage.JobCount();
  EXPECT_TRUE(outage->Settle(absl::Hours(4)));
  outage->Pass(absl::Hours(1));
  EXPECT_EQ(outage.JobCount(), jobs);
  EXPECT_EQ(outage.Job(1).state(), RecoveryJob::STATE_CANCELLED);
  RecoveryRun run = outage.Ends(absl::Hours(1));
  EXPECT_EQ(run.figures.left_open, 1u);
}

// The configuration says three, X takes two.
TEST(RecoveryContract, XRefusesTheThirdJob) {
  config::v1::RecoveryConfig config = V2Contract();
  config::v1::RouteConfig* route = config.add_routes();
  route->set_method("recovery");
  route->set_jobs(3);
  RecoverySetup setup = V2(config);
  setup.x.policy = V2().policy;
  setup.x.trusts_shares = false;
  setup.x.speed = 5;
  setup.recoverers = 3;
  Outage outage(std::move(setup));
  outage.HappensToAll(absl::Hours(5));
  RecoveryRun run = outage.EndsWhole(absl::Hours(16));
  EXPECT_GT(run.x.refused, 0u);
}

TEST(RecoveryContract, AManualJobOverACompleteRangeBringsNothing) {
  Outage outage(Gnip());
  outage->Pass(absl::Hours(1));
  store::v1::RecoveryInput input;
  store::v1::RecoveryInput::Create* create = input.mutable_create();
  create->set_requester("op");
  create->set_margin_micros(-1);
  create->set_from_micros(absl::ToUnixMicros(outage->now() - absl::Minutes(50)));
  create->set_until_micros(absl::ToUnixMicros(outage->now() - absl::Minutes(40)));
  outage->Ask(0, input);
  outage->Pass(absl::Minutes(1));
  outage.Ends(absl::Hours(1));
  ASSERT_EQ(outage.JobCount(), 1u);
  EXPECT_EQ(outage.Job(1).state(), kSucceeded);
  EXPECT_GT(outage.Job(1).totals().received_events(), 0u);
  EXPECT_EQ(outage.Job(1).totals().new_events(), 0u);
}

}  // namespace
}  // namespace braid
