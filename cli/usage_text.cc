#include "cli/usage_text.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/text.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::vector<std::string> Row(const std::string& name, const v1::Usage::Counts& counts) {
  return {name, GroupDigits(counts.posts()), GroupDigits(counts.other_events()),
          GroupDigits(counts.deliveries())};
}

std::vector<std::string> DayRow(const v1::Usage::Day& day) {
  std::string date = EscapeForTerminal(day.date());
  // Before the log began nothing was counted: that is not zero.
  if (!day.has_counts()) return {date, "-", "-", "-"};
  return Row(date, day.counts());
}

void Add(const v1::Usage::Counts& more, v1::Usage::Counts* sum) {
  sum->set_posts(sum->posts() + more.posts());
  sum->set_other_events(sum->other_events() + more.other_events());
  sum->set_deliveries(sum->deliveries() + more.deliveries());
}

std::string LimitsText(const v1::Usage& usage) {
  if (usage.limits().empty()) return "";
  Rows rows = {{"LIMIT", ">POSTS", ">OF", ">USED", "UNTIL (UTC)", "THEN"}};
  for (const v1::Usage::Limit& limit : usage.limits()) {
    double share = limit.limit_posts() == 0 ? 0
                                            : 100.0 * static_cast<double>(limit.posts()) /
                                                  static_cast<double>(limit.limit_posts());
    rows.push_back(
        {absl::StrCat("per ", EscapeForTerminal(limit.per())), GroupDigits(limit.posts()),
         GroupDigits(limit.limit_posts()), absl::StrFormat("%.1f %%", share),
         absl::FormatTime("%Y-%m-%d", ToTime(limit.period_end_time()), absl::UTCTimeZone()),
         absl::StrCat(EscapeForTerminal(limit.action()), limit.reached() ? ", reached" : "")});
  }
  return absl::StrCat("\n", TableText(rows, "  "));
}

// By how much X's figure is above ours. Of the day on which it was read posts
// have come since: anything from what was metered then to what is now is ours.
std::string Difference(const v1::Usage::Day& day, const v1::XUsage& reading) {
  if (!day.has_counts() || !day.has_x_posts()) return "-";
  uint64_t most = day.counts().posts();
  uint64_t least = most;
  absl::Time read = ToTime(reading.observe_time());
  if (day.date() == absl::FormatTime("%Y-%m-%d", read, absl::UTCTimeZone())) {
    least = reading.has_metered_posts() ? std::min(most, reading.metered_posts()) : 0;
  }
  uint64_t ours = std::clamp(day.x_posts(), least, most);
  if (ours == day.x_posts()) return "0.0 %";
  if (ours == 0) return "-";
  double share = static_cast<double>(day.x_posts()) / static_cast<double>(ours) - 1;
  return absl::StrFormat("%+.1f %%", 100 * share);
}

// Limits of ours that count another month than X.
std::string ResetDayText(const v1::Usage& usage) {
  bool by_month = std::any_of(usage.limits().begin(), usage.limits().end(),
                              [](const v1::Usage::Limit& limit) { return limit.per() == "month"; });
  uint32_t theirs = usage.x_usage().reset_day();
  // Ours ends at 28.
  if (!by_month || theirs == 0 || std::min(theirs, 28u) == usage.reset_day()) return "";
  return absl::StrCat("! X counts from day ", theirs, " of the month, the limits from day ",
                      usage.reset_day(), ": set usage_reset_day to ", std::min(theirs, 28u), "\n");
}

std::string XText(const v1::Usage& usage) {
  if (!usage.has_x_usage()) return "";
  const v1::XUsage& x_usage = usage.x_usage();
  absl::Duration age = ToTime(usage.sample_time()) - ToTime(x_usage.observe_time());
  std::string cap =
      x_usage.project_cap() == 0 ? "" : absl::StrCat(" of ", GroupDigits(x_usage.project_cap()));
  return absl::StrCat(
      "\nX counts every app of the project, and today late: ", GroupDigits(x_usage.project_posts()),
      cap, " posts this month, as of ",
      absl::FormatTime("%Y-%m-%d %H:%M", ToTime(x_usage.observe_time()), absl::UTCTimeZone()),
      " UTC, ", DurationText(std::max(age, absl::ZeroDuration())), " ago\n", ResetDayText(usage));
}

}  // namespace

std::string RenderUsageByDay(const v1::Usage& usage) {
  Rows rows = {{"DAY (UTC)", ">POSTS", ">OTHER", ">DELIVERIES"}};
  if (usage.has_x_usage()) rows[0].insert(rows[0].end(), {">X SAYS", ">DIFFERS"});
  v1::Usage::Counts sum;
  for (const v1::Usage::Day& day : usage.days()) {
    rows.push_back(DayRow(day));
    Add(day.counts(), &sum);
    if (!usage.has_x_usage()) continue;
    rows.back().push_back(day.has_x_posts() ? GroupDigits(day.x_posts()) : "-");
    rows.back().push_back(Difference(day, usage.x_usage()));
  }
  rows.push_back(Row("all", sum));
  rows.back().resize(rows[0].size());
  return absl::StrCat(TableText(rows, "  "), LimitsText(usage), XText(usage));
}

std::string RenderUsageByTag(const v1::Usage& usage) {
  std::map<std::string, v1::Usage::Counts> by_tag;
  v1::Usage::Counts sum;
  for (const v1::Usage::Day& day : usage.days()) {
    for (const v1::Usage::Tag& tag : day.tags()) Add(tag.counts(), &by_tag[tag.rule_tag()]);
    Add(day.counts(), &sum);
  }
  std::vector<std::pair<std::string, v1::Usage::Counts>> sorted(by_tag.begin(), by_tag.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return a.second.posts() > b.second.posts();
  });
  Rows rows = {{"RULE", ">POSTS", ">OTHER", ">DELIVERIES"}};
  for (const auto& [tag, counts] : sorted) rows.push_back(Row(EscapeForTerminal(tag), counts));
  // A post that matched two rules counts for both, and once here.
  rows.push_back(Row("all", sum));
  return absl::StrCat(TableText(rows, "  "), LimitsText(usage));
}

}  // namespace braid
