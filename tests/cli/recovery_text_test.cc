#include "cli/recovery_text.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

using v1::RecoveryJob;

// 2026-09-21 14:13:20 UTC.
const absl::Time kNow = absl::FromUnixSeconds(1790000000);

void SetRange(absl::Time from, absl::Duration length, v1::TimeRange* range) {
  SetTime(from, range->mutable_start_time());
  SetTime(from + length, range->mutable_end_time());
}

RecoveryJob::Step StepOf(uint32_t number, absl::Time from) {
  RecoveryJob::Step step;
  step.set_number(number);
  step.set_method(RecoveryJob::METHOD_RECOVERY);
  step.set_state(RecoveryJob::STATE_PLANNED);
  SetRange(from, absl::Minutes(30), step.mutable_range());
  SetRange(from - absl::Minutes(1), absl::Seconds(1890), step.mutable_fetch_range());
  SetTime(kNow + absl::Seconds(90), step.mutable_earliest_start_time());
  SetTime(from + absl::Hours(24), step.mutable_deadline());
  step.set_estimated_posts(1500);
  step.set_requests(1);
  return step;
}

RecoveryJob Plan() {
  RecoveryJob job;
  job.set_state(RecoveryJob::STATE_PLANNED);
  SetRange(kNow - absl::Hours(2), absl::Hours(1), job.mutable_range());
  *job.add_steps() = StepOf(1, kNow - absl::Hours(2));
  *job.add_steps() = StepOf(2, kNow - absl::Minutes(90));
  SetTime(kNow + absl::Minutes(20), job.mutable_estimated_end_time());
  RecoveryJob::Choice* choice = job.add_choices();
  choice->set_method(RecoveryJob::METHOD_BACKFILL);
  choice->set_reason("reaches back 5 min and the range is 60 min long");
  choice = job.add_choices();
  choice->set_method(RecoveryJob::METHOD_RECOVERY);
  choice->set_chosen(true);
  choice->set_reason("starts at once");
  job.set_residual_risk("posts deleted since do not come");
  return job;
}

RecoveryJob Running() {
  RecoveryJob job = Plan();
  job.set_name("streams/main/recoveryJobs/12");
  job.set_state(RecoveryJob::STATE_RUNNING);
  job.set_requester("automatic");
  job.add_gaps("streams/main/gaps/7");
  job.mutable_steps(0)->set_state(RecoveryJob::STATE_SUCCEEDED);
  job.mutable_steps(0)->mutable_totals()->set_received_events(1204);
  job.mutable_totals()->set_received_events(1204);
  job.mutable_totals()->set_new_events(37);
  job.mutable_totals()->set_duplicate_events(1167);
  job.set_progress(0.5);
  SetTime(kNow - absl::Minutes(1), job.mutable_start_time());
  return job;
}

bool Has(const std::string& text, const std::string& part) { return absl::StrContains(text, part); }

TEST(RecoveryTextTest, APlanSaysWhatItCostsUntilWhenAndWhy) {
  const std::string text = RenderJob(Plan(), kNow, 0);
  for (const char* part : {
           "range          2026-09-21 12:13:20 to 13:13:20\n",
           "length         1 h 0 min\n",
           "cost           about 3,000 posts, 2 requests to X\n",
           "starts         2026-09-21 14:14:50 (in 1 min 30 s)\n",
           "done at about  2026-09-21 14:33:20 (in 20 min 0 s)\n",
           "X forgets it   2026-09-22 12:13:20 (in 22 h 0 min)\n",
           "at risk        posts deleted since do not come\n",
           "  - backfill  reaches back 5 min and the range is 60 min long\n",
           "  + recovery  starts at once\n",
           "2026-09-21 12:12:20 to 12:43:50",
       }) {
    EXPECT_TRUE(Has(text, part)) << part << "\n" << text;
  }
  EXPECT_FALSE(Has(text, "progress")) << "it is no job yet";
}

TEST(RecoveryTextTest, AJobSaysHowFarItIs) {
  const std::string text = RenderJob(Running(), kNow, 0);
  for (const char* part :
       {"job            streams/main/recoveryJobs/12\n", "state          running\n",
        "gaps           7\n", "progress       50 %\n",
        "posts          1,204 received, 37 new, 1,167 duplicate\n"}) {
    EXPECT_TRUE(Has(text, part)) << part << "\n" << text;
  }
  EXPECT_EQ(JobProgressLine(Running(), kNow),
            "job 12 [##########..........]  50 %, running, 1 of 2 steps over, 1,204 received, 37 "
            "new, 1,167 duplicate, done in about 20 min 0 s");
}

