// braid recover and braid job against a service in this process: what is asked of
// it, what they print, and how they exit.

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "braid/v1/admin_service.grpc.pb.h"
#include "braid/v1/gap_service.grpc.pb.h"
#include "braid/v1/recovery_service.grpc.pb.h"
#include "proto/proto_time.h"
#include "proto/reason.h"
#include "tests/cli/run_words.h"

namespace braid {
namespace {

using v1::RecoveryJob;

class OneStream final : public v1::AdminService::Service {
 public:
  grpc::Status GetServerInfo(grpc::ServerContext*, const v1::GetServerInfoRequest*,
                             v1::ServerInfo* info) override {
    info->add_streams("main");
    return grpc::Status::OK;
  }
};

RecoveryJob JobOf(uint64_t number, RecoveryJob::State state) {
  RecoveryJob job;
  job.set_name(absl::StrCat("streams/main/recoveryJobs/", number));
  job.set_state(state);
  job.mutable_totals()->set_received_events(1204);
  job.mutable_totals()->set_new_events(37);
  job.mutable_totals()->set_duplicate_events(1167);
  return job;
}

// Remembers what it was asked; jobs end as `ending` says.
class FakeRecovery final : public v1::RecoveryService::Service {
 public:
  grpc::Status CreateRecoveryJob(grpc::ServerContext*, const v1::CreateRecoveryJobRequest* request,
                                 RecoveryJob* job) override {
    asked.push_back(*request);
    if (!refusal.ok()) return ToGrpcStatus(refusal);
    *job = JobOf(12, RecoveryJob::STATE_PLANNED);
    if (request->validate_only()) job->clear_name();
    job->clear_totals();
    RecoveryJob::Choice* choice = job->add_choices();
    choice->set_method(RecoveryJob::METHOD_RECOVERY);
    choice->set_chosen(true);
    choice->set_reason("starts at once");
    return grpc::Status::OK;
  }
  grpc::Status GetRecoveryJob(grpc::ServerContext*, const v1::GetRecoveryJobRequest* request,
                              RecoveryJob* job) override {
    if (request->name() != "streams/main/recoveryJobs/12") {
      return ToGrpcStatus(ReasonError(absl::StatusCode::kNotFound, "there is no such job",
                                      {"UNKNOWN_RECOVERY_JOB", {}}));
    }
    *job = JobOf(12, RecoveryJob::STATE_RUNNING);
    return grpc::Status::OK;
  }
  grpc::Status ListRecoveryJobs(grpc::ServerContext*, const v1::ListRecoveryJobsRequest* request,
                                v1::ListRecoveryJobsResponse* response) override {
    states.assign(request->states().begin(), request->states().end());
    const bool second = request->page_token() == "2";
    *response->add_recovery_jobs() = JobOf(second ? 11 : 12, second ? of_11 : RecoveryJob::STATE_RUNNING);
    if (!second) response->set_next_page_token("2");
    return grpc::Status::OK;
  }
  grpc::Status GetRecoveryQuota(grpc::ServerContext*, const v1::GetRecoveryQuotaRequest*,
                                v1::RecoveryQuota* answer) override {
    *answer = quota;
    return grpc::Status::OK;
  }
  // A first call ends early, as when the server stops.
  grpc::Status WatchRecoveryJob(grpc::ServerContext*, const v1::WatchRecoveryJobRequest* request,
                                grpc::ServerWriter<v1::WatchRecoveryJobResponse>* writer) override {
    watched = request->name();
    v1::WatchRecoveryJobResponse answer;
    writer->Write(answer);
    *answer.mutable_recovery_job() = JobOf(12, RecoveryJob::STATE_RUNNING);
    answer.mutable_recovery_job()->set_progress(0.5);
    writer->Write(answer);
    if (on_watch) on_watch();
    if (ends_early-- > 0) return grpc::Status::OK;
    *answer.mutable_recovery_job() = JobOf(12, ending);
    writer->Write(answer);
    return grpc::Status::OK;
  }
  grpc::Status CancelRecoveryJob(grpc::ServerContext*, const v1::CancelRecoveryJobRequest* request,
                                 RecoveryJob* job) override {
    cancelled = request->name();
    *job = JobOf(12, RecoveryJob::STATE_CANCELLING);
    return grpc::Status::OK;
  }

