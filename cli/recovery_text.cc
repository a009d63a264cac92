#include "cli/recovery_text.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "cli/text.h"
#include "proto/enum_word.h"
#include "proto/proto_time.h"
#include "proto/recovery_terms.h"

namespace braid {
namespace {

using v1::RecoveryJob;
using Step = RecoveryJob::Step;

// Of the bar: a percent of progress is a fifth of one.
constexpr int kBarWidth = 20;
constexpr int kLabelWidth = 15;

std::string StateWords(RecoveryJob::State state) {
  return EnumWords(RecoveryJob::State_Name(state), "STATE_");
}

std::string MethodWords(RecoveryJob::Method method) {
  if (method == RecoveryJob::METHOD_UNSPECIFIED) return "auto";
  return EnumWords(RecoveryJob::Method_Name(method), "METHOD_");
}

// X knows no milliseconds of a range.
std::string SecondText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", time, absl::UTCTimeZone());
}

std::string SecondText(const google::protobuf::Timestamp& time) { return SecondText(ToTime(time)); }

std::string RangeText(const v1::TimeRange& range) {
  const absl::Time from = ToTime(range.start_time());
  const absl::Time until = ToTime(range.end_time());
  const bool same_day =
      absl::ToCivilDay(from, absl::UTCTimeZone()) == absl::ToCivilDay(until, absl::UTCTimeZone());
  return absl::StrCat(
      SecondText(from), " to ",
      same_day ? absl::FormatTime("%H:%M:%S", until, absl::UTCTimeZone()) : SecondText(until));
}

// "2026-11-21 12:15:30 (in 18.0 s)".
std::string WhenText(absl::Time time, absl::Time now) {
  if (time <= now) return absl::StrCat(SecondText(time), " (now)");
  return absl::StrCat(SecondText(time), " (in ", DurationText(time - now), ")");
}

std::string TotalsText(const RecoveryJob::Totals& totals) {
  return absl::StrCat(GroupDigits(totals.received_events()), " received, ",
                      GroupDigits(totals.new_events()), " new, ",
                      GroupDigits(totals.duplicate_events()), " duplicate");
}

std::string Count(uint64_t number, absl::string_view noun) {
  return absl::StrCat(GroupDigits(number), " ", noun, number == 1 ? "" : "s");
}

std::string CostText(const RecoveryJob& job) {
  uint64_t posts = 0, requests = 0;
  for (const Step& step : job.steps()) {
    posts += step.estimated_posts();
    requests += step.requests();
  }
  return absl::StrCat("about ", Count(posts, "post"), ", ", Count(requests, "request"), " to X");
}

std::string MethodsText(const RecoveryJob& job) {
  std::vector<std::string> words;
  for (const Step& step : job.steps()) {
    std::string word = MethodWords(step.method());
    if (std::find(words.begin(), words.end(), word) == words.end()) words.push_back(word);
  }
  return words.empty() ? MethodWords(job.method()) : absl::StrJoin(words, ", ");
}

int StepsOver(const RecoveryJob& job) {
  return static_cast<int>(std::count_if(job.steps().begin(), job.steps().end(),
                                        [](const Step& step) { return IsEnded(step.state()); }));
}

// Until when X still has the first of what is to come; the future: nothing is.
absl::Time DeadlineOf(const RecoveryJob& job) {
  absl::Time soonest = absl::InfiniteFuture();
  for (const Step& step : job.steps()) {
    if (!IsEnded(step.state())) soonest = std::min(soonest, ToTime(step.deadline()));
  }
  return soonest;
}

bool IsToStart(const Step& step) {
  return step.state() == RecoveryJob::STATE_PLANNED || step.state() == RecoveryJob::STATE_QUEUED;
}

// The future: no step is to start.
absl::Time StartOf(const RecoveryJob& job) {
  absl::Time soonest = absl::InfiniteFuture();
  for (const Step& step : job.steps()) {
    if (IsToStart(step)) soonest = std::min(soonest, ToTime(step.earliest_start_time()));
  }
  return soonest;
}

// Empty: no step is to start.
std::string StartText(const RecoveryJob& job, absl::Time now) {
  if (WaitsForRecoverer(job)) return "waiting for a recoverer";
  const absl::Time start = StartOf(job);
  return start < absl::InfiniteFuture() ? WhenText(start, now) : "";
}

// "final record (3 steps), counts (1 step)"; empty: no step is proved.
std::string ProofText(const RecoveryJob& job) {
  std::map<std::string, int> steps;
  for (const Step& step : job.steps()) {
    if (step.state() == RecoveryJob::STATE_SUCCEEDED) ++steps[step.proof()];
  }
  std::vector<std::string> parts;
  for (const auto& [proof, count] : steps) {
    if (proof.empty()) continue;
    std::string words = EscapeForTerminal(absl::StrReplaceAll(proof, {{"_", " "}}));
    parts.push_back(
        job.steps_size() == 1
            ? words
            : absl::StrCat(words, " (", Count(static_cast<uint64_t>(count), "step"), ")"));
  }
  return absl::StrJoin(parts, ", ");
}

// Against what connections had brought of it; empty: nothing was looked for.
std::string KnownText(const RecoveryJob& job) {
  uint64_t known = 0, missing = 0;
  for (const Step& step : job.steps()) {
    known += step.known_posts();
    missing += step.known_posts_missing();
  }
  if (known == 0) return "";
  std::string text = absl::StrCat(GroupDigits(known - missing), " of ", GroupDigits(known),
                                  " sampled posts that connections had brought came again");
  if (missing > 0) absl::StrAppend(&text, "; the others were deleted, or X lacks more");
  return text;
}

// Of a lookup: what X no longer has; empty: nothing.
std::string NotHadText(const RecoveryJob& job) {
  if (job.not_had_post_ids().empty()) return "";
  return absl::StrCat(
      "X has ", job.not_had_post_ids_size(), " of ",
      Count(static_cast<uint64_t>(job.post_ids_size()), "post"),
      " no more, or shows them to nobody: ", absl::StrJoin(job.not_had_post_ids(), " "));
}

std::string MissingText(const RecoveryJob& job) {
  std::vector<std::string> ranges;
  for (const v1::TimeRange& range : job.missing()) ranges.push_back(RangeText(range));
  return absl::StrJoin(ranges, "; ");
}

std::string StepsText(const RecoveryJob& job, int width) {
  std::vector<std::vector<std::string>> rows = {{">STEP", "METHOD", "STATE", "RANGE", "ASKED FOR",
                                                 "NOT BEFORE", "X FORGETS IT", ">POSTS", ">TRIES",
                                                 "RECOVERER"}};
  for (const Step& step : job.steps()) {
    const bool counted = IsEnded(step.state()) || step.totals().received_events() > 0;
    rows.push_back({absl::StrCat(step.number()), MethodWords(step.method()),
                    StateWords(step.state()), RangeText(step.range()),
                    RangeText(step.fetch_range()), SecondText(step.earliest_start_time()),
                    SecondText(step.deadline()),
                    counted ? GroupDigits(step.totals().received_events())
                            : absl::StrCat("~", GroupDigits(step.estimated_posts())),
                    absl::StrCat(step.attempts()),
                    step.worker_id().empty() ? "-" : EscapeForTerminal(step.worker_id())});
  }
  return FoldedTableText(std::move(rows), "", width,
                         {"RECOVERER", "TRIES", "ASKED FOR", "X FORGETS IT", "NOT BEFORE", "POSTS"});
}

std::string StepProblems(const RecoveryJob& job) {
  std::string text;
  for (const Step& step : job.steps()) {
    if (step.error().empty()) continue;
    absl::StrAppend(&text, "step ", step.number(), ": ", EscapeForTerminal(step.error()), "\n");
  }
  return text;
}

std::string ChoicesText(const RecoveryJob& job, int width) {
  std::string text;
  for (const RecoveryJob::Choice& choice : job.choices()) {
    std::string line =
        absl::StrFormat("  %s %-10s%s", choice.chosen() ? "+" : "-", MethodWords(choice.method()),
                        EscapeForTerminal(choice.reason()));
    absl::StrAppend(&text, WrapText(line, width, "              "), "\n");
  }
  return text.empty() ? text : absl::StrCat("routes (+ chosen, - not):\n", text);
}

std::string BarText(double progress) {
  const int done = static_cast<int>(std::clamp(progress, 0.0, 1.0) * kBarWidth);
  return absl::StrCat("[", std::string(done, '#'), std::string(kBarWidth - done, '.'), "]");
}

}  // namespace