TEST(RecoveryTextTest, ProgressSaysWhatIsWaitedFor) {
  RecoveryJob job = Running();
  job.set_state(RecoveryJob::STATE_QUEUED);
  RecoveryJob::Step* last = job.mutable_steps(job.steps_size() - 1);
  last->set_state(RecoveryJob::STATE_QUEUED);
  EXPECT_TRUE(Has(JobProgressLine(job, kNow), "waiting for a recoverer to take the next step"));
  job.mutable_steps(0)->set_state(RecoveryJob::STATE_PLANNED);
  EXPECT_FALSE(Has(JobProgressLine(job, kNow), "to take the next step"));
  // The deduper's own.
  last->set_method(RecoveryJob::METHOD_BACKFILL);
  EXPECT_FALSE(Has(JobProgressLine(job, kNow), "waiting for a recoverer"));
  job.set_state(RecoveryJob::STATE_PLANNED);
  EXPECT_TRUE(Has(JobProgressLine(job, kNow), "starts in 1 min 30 s"));
}

TEST(RecoveryTextTest, AJobSaysWhatItsStepsWaitFor) {
  struct Case {
    RecoveryJob::State first;
    RecoveryJob::State second;
    const char* line;
  };
  const Case cases[] = {
      {RecoveryJob::STATE_PLANNED, RecoveryJob::STATE_PLANNED,
       "starts         2026-09-21 14:14:50 (in 1 min 30 s)\n"},
      {RecoveryJob::STATE_QUEUED, RecoveryJob::STATE_PLANNED,
       "starts         waiting for a recoverer\n"},
      {RecoveryJob::STATE_RUNNING, RecoveryJob::STATE_QUEUED,
       "starts         waiting for a recoverer\n"},
      {RecoveryJob::STATE_RUNNING, RecoveryJob::STATE_SUCCEEDED, ""},
  };
  for (const Case& c : cases) {
    RecoveryJob job = Plan();
    job.mutable_steps(0)->set_state(c.first);
    job.mutable_steps(1)->set_state(c.second);
    for (RecoveryJob::Step& step : *job.mutable_steps()) {
      bool waits = step.state() == RecoveryJob::STATE_PLANNED;
      if (!waits) SetTime(kNow - absl::Seconds(1), step.mutable_earliest_start_time());
    }
    const std::string text = RenderJob(job, kNow, 0);
    EXPECT_TRUE(Has(text, c.line)) << text;
    EXPECT_FALSE(Has(text, "(now)")) << text;
    EXPECT_EQ(Has(text, "starts  "), *c.line != '\0') << text;
  }
}

TEST(RecoveryTextTest, NothingIsLostInEightyColumns) {
  RecoveryJob job = Running();
  job.mutable_steps(0)->set_worker_id("fra-recoverer");
  job.mutable_steps(0)->set_error(
      "X refused it: rate limited, which is said here in more than eighty columns of text");
  v1::ListRecoveryJobsResponse list;
  *list.add_recovery_jobs() = job;
  const std::string alone = RenderJob(job, kNow, 80);
  const std::string in_list = RenderJobs(list.recovery_jobs(), 80);
  for (const std::string& text : {alone, in_list}) {
    for (absl::string_view line : absl::StrSplit(text, '\n')) EXPECT_LE(line.size(), 80u) << line;
  }
  for (const char* part : {"fra-recoverer", "TRIES 0", "2026-09-21 12:12:20 to 12:43:50"}) {
    EXPECT_TRUE(Has(alone, part)) << part << "\n" << alone;
  }
  for (const char* part : {"automatic", "1,204", "recovery", "37", "50 %"}) {
    EXPECT_TRUE(Has(in_list, part)) << part << "\n" << in_list;
  }
}

TEST(RecoveryTextTest, ProgressStepsAreFewerThanPosts) {
  RecoveryJob job = Running();
  const std::string before = JobProgressStep(job);
  job.mutable_totals()->set_received_events(2000);
  EXPECT_EQ(JobProgressStep(job), before);
  job.mutable_steps(1)->set_state(RecoveryJob::STATE_FAILED);
  EXPECT_NE(JobProgressStep(job), before);
}

TEST(RecoveryTextTest, TheReportSaysWhatIsStillMissing) {
  RecoveryJob job = Running();
  job.set_state(RecoveryJob::STATE_SUCCEEDED);
  job.clear_residual_risk();
  EXPECT_EQ(RenderJobReport(job),
            "job 12 succeeded: 1,204 received, 37 new, 1,167 duplicate\n"
            "nothing of the range is missing\n");
  job.set_state(RecoveryJob::STATE_FAILED);
  job.set_error("X refused it five times");
  SetRange(kNow - absl::Minutes(70), absl::Minutes(10), job.add_missing());
  EXPECT_EQ(RenderJobReport(job),
            "job 12 failed: 1,204 received, 37 new, 1,167 duplicate\n"
            "still missing: 2026-09-21 13:03:20 to 13:13:20\n"
            "X refused it five times\n");
}