  std::vector<v1::CreateRecoveryJobRequest> asked;
  absl::Status refusal;
  v1::RecoveryQuota quota;
  RecoveryJob::State of_11 = RecoveryJob::STATE_RUNNING;
  RecoveryJob::State ending = RecoveryJob::STATE_SUCCEEDED;
  int ends_early = 0;
  std::function<void()> on_watch;
  std::vector<int> states;
  std::string watched, cancelled;
};

v1::Gap GapOf(uint64_t number, v1::Gap::State state) {
  v1::Gap gap;
  gap.set_name(absl::StrCat("streams/main/gaps/", number));
  gap.set_state(state);
  gap.set_kind(v1::Gap::KIND_TOTAL_OUTAGE);
  return gap;
}

// Stops after gap 1 was told; when it is back gap 1 is recovered and gap 2 open.
class FakeGaps final : public v1::GapService::Service {
 public:
  grpc::Status GetGap(grpc::ServerContext*, const v1::GetGapRequest*, v1::Gap* gap) override {
    *gap = one;
    return grpc::Status::OK;
  }
  grpc::Status ListGaps(grpc::ServerContext*, const v1::ListGapsRequest*,
                        v1::ListGapsResponse* response) override {
    *response->add_gaps() = one;
    return grpc::Status::OK;
  }
  grpc::Status WatchGaps(grpc::ServerContext*, const v1::WatchGapsRequest*,
                         grpc::ServerWriter<v1::WatchGapsResponse>* writer) override {
    v1::WatchGapsResponse answer;
    *answer.mutable_gap() = GapOf(calls == 0 ? 1 : 2, v1::Gap::STATE_OPEN);
    writer->Write(answer);
    if (++calls == 3) on_third();
    return grpc::Status::OK;
  }

  v1::Gap one = GapOf(1, v1::Gap::STATE_RECOVERED);
  int calls = 0;
  std::function<void()> on_third;
};

class RecoveryCommandsTest : public ::testing::Test {
 protected:
  RecoveryCommandsTest() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&admin_);
    builder.RegisterService(&recovery_);
    builder.RegisterService(&gaps_);
    server_ = builder.BuildAndStart();
  }
  ~RecoveryCommandsTest() override {
    server_->Shutdown(std::chrono::system_clock::now());
    if (terminal_.can_ask) close(terminal_.in);
  }

