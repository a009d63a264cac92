#include "tests/recovery/plan_line.h"

#include <set>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "base/check.h"
#include "proto/proto_time.h"
#include "recovery/plan_text.h"

namespace braid {
namespace {

using Outcome = RecoveryPlan::Outcome;
using Step = v1::RecoveryJob::Step;

std::string Spans(const std::vector<std::pair<absl::Time, absl::Time>>& spans) {
  std::vector<std::string> texts;
  for (const auto& [from, until] : spans) {
    texts.push_back(absl::StrCat(ClockText(from), "-", ClockText(until)));
  }
  return absl::StrJoin(texts, ", ");
}

std::string StepText(const Step& step) {
  const v1::TimeRange& range = step.range();
  const v1::TimeRange& asked = step.fetch_range();
  return absl::StrCat(MethodWord(step.method()), " ",
                      Spans({{ToTime(range.start_time()), ToTime(range.end_time())}}), " by ",
                      Spans({{ToTime(asked.start_time()), ToTime(asked.end_time())}}), " at ",
                      ClockText(ToTime(step.earliest_start_time())));
}

std::string LongLine(const RecoveryPlan& plan) {
  if (plan.outcome == Outcome::kNothing) return absl::StrCat("nothing: ", plan.reason);
  if (plan.outcome == Outcome::kRefused) return absl::StrCat("refused: ", plan.reason);
  if (plan.outcome == Outcome::kLost) return absl::StrCat("lost: ", plan.reason);
  std::vector<std::string> texts;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    if (plan.steps.size() > 4 && i > 0 && i + 1 < plan.steps.size()) {
      if (i == 1) texts.push_back(absl::StrCat("... ", plan.steps.size(), " steps"));
      continue;
    }
    texts.push_back(StepText(plan.steps[i]));
  }
  if (!plan.waiting.empty()) {
    texts.push_back(
        absl::StrCat("waits with ", Spans(plan.waiting), " until ", ClockText(plan.wait_until)));
  }
  if (plan.outcome == Outcome::kWait) texts.push_back(plan.reason);
  if (!plan.lost.empty()) texts.push_back(absl::StrCat("lost ", Spans(plan.lost)));
  static const std::set<std::string> kUsual = {"not needed", "not asked for",
                                               "no ids are known to be missing",
                                               "no connector is away with what it received"};
  for (const auto& choice : plan.choices) {
    if (choice.chosen() || kUsual.count(choice.reason()) > 0) continue;
    if (choice.reason() == absl::StrCat("not yet: ", plan.reason)) continue;
    texts.push_back(absl::StrCat("not ", MethodWord(choice.method()), ": ", choice.reason()));
  }
  return absl::StrJoin(texts, "; ");
}

}  // namespace

absl::Time At(absl::string_view text) {
  const std::string day = absl::StrContains(text, '-') ? "" : "11-21 ";
  absl::Time time;
  std::string problem;
  BRAID_CHECK(
      absl::ParseTime("%Y-%m-%d %H:%M:%E*S", absl::StrCat("2026-", day, text), &time, &problem));
  return time;
}

std::string PlanLine(const RecoveryPlan& plan, absl::Time now) {
  const std::string today = absl::FormatTime("%Y-%m-%d ", now, absl::UTCTimeZone());
  return absl::StrReplaceAll(LongLine(plan), {{today, ""}, {"2026-", ""}, {" UTC", ""}});
}

}  // namespace braid
