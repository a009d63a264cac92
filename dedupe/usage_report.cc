#include "dedupe/usage_report.h"

#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dedupe/metering.h"
#include "dedupe/usage_keys.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

constexpr int kDaysDefault = 31;

v1::Usage::Counts CountsOf(const store::v1::UsageCounts& counts) {
  v1::Usage::Counts out;
  out.set_posts(counts.posts());
  out.set_other_events(counts.other_events());
  out.set_deliveries(counts.deliveries());
  return out;
}

absl::Status AddDay(const Store& store, int32_t day, bool by_tag, v1::Usage::Day* out) {
  absl::StatusOr<store::v1::UsageCounts> counts = ReadUsage(store, day);
  if (!counts.ok()) return counts.status();
  *out->mutable_counts() = CountsOf(*counts);
  if (!by_tag) return absl::OkStatus();
  auto tags = ReadTagUsage(store, day);
  if (!tags.ok()) return tags.status();
  for (const auto& [tag, tag_counts] : *tags) {
    v1::Usage::Tag* shown = out->add_tags();
    shown->set_rule_tag(tag);
    *shown->mutable_counts() = CountsOf(tag_counts);
  }
  return absl::OkStatus();
}

absl::Status AddLimit(const Store& store, const UsageLimit& limit, const UsageFacts& facts,
                      v1::Usage* usage) {
  UsagePeriod period = PeriodOf(limit.period, UtcDay(facts.now), facts.reset_day);
  uint64_t posts = 0;
  for (int32_t day = period.first_day; day < period.until_day; ++day) {
    absl::StatusOr<store::v1::UsageCounts> counts = ReadUsage(store, day);
    if (!counts.ok()) return counts.status();
    posts += counts->posts();
  }
  v1::Usage::Limit* out = usage->add_limits();
  out->set_per(PeriodWord(limit.period));
  out->set_posts(posts);
  out->set_limit_posts(limit.posts);
  out->set_action(ActionWord(limit.action));
  out->set_reached(posts >= limit.posts);
  SetTime(UtcDayStart(period.first_day), out->mutable_period_start_time());
  SetTime(UtcDayStart(period.until_day), out->mutable_period_end_time());
  return absl::OkStatus();
}

// What X said last, day by day beside ours.
absl::Status AddXUsage(const Store& store, v1::Usage* usage) {
  absl::StatusOr<std::string> bytes = store.Get(Table::kUsage, UsageKey(kUsageOfX));
  if (absl::IsNotFound(bytes.status())) return absl::OkStatus();
  if (!bytes.ok()) return bytes.status();
  v1::XUsage* x_usage = usage->mutable_x_usage();
  if (!x_usage->ParseFromString(*bytes)) return absl::DataLossError("X's usage can not be read");
  std::map<std::string, uint64_t> posts;
  for (const v1::XUsage::Day& day : x_usage->days()) posts[day.date()] = day.posts();
  x_usage->clear_days();
  for (v1::Usage::Day& day : *usage->mutable_days()) {
    auto found = posts.find(day.date());
    if (found != posts.end()) day.set_x_posts(found->second);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::Usage> ReportUsage(const Store& store, const UsageFacts& facts,
                                      const v1::GetUsageRequest& request) {
  if (request.days() < 0 || request.days() > Metering::kDaysKept) {
    return absl::InvalidArgumentError(absl::StrCat("days must be from 1 to ", Metering::kDaysKept));
  }
  v1::Usage usage;
  usage.set_stream(absl::StrCat("streams/", facts.stream));
  SetTime(facts.now, usage.mutable_sample_time());
  usage.set_reset_day(static_cast<uint32_t>(facts.reset_day));
  int days = request.days() == 0 ? kDaysDefault : request.days();
  int32_t today = UtcDay(facts.now);
  for (int32_t day = today; day > today - days && day >= 0; --day) {
    v1::Usage::Day* out = usage.add_days();
    out->set_date(absl::FormatTime("%Y-%m-%d", UtcDayStart(day), absl::UTCTimeZone()));
    if (day < facts.first_day) continue;
    absl::Status added = AddDay(store, day, request.by_tag(), out);
    if (!added.ok()) return added;
  }
  for (const UsageLimit& limit : facts.limits) {
    absl::Status added = AddLimit(store, limit, facts, &usage);
    if (!added.ok()) return added;
  }
  absl::Status added = AddXUsage(store, &usage);
  if (!added.ok()) return added;
  return usage;
}

}  // namespace braid