std::string JobNumber(const RecoveryJob& job) {
  const std::string& name = job.name();
  return EscapeForTerminal(name.substr(name.rfind('/') + 1));
}

std::string RenderJobs(const google::protobuf::RepeatedPtrField<RecoveryJob>& jobs, int width) {
  if (jobs.empty()) return "No recovery jobs.\n";
  std::vector<std::vector<std::string>> rows = {
      {">JOB", "STATE", "METHOD", "PARTITION", "RANGE", ">DONE", ">RECEIVED", ">NEW", "ASKED BY"}};
  for (const RecoveryJob& job : jobs) {
    rows.push_back({JobNumber(job), StateWords(job.state()), MethodsText(job),
                    job.partition() > 0 ? absl::StrCat(job.partition()) : "-",
                    RangeText(job.range()), absl::StrFormat("%.0f %%", job.progress() * 100),
                    GroupDigits(job.totals().received_events()),
                    GroupDigits(job.totals().new_events()), EscapeForTerminal(job.requester())});
  }
  return FoldedTableText(std::move(rows), "", width,
                         {"PARTITION", "ASKED BY", "RECEIVED", "METHOD", "NEW", "DONE"});
}

std::string RenderQuota(const v1::RecoveryQuota& quota) {
  if (quota.routes().empty()) {
    return "This stream's configuration has no `recovery`: nothing is fetched again.\n";
  }
  auto of = [](uint64_t used, uint64_t limit) {
    return limit == 0 ? GroupDigits(used)
                      : absl::StrCat(GroupDigits(used), " of ", GroupDigits(limit));
  };
  std::string text = absl::StrCat(
      "gaps         ", quota.automatic() ? "start jobs by themselves" : "wait for braid recover",
      "\nposts today  ", of(quota.posts_today(), quota.posts_per_day()), " fetched, ",
      GroupDigits(quota.posts_projected()), " with what is planned\n");
  std::vector<std::vector<std::string>> rows = {{"ROUTE", ">JOBS", ">REQUESTS LEFT", ">PER"}};
  for (const v1::RecoveryQuota::Route& route : quota.routes()) {
    bool is_counted = route.requests() > 0;
    rows.push_back({MethodWords(route.method()), of(route.jobs_in_use(), route.jobs()),
                    is_counted ? of(route.requests_left(), route.requests()) : "-",
                    is_counted ? DurationText(ToDuration(route.request_window())) : "-"});
  }
  return absl::StrCat(text, TableText(rows, ""));
}