  int Run(std::vector<std::string> words, FILE* out = nullptr) {
    words.push_back("--server");
    words.push_back(absl::StrCat("127.0.0.1:", port_));
    printed_ = RunWords(words, interrupt_, terminal_, out);
    return printed_.code;
  }
  // Somebody sits there and types that.
  void Type(const std::string& text) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    ASSERT_EQ(write(ends[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
    close(ends[1]);
    terminal_.in = ends[0];
    terminal_.can_ask = true;
  }
  bool OutHas(const std::string& part) const { return absl::StrContains(printed_.out, part); }
  bool ErrHas(const std::string& part) const { return absl::StrContains(printed_.err, part); }

  OneStream admin_;
  FakeRecovery recovery_;
  FakeGaps gaps_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  Interrupt interrupt_;
  Terminal terminal_;
  Printed printed_;
};

TEST_F(RecoveryCommandsTest, DryRunShowsThePlanAndStartsNothing) {
  EXPECT_EQ(Run({"recover", "--gap", "7", "--dry-run"}), kExitOk);
  EXPECT_TRUE(OutHas("+ recovery  starts at once")) << printed_.out;
  ASSERT_EQ(recovery_.asked.size(), 1u);
  EXPECT_TRUE(recovery_.asked[0].validate_only());
  EXPECT_EQ(recovery_.asked[0].gap(), "streams/main/gaps/7");
  EXPECT_EQ(recovery_.asked[0].parent(), "streams/main");
  EXPECT_FALSE(recovery_.asked[0].has_range());
}

TEST_F(RecoveryCommandsTest, TheServerIsToldWhatWasTyped) {
  EXPECT_EQ(
      Run({"recover", "--from", "2026-09-21T12:00:00Z", "--to", "2026-09-21T12:14:00Z", "--method",
           "search", "--margin", "5s", "--reason", "test", "--partition", "3", "--yes"}),
      kExitOk);
  EXPECT_TRUE(OutHas("job 12 is planned; `braid job watch 12` follows it")) << printed_.out;
  ASSERT_EQ(recovery_.asked.size(), 2u);
  const v1::CreateRecoveryJobRequest& request = recovery_.asked[1];
  EXPECT_FALSE(request.validate_only());
  EXPECT_EQ(ToTime(request.range().start_time()), absl::FromUnixSeconds(1789992000));
  EXPECT_EQ(ToTime(request.range().end_time()), absl::FromUnixSeconds(1789992840));
  EXPECT_EQ(request.method(), RecoveryJob::METHOD_SEARCH);
  EXPECT_EQ(request.margin().seconds(), 5);
  EXPECT_EQ(request.reason(), "test");
  EXPECT_EQ(request.partition(), 3u);
  EXPECT_FALSE(request.request_id().empty());
  EXPECT_EQ(request.request_id(), recovery_.asked[0].request_id());
}

TEST_F(RecoveryCommandsTest, PostsAreAskedForByTheirIds) {
  EXPECT_EQ(Run({"recover", "--post", "1991234567890123456", "--post", "7", "--yes"}), kExitOk);
  ASSERT_EQ(recovery_.asked.size(), 2u);
  const v1::CreateRecoveryJobRequest& request = recovery_.asked[1];
  EXPECT_FALSE(request.has_range());
  ASSERT_EQ(request.post_ids_size(), 2);
  EXPECT_EQ(request.post_ids(0), 1991234567890123456u);
  EXPECT_EQ(request.post_ids(1), 7u);
}

TEST_F(RecoveryCommandsTest, WithoutAMarginTheConfiguredPaddingCounts) {
  EXPECT_EQ(Run({"recover", "--gap", "7", "--yes"}), kExitOk);
  EXPECT_FALSE(recovery_.asked[1].has_margin());
  EXPECT_EQ(recovery_.asked[1].method(), RecoveryJob::METHOD_UNSPECIFIED);
}

TEST_F(RecoveryCommandsTest, NobodyThereToBeAskedIsRefusedWithTheRemedy) {
  EXPECT_EQ(Run({"recover", "--gap", "7"}), kExitUsage);
  EXPECT_TRUE(ErrHas("nobody can be asked here: look at the plan with --dry-run, then say --yes"));
  EXPECT_TRUE(recovery_.asked.empty());
}

TEST_F(RecoveryCommandsTest, WhatDoesNotGoTogetherIsRefused) {
  const std::vector<std::vector<std::string>> cases = {
      {"recover", "--yes"},
      {"recover", "--yes", "--from", "-2h"},
      {"recover", "--yes", "--from", "-1h", "--to", "-2h"},
      {"recover", "--gap", "7", "--dry-run", "--wait"},
  };
  for (const std::vector<std::string>& words : cases) EXPECT_EQ(Run(words), kExitUsage);
  EXPECT_TRUE(recovery_.asked.empty());
}

TEST_F(RecoveryCommandsTest, ItStartsOnAYesOnly) {
  for (const char* no : {"n\n", "\n", "", "yesterday\n"}) {
    Type(no);
    EXPECT_EQ(Run({"recover", "--gap", "7"}), kExitFailed) << no;
    EXPECT_TRUE(ErrHas("Start it? [y/N]"));
    EXPECT_TRUE(ErrHas("nothing was started"));
    EXPECT_TRUE(recovery_.asked.back().validate_only());
    close(terminal_.in);
  }
  Type("Y\n");
  EXPECT_EQ(Run({"recover", "--gap", "7"}), kExitOk);
  EXPECT_FALSE(recovery_.asked.back().validate_only());
  EXPECT_TRUE(OutHas("+ recovery")) << "the plan is shown first";
}

TEST_F(RecoveryCommandsTest, CtrlCAtTheQuestionStartsNothing) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  terminal_.in = ends[0];
  terminal_.can_ask = true;
  // Nobody types, so that the wait itself has to end; pressed with the plan shown.
  EXPECT_EQ(Run({"recover", "--gap", "7"}, OpenInterrupting(&interrupt_)), kExitInterrupted);
  EXPECT_TRUE(ErrHas("Start it? [y/N]"));
  close(ends[1]);
  ASSERT_EQ(recovery_.asked.size(), 1u);
  EXPECT_TRUE(recovery_.asked[0].validate_only());
}

TEST_F(RecoveryCommandsTest, WaitEndsWithAReportAndTheJobsFate) {
  recovery_.ends_early = 1;
  EXPECT_EQ(Run({"recover", "--gap", "7", "--yes", "--wait"}), kExitOk);
  EXPECT_EQ(recovery_.watched, "streams/main/recoveryJobs/12");
  EXPECT_TRUE(ErrHas("job 12 [##########..........]  50 %, running")) << printed_.err;
  EXPECT_TRUE(OutHas("job 12 succeeded: 1,204 received, 37 new, 1,167 duplicate"));
  EXPECT_TRUE(OutHas("nothing of the range is missing"));
  recovery_.ending = RecoveryJob::STATE_FAILED;
  EXPECT_EQ(Run({"recover", "--gap", "7", "--yes", "--wait"}), kExitFailed);
  EXPECT_TRUE(OutHas("job 12 failed"));
}

TEST_F(RecoveryCommandsTest, ProgressIsPaintedOverOnATerminalAndGoneAtTheEnd) {
  terminal_.interactive = true;
  terminal_.width = 40;
  EXPECT_EQ(Run({"recover", "--gap", "7", "--yes", "--wait"}), kExitOk);
  EXPECT_TRUE(ErrHas("\r\x1b[Kjob 12 [##########..........]  50 %, r…")) << printed_.err;
  EXPECT_TRUE(absl::EndsWith(printed_.err, "\r\x1b[K"));
}

TEST_F(RecoveryCommandsTest, CtrlCLeavesTheJobRunningAndSaysSo) {
  recovery_.ends_early = 1000;
  recovery_.on_watch = [this] { interrupt_.Trigger(); };
  EXPECT_EQ(Run({"recover", "--gap", "7", "--yes", "--wait"}), kExitInterrupted);
  EXPECT_TRUE(ErrHas("job 12 goes on; `braid job watch 12` follows it")) << printed_.err;
  EXPECT_TRUE(recovery_.cancelled.empty());
}

TEST_F(RecoveryCommandsTest, ARefusalNamesTheBoundAndFails) {
  recovery_.refusal =
      ReasonError(absl::StatusCode::kFailedPrecondition,
                  "recovery: reaches back 24 h and the range began 30 h ago; would work: search",
                  {"RANGE_NOT_RECOVERABLE", {}});
  EXPECT_EQ(Run({"recover", "--gap", "7", "--yes"}), kExitFailed);
  EXPECT_TRUE(ErrHas("would work: search")) << printed_.err;
  EXPECT_TRUE(ErrHas("RANGE_NOT_RECOVERABLE")) << printed_.err;
  EXPECT_EQ(recovery_.asked.size(), 1u) << "nothing is started after a refused plan";
}

TEST_F(RecoveryCommandsTest, JsonIsTheJobAlone) {
  EXPECT_EQ(Run({"recover", "--gap", "7", "--yes", "--wait", "-o", "json"}), kExitOk);
  EXPECT_TRUE(OutHas("\"state\": \"STATE_SUCCEEDED\"")) << printed_.out;
  EXPECT_EQ(printed_.out[0], '{');
  EXPECT_EQ(Run({"recover", "--gap", "7", "--dry-run", "-o", "jsonl"}), kExitOk);
  EXPECT_TRUE(OutHas("\"choices\":[")) << printed_.out;
}

TEST_F(RecoveryCommandsTest, JobsAreListedByPages) {
  EXPECT_EQ(Run({"job", "ls", "--state", "running,queued"}), kExitOk);
  EXPECT_EQ(recovery_.states,
            (std::vector<int>{RecoveryJob::STATE_RUNNING, RecoveryJob::STATE_QUEUED}));
  EXPECT_TRUE(OutHas(" 12  running")) << printed_.out;
  EXPECT_FALSE(OutHas(" 11  running"));
  EXPECT_TRUE(ErrHas("there are older ones: --all"));
  EXPECT_EQ(Run({"job", "ls", "--all", "-o", "jsonl"}), kExitOk);
  EXPECT_TRUE(OutHas("recoveryJobs/12"));
  EXPECT_TRUE(OutHas("recoveryJobs/11"));
  EXPECT_FALSE(ErrHas("older"));
}

TEST_F(RecoveryCommandsTest, AWatchOfGapsOutlastsADeduperThatStops) {
  gaps_.on_third = [this] { interrupt_.Trigger(); };
  EXPECT_EQ(Run({"gap", "watch"}), kExitOk) << printed_.err;
  std::vector<std::string> lines = absl::StrSplit(printed_.out, '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), 3u) << printed_.out;
  EXPECT_TRUE(absl::StartsWith(lines[0], "gap 1 open")) << lines[0];
  EXPECT_TRUE(absl::StartsWith(lines[1], "gap 1 recovered")) << lines[1];
  EXPECT_TRUE(absl::StartsWith(lines[2], "gap 2 open")) << lines[2];
}

TEST_F(RecoveryCommandsTest, AJobIsShownWatchedAndCancelled) {
  EXPECT_EQ(Run({"job", "get", "12"}), kExitOk);
  EXPECT_TRUE(OutHas("state          running")) << printed_.out;
  EXPECT_EQ(Run({"job", "get", "99"}), kExitNotFound);
  EXPECT_TRUE(ErrHas("UNKNOWN_RECOVERY_JOB"));
  EXPECT_EQ(Run({"job", "watch", "12"}), kExitOk);
  EXPECT_TRUE(OutHas("50 %, running")) << printed_.out;
  EXPECT_TRUE(OutHas("job 12 succeeded")) << printed_.out;
  EXPECT_EQ(Run({"job", "watch", "12", "-o", "jsonl"}), kExitOk);
  EXPECT_TRUE(OutHas("\"state\":\"STATE_RUNNING\""));
  EXPECT_TRUE(OutHas("\"state\":\"STATE_SUCCEEDED\""));
  EXPECT_EQ(Run({"job", "cancel", "12"}), kExitOk);
  EXPECT_EQ(recovery_.cancelled, "streams/main/recoveryJobs/12");
  EXPECT_TRUE(OutHas("cancelling"));
}

// The job is on the second page.
TEST_F(RecoveryCommandsTest, AGapWhoseJobWasCancelledNamesTheCommandThatStartsOne) {
  gaps_.one = GapOf(7, v1::Gap::STATE_OPEN);
  gaps_.one.add_recovery_jobs("streams/main/recoveryJobs/11");
  SetTime(absl::Now() - absl::Hours(1), gaps_.one.mutable_range()->mutable_start_time());
  *gaps_.one.mutable_range()->mutable_end_time() = gaps_.one.range().start_time();
  v1::Gap::Route* route = gaps_.one.add_routes();
  route->set_route("recovery");
  SetTime(absl::Now() + absl::Hours(1), route->mutable_until_time());
  recovery_.quota.add_routes()->set_method(RecoveryJob::METHOD_RECOVERY);
  recovery_.quota.set_automatic(true);
  const std::string command = "braid recover --gap 7 (no job starts by itself: job 11 was cancelled)";
  for (const char* word : {"get 7", "ls"}) {
    std::vector<std::string> words = absl::StrSplit(absl::StrCat("gap ", word), ' ');
    recovery_.of_11 = RecoveryJob::STATE_CANCELLED;
    EXPECT_EQ(Run(words), kExitOk);
    EXPECT_TRUE(OutHas(command)) << printed_.out;
    recovery_.of_11 = RecoveryJob::STATE_RUNNING;
    EXPECT_EQ(Run(words), kExitOk);
    EXPECT_FALSE(OutHas("braid recover")) << printed_.out;
  }
}

}  // namespace
}  // namespace braid
