#include "dedupe/watch_options.h"

namespace braid {
namespace {

UsageLimit LimitOf(const config::v1::LimitConfig& config) {
  UsageLimit limit;
  limit.period =
      config.per() == "month" ? UsageLimit::Period::kMonth : UsageLimit::Period::kDay;
  limit.posts = config.posts();
  limit.warn_at_percent.assign(config.warn_at_percent().begin(), config.warn_at_percent().end());
  if (config.action() == "pause") limit.action = UsageLimit::Action::kPause;
  if (config.action() == "remove_rules") limit.action = UsageLimit::Action::kRemoveRules;
  limit.rules.assign(config.rules().begin(), config.rules().end());
  return limit;
}

}  // namespace

StreamWatch::Options WatchOptions(const config::v1::StreamConfig& config) {
  StreamWatch::Options options;
  for (const auto& limit : config.limits()) options.limits.push_back(LimitOf(limit));
  if (config.usage_reset_day() > 0) {
    options.usage_reset_day = static_cast<int>(config.usage_reset_day());
  }
  const config::v1::VolumeConfig& volume = config.volume();
  VolumeModel::Options& model = options.volume.model;
  options.volume.off = volume.off();
  if (volume.drop_percent() > 0) model.drop_ratio = volume.drop_percent() / 100.0;
  if (volume.surge_percent() > 0) model.surge_ratio = volume.surge_percent() / 100.0;
  if (volume.hold_ms() > 0) model.hold = absl::Milliseconds(volume.hold_ms());
  if (volume.warm_up_ms() > 0) model.warm_up = absl::Milliseconds(volume.warm_up_ms());
  model.contract_cap = config.contract_cap_per_second();
  const config::v1::LagConfig& lag = config.lag();
  if (lag.threshold_ms() > 0) options.lag.threshold = absl::Milliseconds(lag.threshold_ms());
  if (lag.hold_ms() > 0) options.lag.hold = absl::Milliseconds(lag.hold_ms());
  return options;
}

}  // namespace braid