std::string RenderJob(const RecoveryJob& job, absl::Time now, int width) {
  std::string text;
  auto add = [&text, width](absl::string_view what, const std::string& value) {
    absl::StrAppend(&text, LabelledLine(what, kLabelWidth, value, width));
  };
  const bool is_open = !IsEnded(job.state());
  std::vector<std::string> gaps;
  for (const std::string& gap : job.gaps()) {
    gaps.push_back(EscapeForTerminal(gap.substr(gap.rfind('/') + 1)));
  }
  if (!job.name().empty()) add("job", EscapeForTerminal(job.name()));
  if (!job.name().empty()) add("state", StateWords(job.state()));
  add("range", RangeText(job.range()));
  add("length", DurationText(ToTime(job.range().end_time()) - ToTime(job.range().start_time())));
  if (IsOfIds(job)) add("by ids", Count(static_cast<uint64_t>(job.post_ids_size()), "post"));
  if (job.partition() > 0) add("partition", absl::StrCat(job.partition()));
  add("gaps", absl::StrJoin(gaps, ", "));
  add("method", MethodsText(job));
  add("asked by", EscapeForTerminal(job.requester()));
  add("reason", EscapeForTerminal(job.reason()));
  const absl::Time deadline = DeadlineOf(job);
  if (is_open && !job.steps().empty()) add("cost", CostText(job));
  const char* starts = job.has_start_time() ? "next step" : "starts";
  if (is_open) add(starts, StartText(job, now));
  if (is_open && job.has_estimated_end_time()) {
    add("done at about", WhenText(ToTime(job.estimated_end_time()), now));
  }
  if (deadline < absl::InfiniteFuture()) add("X forgets it", WhenText(deadline, now));
  if (job.has_end_time()) add("ended", SecondText(job.end_time()));
  if (job.has_start_time()) {
    add("progress", absl::StrFormat("%.0f %%", job.progress() * 100));
    add("posts", TotalsText(job.totals()));
  }
  add("proved by", ProofText(job));
  add("known posts", KnownText(job));
  add("not had", NotHadText(job));
  add("still missing", MissingText(job));
  add("at risk", EscapeForTerminal(job.residual_risk()));
  add("problem", EscapeForTerminal(job.error()));
  if (!job.steps().empty()) {
    absl::StrAppend(&text, "\n", StepsText(job, width), WrapLines(StepProblems(job), width));
  }
  if (!job.choices().empty()) absl::StrAppend(&text, "\n", ChoicesText(job, width));
  return text;
}

