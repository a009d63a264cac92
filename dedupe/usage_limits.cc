#include "dedupe/usage_limits.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/civil_time.h"

namespace braid {
namespace {

// The same limit after a restart, also where others were added around it.
std::string KeyOf(const UsageLimit& limit) {
  return absl::StrCat(PeriodWord(limit.period), " ", limit.posts, " ", ActionWord(limit.action),
                      limit.rules.empty() ? "" : " ", absl::StrJoin(limit.rules, ","));
}

void DropUnconfigured(const std::vector<UsageLimit>& limits, store::v1::LimitState* state) {
  for (int i = state->limits_size() - 1; i >= 0; --i) {
    bool configured = false;
    for (const UsageLimit& limit : limits) configured |= KeyOf(limit) == state->limits(i).key();
    if (!configured) state->mutable_limits()->DeleteSubrange(i, 1);
  }
}

int32_t DayNumber(absl::CivilDay day) {
  return static_cast<int32_t>(day - absl::CivilDay(1970, 1, 1));
}

}  // namespace

store::v1::LimitState::Limit* LimitStateOf(const UsageLimit& limit, store::v1::LimitState* state) {
  std::string key = KeyOf(limit);
  for (store::v1::LimitState::Limit& noted : *state->mutable_limits()) {
    if (noted.key() == key) return &noted;
  }
  store::v1::LimitState::Limit* added = state->add_limits();
  added->set_key(key);
  return added;
}

std::string PeriodWord(UsageLimit::Period period) {
  return period == UsageLimit::Period::kDay ? "day" : "month";
}

std::string ActionWord(UsageLimit::Action action) {
  switch (action) {
    case UsageLimit::Action::kNone:
      return "none";
    case UsageLimit::Action::kPause:
      return "pause";
    case UsageLimit::Action::kRemoveRules:
      return "remove_rules";
  }
  return "none";
}

UsagePeriod PeriodOf(UsageLimit::Period period, int32_t today, int reset_day) {
  if (period == UsageLimit::Period::kDay) return {today, today + 1};
  absl::CivilDay day = absl::CivilDay(1970, 1, 1) + today;
  absl::CivilMonth month(day);
  if (day.day() < reset_day) --month;
  absl::CivilDay first = absl::CivilDay(month) + (reset_day - 1);
  absl::CivilDay until = absl::CivilDay(month + 1) + (reset_day - 1);
  return {DayNumber(first), DayNumber(until)};
}

std::vector<UsageEvent> CheckLimits(const std::vector<UsageLimit>& limits, int reset_day,
                                    int32_t today, absl::FunctionRef<uint64_t(UsagePeriod)> posts,
                                    store::v1::LimitState* state) {
  std::vector<UsageEvent> events;
  if (state->limits_size() > 0) DropUnconfigured(limits, state);
  for (size_t i = 0; i < limits.size(); ++i) {
    const UsageLimit& limit = limits[i];
    UsagePeriod period = PeriodOf(limit.period, today, reset_day);
    store::v1::LimitState::Limit* noted = LimitStateOf(limit, state);
    // Time may go back a little when the sources agree about it.
    if (period.first_day > noted->period_first_day()) {
      noted->set_period_first_day(period.first_day);
      noted->set_warnings(0);
      noted->set_acted(false);
      noted->set_removal_task(0);
      noted->set_removed(false);
      noted->set_waived(false);
    }
    UsageEvent event;
    event.limit = i;
    event.period = period;
    event.posts = posts(period);
    while (noted->warnings() < limit.warn_at_percent.size()) {
      uint32_t percent = limit.warn_at_percent[noted->warnings()];
      // Divided, since a limit may be as large as a number gets.
      if (event.posts / 100.0 < limit.posts / 10'000.0 * percent) break;
      noted->set_warnings(noted->warnings() + 1);
      event.percent = percent;
    }
    if (!noted->acted() && event.posts >= limit.posts) {
      noted->set_acted(true);
      event.percent = 100;
      event.reached = true;
    }
    if (event.percent > 0) events.push_back(event);
  }
  return events;
}

void WaiveReached(store::v1::LimitState* state) {
  for (store::v1::LimitState::Limit& noted : *state->mutable_limits()) {
    noted.set_waived(noted.acted());
  }
}

absl::optional<LimitPause> AskedPause(const std::vector<UsageLimit>& limits, int reset_day,
                                      store::v1::LimitState* state) {
  absl::optional<LimitPause> asked;
  for (size_t i = 0; i < limits.size(); ++i) {
    if (limits[i].action != UsageLimit::Action::kPause) continue;
    const store::v1::LimitState::Limit& noted = *LimitStateOf(limits[i], state);
    if (!noted.acted() || noted.waived()) continue;
    // Of the period it was noted for: time may have gone back a little since.
    UsagePeriod period = PeriodOf(limits[i].period, noted.period_first_day(), reset_day);
    if (!asked || period.until_day > asked->until_day) asked = {i, period.until_day};
  }
  return asked;
}

}  // namespace braid
