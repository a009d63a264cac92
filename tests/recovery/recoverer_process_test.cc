// The real braid-recoverer: what it says of its configuration, that it is killed
// and goes on, that it ends when asked to.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "proto/snowflake.h"
#include "proto/time_range.h"
#include "recovery/past_request.h"
#include "tests/emulator/emulator_fixture.h"
#include "tests/harness/binaries.h"
#include "tests/harness/daemon.h"
#include "tests/harness/files.h"
#include "tests/harness/run_to_end.h"
#include "tests/recovery/deduper_server.h"

namespace braid {
namespace {

constexpr char kRecoverer[] = "recovery/braid-recoverer";

class RecovererProcessTest : public emulator::EmulatorFixture {
 protected:
  RecovererProcessTest() {
    options_.rate = 50;
    options_.past = absl::Hours(1);
    EXPECT_TRUE(harness::WriteFile(Path("token"), "secret\n").ok());
    EXPECT_EQ(chmod(Path("token").c_str(), 0600), 0);
  }
  std::string Path(const std::string& name) const { return absl::StrCat(dir_.path(), "/", name); }

  void Write(const std::string& streams) {
    ASSERT_TRUE(harness::WriteFile(
                    Path("r.yaml"),
                    absl::StrCat("recoverer: r1\nnetwork: n\nstreams:\n", streams,
                                 "dedupers: [{address: \"127.0.0.1:", deduper_.port(),
                                 "\"}]\nspool: {dir: spool}\nlisten: {http: \"127.0.0.1:0\"}\n"))
                    .ok());
  }
  void WriteGnip() {
    Write(
        absl::StrCat("  - stream: main\n    source: {dialect: gnip-powertrack, url: "
                     "\"http://127.0.0.1:",
                     emulator_->port(), emulator::kPowertrack, "\"}\n"));
  }
  std::pair<int, std::string> Check() {
    harness::ProcessOptions options;
    options.command = {harness::RunfilePath(kRecoverer), "--check-config", "--config",
                       Path("r.yaml")};
    options.output_file = Path("check.log");
    auto ended = harness::RunToEnd(options, absl::Seconds(30));
    EXPECT_TRUE(ended.ok()) << ended.status();
    return {ended->exit.code, ended->output};
  }
  void StartRecoverer() {
    harness::DaemonOptions options;
    options.name = "recoverer";
    options.command = {harness::RunfilePath(kRecoverer), "--config", Path("r.yaml")};
    options.dir = dir_.path();
    daemon_ = std::make_unique<harness::Daemon>(options);
    absl::Status started = daemon_->Start();
    ASSERT_TRUE(started.ok()) << started;
  }
  v1::RecoveryStep Step(int from_ago, int until_ago,
                        v1::RecoveryJob::Method method = v1::RecoveryJob::METHOD_RECOVERY) const {
    v1::RecoveryStep step;
    step.mutable_step()->set_method(method);
    *step.mutable_step()->mutable_fetch_range() =
        RangeOf({absl::ToUnixMicros(now_ - absl::Minutes(from_ago)),
                 absl::ToUnixMicros(now_ - absl::Minutes(until_ago))});
    return step;
  }