std::string JobProgressStep(const RecoveryJob& job) {
  int over = StepsOver(job);
  return absl::StrCat(StateWords(job.state()), " ", over, " ", job.steps_size());
}

std::string JobProgressLine(const RecoveryJob& job, absl::Time now) {
  int over = StepsOver(job);
  std::string text = absl::StrCat(
      "job ", JobNumber(job), " ", BarText(job.progress()),
      absl::StrFormat(" %3.0f %%", job.progress() * 100), ", ", StateWords(job.state()), ", ", over,
      " of ", Count(job.steps_size(), "step"), " over, ", TotalsText(job.totals()));
  const absl::Time start = StartOf(job);
  const absl::Time end = ToTime(job.estimated_end_time());
  if (IsEnded(job.state())) return text;
  if (job.state() == RecoveryJob::STATE_QUEUED && WaitsForRecoverer(job)) {
    absl::StrAppend(&text, ", waiting for a recoverer", over > 0 ? " to take the next step" : "");
  } else if (job.state() == RecoveryJob::STATE_PLANNED && start > now &&
             start < absl::InfiniteFuture()) {
    absl::StrAppend(&text, ", starts in ", DurationText(absl::Ceil(start - now, absl::Seconds(1))));
  } else if (job.has_estimated_end_time() && end > now) {
    absl::StrAppend(&text, ", done in about ", DurationText(end - now));
  }
  return text;
}

std::string RenderJobReport(const RecoveryJob& job) {
  std::string text = absl::StrCat("job ", JobNumber(job), " ", StateWords(job.state()), ": ",
                                  TotalsText(job.totals()), "\n");
  for (const v1::TimeRange& range : job.missing()) {
    absl::StrAppend(&text, "still missing: ", RangeText(range), "\n");
  }
  const bool has_all = job.missing().empty() && job.state() == RecoveryJob::STATE_SUCCEEDED;
  const std::string not_had = NotHadText(job);
  if (!not_had.empty()) absl::StrAppend(&text, not_had, "\n");
  if (has_all && !IsOfIds(job)) {
    absl::StrAppend(&text, "nothing of the range is missing\n");
  }
  const std::string proof = ProofText(job), known = KnownText(job);
  if (!proof.empty()) absl::StrAppend(&text, "proved by ", proof, "\n");
  if (!known.empty()) absl::StrAppend(&text, known, "\n");
  if (!job.residual_risk().empty()) {
    absl::StrAppend(&text, "at risk: ", EscapeForTerminal(job.residual_risk()), "\n");
  }
  if (!job.error().empty()) absl::StrAppend(&text, EscapeForTerminal(job.error()), "\n");
  return text;
}

}  // namespace braid