TEST(RecoveryTextTest, TheReportSaysByWhatItIsProvedAndWhatIsKnownOfIt) {
  RecoveryJob job = Running();
  job.set_state(RecoveryJob::STATE_SUCCEEDED);
  job.clear_residual_risk();
  for (RecoveryJob::Step& step : *job.mutable_steps()) {
    step.set_state(RecoveryJob::STATE_SUCCEEDED);
    step.set_proof(step.number() == 1 ? "final_record" : "same_twice");
    step.set_known_posts(100);
    step.set_known_posts_missing(step.number() == 1 ? 3 : 0);
  }
  EXPECT_EQ(RenderJobReport(job),
            "job 12 succeeded: 1,204 received, 37 new, 1,167 duplicate\n"
            "nothing of the range is missing\n"
            "proved by final record (1 step), same twice (1 step)\n"
            "197 of 200 sampled posts that connections had brought came again; the others were "
            "deleted, or X lacks more\n");
  const std::string text = RenderJob(job, kNow, 0);
  EXPECT_TRUE(Has(text, "proved by      final record (1 step), same twice")) << text;
  EXPECT_TRUE(Has(text, "known posts    197 of 200")) << text;
}

TEST(RecoveryTextTest, ALookupSaysWhichPostsXNoLongerHas) {
  RecoveryJob job = Running();
  job.set_state(RecoveryJob::STATE_SUCCEEDED);
  job.clear_residual_risk();
  for (uint64_t id : {1, 2, 3}) job.add_post_ids(id);
  job.add_not_had_post_ids(2);
  job.mutable_totals()->set_received_events(2);
  job.mutable_totals()->set_new_events(1);
  job.mutable_totals()->set_duplicate_events(1);
  EXPECT_EQ(RenderJobReport(job),
            "job 12 succeeded: 2 received, 1 new, 1 duplicate\n"
            "X has 1 of 3 posts no more, or shows them to nobody: 2\n");
  EXPECT_TRUE(Has(RenderJob(job, kNow, 0), "by ids         3 posts"));
}

TEST(RecoveryTextTest, AListIsOneLinePerJob) {
  v1::ListRecoveryJobsResponse list;
  EXPECT_EQ(RenderJobs(list.recovery_jobs(), 0), "No recovery jobs.\n");
  *list.add_recovery_jobs() = Running();
  const std::string text = RenderJobs(list.recovery_jobs(), 0);
  EXPECT_TRUE(Has(text, "running")) << text;
  EXPECT_TRUE(Has(text, "50 %")) << text;
  EXPECT_TRUE(Has(text, "automatic")) << text;
}

TEST(RecoveryTextTest, AQuotaIsALinePerRoute) {
  EXPECT_TRUE(Has(RenderQuota({}), "no `recovery`"));
  v1::RecoveryQuota quota;
  quota.set_posts_today(1204);
  quota.set_posts_per_day(2000000);
  quota.set_posts_projected(5000);
  v1::RecoveryQuota::Route* route = quota.add_routes();
  route->set_method(RecoveryJob::METHOD_RECOVERY);
  route->set_jobs_in_use(1);
  route->set_jobs(2);
  route->set_requests(10);
  route->set_requests_left(9);
  route->mutable_request_window()->set_seconds(900);
  const std::string text = RenderQuota(quota);
  EXPECT_TRUE(Has(text, "wait for braid recover")) << text;
  EXPECT_TRUE(Has(text, "1,204 of 2,000,000 fetched, 5,000 with what is planned")) << text;
  EXPECT_TRUE(Has(text, "1 of 2")) << text;
  EXPECT_TRUE(Has(text, "9 of 10")) << text;
}

TEST(RecoveryTextTest, WhatOthersWroteIsEscaped) {
  RecoveryJob job = Running();
  job.set_reason("\x1b[31m");
  job.set_requester("\x1b[32m");
  job.set_error("\x1b[33m");
  job.set_residual_risk("\x1b[34m");
  job.mutable_steps(0)->set_error("\x1b[35m");
  job.mutable_steps(0)->set_worker_id("\x1b[36m");
  job.mutable_choices(0)->set_reason("\x1b[37m");
  v1::ListRecoveryJobsResponse list;
  *list.add_recovery_jobs() = job;
  for (const std::string& text :
       {RenderJob(job, kNow, 0), RenderJobReport(job), JobProgressLine(job, kNow),
        RenderJobs(list.recovery_jobs(), 0)}) {
    EXPECT_FALSE(Has(text, "\x1b")) << text;
  }
}

}  // namespace
}  // namespace braid