  // Beyond what recovery reaches, with two rules that search knows.
  void StartThirtyHoursLater(const std::string& more = "") {
    options_.rate = 2;
    options_.past = absl::Hours(31);
    StartEmulator();
    ASSERT_EQ(Post(absl::StrCat(emulator::kFiltered, "/rules"),
                   R"({"add":[{"value":"cat","tag":"cats"},{"value":"dog","tag":"dogs"}]})"),
              201);
    std::string host = absl::StrCat("http://127.0.0.1:", emulator_->port());
    Write(absl::StrCat("  - stream: main\n    source: {url: \"", host, emulator::kFiltered, "\"}\n",
                       more.empty() ? "" : absl::StrCat("    search_url: \"", host, more, "\"\n")));
  }
  // What the stream sent in that hour, by X that remembers everything.
  std::set<uint64_t> Streamed(const v1::RecoveryStep& step) {
    EXPECT_EQ(Ask("/set?recovery_window=200000&job_rate=0"), 200);
    Interval range = IntervalOf(step.step().fetch_range());
    return IdsOf(absl::StrCat(emulator::kFiltered, "?start_time=", IsoSecond(range.from),
                              "&end_time=", IsoSecond(range.until)));
  }
  // Of frames behind the cover's beginning, in its session.
  std::set<uint64_t> Vouched(const v1::SessionRecord& cover) {
    std::set<uint64_t> ids;
    for (const v1::SessionRecord& record : deduper_.records()) {
      bool behind = record.session_epoch() == cover.session_epoch() &&
                    record.offset() >= cover.cover().first_offset();
      if (behind) ids.insert(record.frame().post_ids().begin(), record.frame().post_ids().end());
    }
    return ids;
  }
  // Its outcome once it is no refusal by X's pace.
  v1::CompleteRequest AwaitOutcome() {
    for (size_t count = deduper_.completions().size() + 1;; ++count) {
      EXPECT_TRUE(deduper_.AwaitCompletions(count));
      if (deduper_.completions().size() < count) return {};
      v1::CompleteRequest last = deduper_.completions().back();
      if (last.recovery_result().refusal() != "rate_limited") return last;
      deduper_.LeaseAgain();
    }
  }

