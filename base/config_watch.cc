#include "base/config_watch.h"

#include "absl/strings/str_cat.h"
#include "base/config_ranges.h"

namespace braid {
namespace {

void CheckLimit(const std::string& path, config::v1::LimitConfig& limit, ConfigReport& report) {
  if (limit.per().empty()) {
    report.Missing(path + ".per", "write day or month");
  } else {
    report.Choice(path + ".per", limit.mutable_per(), "", {"day", "month"});
  }
  if (!report.Has(path + ".posts")) report.Missing(path + ".posts", "give the number of posts");
  report.Ranged(path + ".posts", limit.posts(), ranges::kPosts);
  if (limit.warn_at_percent().empty() && !report.Has(path + ".warn_at_percent")) {
    // Time to look, and time to act.
    limit.add_warn_at_percent(80);
    limit.add_warn_at_percent(95);
  }
  uint32_t before = 0;
  for (uint32_t percent : limit.warn_at_percent()) {
    if (percent <= before || percent >= 100) {
      report.Error(path + ".warn_at_percent", "must ascend, each from 1 to 99");
      break;
    }
    before = percent;
  }
  report.Choice(path + ".action", limit.mutable_action(), "none",
                {"none", "pause", "remove_rules"});
  if ((limit.action() == "remove_rules") != !limit.rules().empty()) {
    report.Error(path + ".rules", "names the rules that action: remove_rules removes; give both");
  }
  for (const std::string& tag : limit.rules()) {
    if (tag.empty()) report.Error(path + ".rules", "an empty tag names no rule");
  }
}

}  // namespace

void CheckWatchConfig(const std::string& path, config::v1::StreamConfig& stream,
                      ConfigReport* report) {
  for (int i = 0; i < stream.limits_size(); ++i) {
    CheckLimit(absl::StrCat(path, ".limits[", i, "]"), *stream.mutable_limits(i), *report);
  }
  const auto ranged = [&](const char* name, uint64_t value, const ConfigRange& range) {
    return report->Ranged(path + name, value, range);
  };
  const auto ranged32 = [&](const char* name, uint32_t value, const ConfigRange& range) {
    return static_cast<uint32_t>(ranged(name, value, range));
  };
  stream.set_usage_reset_day(
      ranged32(".usage_reset_day", stream.usage_reset_day(), ranges::kResetDay));
  config::v1::VolumeConfig& volume = *stream.mutable_volume();
  volume.set_drop_percent(
      ranged32(".volume.drop_percent", volume.drop_percent(), ranges::kDropPercent));
  volume.set_surge_percent(
      ranged32(".volume.surge_percent", volume.surge_percent(), ranges::kSurgePercent));
  volume.set_hold_ms(ranged(".volume.hold", volume.hold_ms(), ranges::kVolumeHold));
  volume.set_warm_up_ms(ranged(".volume.warm_up", volume.warm_up_ms(), ranges::kWarmUp));
  config::v1::LagConfig& lag = *stream.mutable_lag();
  lag.set_threshold_ms(ranged(".lag.threshold", lag.threshold_ms(), ranges::kLagThreshold));
  lag.set_hold_ms(ranged(".lag.hold", lag.hold_ms(), ranges::kLagHold));
  if (lag.hold_ms() % ranges::kMinute != 0) {
    report->Error(path + ".lag.hold", "lag is judged minute by minute; use whole minutes");
  }
  config::v1::GapsConfig& gaps = *stream.mutable_gaps();
  gaps.set_hold_max_ms(ranged(".gaps.hold_max", gaps.hold_max_ms(), ranges::kHoldMax));
  gaps.set_recoverable_for_ms(
      ranged(".gaps.recoverable_for", gaps.recoverable_for_ms(), ranges::kRecoverableFor));
}

}  // namespace braid