  const absl::Time now_ = absl::FromUnixSeconds(absl::ToUnixSeconds(absl::Now()));
  harness::TempDir dir_{"recoverer"};
  DeduperServer deduper_;
  std::unique_ptr<harness::Daemon> daemon_;
};

TEST_F(RecovererProcessTest, WhatItWouldRunIsOneLine) {
  Write("  - {stream: main, source: {bearer_token_file: token}}\n");
  auto [code, output] = Check();
  EXPECT_EQ(code, 0);
  EXPECT_EQ(output,
            absl::StrCat(
                Path("r.yaml"),
                ": ok, 1 stream: main (x-v2-filtered: recovery, search, lookup; 1 at a time)\n"));
}

TEST_F(RecovererProcessTest, EveryMistakeIsNamedWithItsPlace) {
  Write(
      "  - {stream: main, jobs: 0, source: {dialect: x-v2-sample, bearer_token_file: token}}\n"
      "  - stream: main\n"
      "    source: {bearer_token_file: missing}\n"
      "    shares: [{method: recovery, requests: 51}, {method: recover, requests: 1},\n"
      "             {method: search, requests: 1}]\n"
      "    replay_url: ftp://x\n");
  auto [code, output] = Check();
  EXPECT_EQ(code, 2);
  for (const char* line :
       {"r.yaml:4:26: streams[0].jobs: is out of range; use 1 to 100",
        "r.yaml:4:47: streams[0].source.dialect: x-v2-sample can not be asked for its past",
        "r.yaml:5:13: streams[1].stream: \"main\" is used twice",
        "missing: No such file or directory",
        "r.yaml:7:43: streams[1].shares[0].requests: is more than the 50 that X gives",
        "r.yaml:7:57: streams[1].shares[1].method: \"recover\" is not one of recovery, replay",
        "r.yaml:8:41: streams[1].shares[2].requests: is not enough for a second page",
        "r.yaml:9:17: streams[1].replay_url: \"ftp://x\" is no URL"}) {
    EXPECT_TRUE(absl::StrContains(output, line)) << line << "\n" << output;
  }
}

TEST_F(RecovererProcessTest, KilledAndStartedAgainItFetchesTheStepAnew) {
  options_.server.job_rate = 3000;
  StartEmulator();
  WriteGnip();
  StartRecoverer();
  deduper_.Add(Step(13, 3));
  ASSERT_TRUE(deduper_.AwaitEvents(3000));
  daemon_->Kill();
  EXPECT_TRUE(deduper_.completions().empty());
  StartRecoverer();
  deduper_.LeaseAgain();
  ASSERT_TRUE(deduper_.AwaitCompletions(1));
  EXPECT_EQ(deduper_.completions()[0].outcome(), v1::CompleteRequest::OUTCOME_DONE)
      << deduper_.completions()[0].DebugString();
  EXPECT_EQ(deduper_.completions()[0].fence(), 2u);
  ASSERT_TRUE(daemon_->Stop(absl::Seconds(5)).ok());

  std::vector<v1::SessionRecord> records = deduper_.records();
  const v1::SessionRecord& last = records.back();
  ASSERT_TRUE(last.has_cover());
  EXPECT_EQ(IntervalOf(last.cover().create_time_range()),
            IntervalOf(Step(13, 3).step().fetch_range()));
  for (const v1::SessionRecord& record : records) {
    EXPECT_EQ(&record == &last, record.has_cover()) << "one cover, of the second process";
  }
  std::set<uint64_t> created;
  for (uint64_t id : TheTruth().CreatedIds()) {
    absl::Time time = SnowflakeTime(id);
    if (time >= now_ - absl::Minutes(13) && time < now_ - absl::Minutes(3)) created.insert(id);
  }
  EXPECT_GT(created.size(), 25000u);
  EXPECT_EQ(Vouched(last), created);
}

TEST_F(RecovererProcessTest, AGapOfYesterdayIsReachedBySearchAlone) {
  StartThirtyHoursLater();
  StartRecoverer();
  deduper_.Add(Step(1800, 1740));
  ASSERT_TRUE(deduper_.AwaitCompletions(1));
  EXPECT_EQ(deduper_.completions()[0].recovery_result().refusal(), "range_refused");
  v1::RecoveryStep step = Step(1800, 1740, v1::RecoveryJob::METHOD_SEARCH);
  deduper_.Add(step);
  v1::CompleteRequest end = AwaitOutcome();
  EXPECT_EQ(end.outcome(), v1::CompleteRequest::OUTCOME_DONE) << end.DebugString();
  EXPECT_EQ(end.recovery_result().proof(), "counts");
  ASSERT_TRUE(daemon_->Stop(absl::Seconds(5)).ok());
  v1::SessionRecord last = deduper_.records().back();
  ASSERT_TRUE(last.has_cover());
  std::set<uint64_t> streamed = Streamed(step);
  EXPECT_GT(streamed.size(), 2500u);
  EXPECT_EQ(Vouched(last), streamed);
}

TEST_F(RecovererProcessTest, KilledInTheMiddleOfASearchItSearchesAnew) {
  // One request a second.
  StartThirtyHoursLater("/2/tweets/search/all");
  StartRecoverer();
  v1::RecoveryStep step = Step(1800, 1740, v1::RecoveryJob::METHOD_SEARCH);
  deduper_.Add(step);
  ASSERT_TRUE(deduper_.AwaitEvents(500));
  daemon_->Kill();
  EXPECT_TRUE(deduper_.completions().empty());
  StartRecoverer();
  deduper_.LeaseAgain();
  v1::CompleteRequest end = AwaitOutcome();
  EXPECT_EQ(end.outcome(), v1::CompleteRequest::OUTCOME_DONE) << end.DebugString();
  EXPECT_EQ(end.recovery_result().proof(), "counts");
  ASSERT_TRUE(daemon_->Stop(absl::Seconds(5)).ok());
  EXPECT_EQ(Streamed(step).size(), end.recovery_result().totals().received_events());
}

TEST_F(RecovererProcessTest, AskedToStopInTheMiddleItEndsInTimeAndSaysWhatItDid) {
  options_.server.job_rate = 1000;
  StartEmulator();
  WriteGnip();
  StartRecoverer();
  deduper_.Add(Step(13, 3));
  ASSERT_TRUE(deduper_.AwaitEvents(500));
  EXPECT_EQ(daemon_->Metric("braid_recovery_fetches_running", -1), 1);
  auto ready = daemon_->Get("/-/ready");
  ASSERT_TRUE(ready.ok());
  EXPECT_EQ(ready->status, 200);
  EXPECT_TRUE(daemon_->Stop(absl::Seconds(5)).ok());
  EXPECT_TRUE(deduper_.completions().empty()) << "its lease ends, and somebody else has it";
}

}  // namespace
}  // namespace braid
