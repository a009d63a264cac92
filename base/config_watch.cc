#include "base/config_watch.h"

#include "absl/strings/str_cat.h"

namespace braid {
namespace {

constexpr uint64_t kMinuteMs = 60'000;
constexpr uint64_t kDayMs = 24 * 60 * kMinuteMs;

class Checker {
 public:
  Checker(const ConfigSource& source, ConfigProblems* problems)
      : source_(source), problems_(*problems) {}

  void Limit(const std::string& path, config::v1::LimitConfig& limit) {
    if (limit.per() != "day" && limit.per() != "month") {
      Error(path + ".per", absl::StrCat("\"", limit.per(), "\" is not one of day, month"));
    }
    if (limit.posts() == 0) Error(path + ".posts", "is missing; give the number of posts");
    if (limit.warn_at_percent().empty() && !source_.Has(path + ".warn_at_percent")) {
      // Time to look, and time to act.
      limit.add_warn_at_percent(80);
      limit.add_warn_at_percent(95);
    }
    uint32_t before = 0;
    for (uint32_t percent : limit.warn_at_percent()) {
      if (percent <= before || percent >= 100) {
        Error(path + ".warn_at_percent", "must ascend, each from 1 to 99");
        break;
      }
      before = percent;
    }
    if (limit.action().empty()) limit.set_action("none");
    const std::string& action = limit.action();
    if (action != "none" && action != "pause" && action != "remove_rules") {
      Error(path + ".action",
            absl::StrCat("\"", action, "\" is not one of none, pause, remove_rules"));
    }
    if ((action == "remove_rules") != !limit.rules().empty()) {
      Error(path + ".rules", "names the rules that action: remove_rules removes; give both");
    }
    for (const std::string& tag : limit.rules()) {
      if (tag.empty()) Error(path + ".rules", "an empty tag names no rule");
    }
  }

  // Returns the value, or the default where none is given.
  uint64_t Ranged(const std::string& path, uint64_t value, uint64_t value_if_unset, uint64_t min,
                  uint64_t max, const char* text) {
    if (value == 0 && !source_.Has(path)) return value_if_unset;
    if (value >= min && value <= max) return value;
    Error(path, absl::StrCat("is out of range; use ", text));
    return value_if_unset;
  }

 private:
  void Error(const std::string& path, absl::string_view text) {
    problems_.push_back(
        {ConfigProblem::Severity::kError, source_.Where(path), absl::StrCat(path, ": ", text)});
  }

  const ConfigSource& source_;
  ConfigProblems& problems_;
};

}  // namespace

void CheckWatchConfig(const ConfigSource& source, const std::string& path,
                      config::v1::StreamConfig& stream, ConfigProblems* problems) {
  Checker checker(source, problems);
  for (int i = 0; i < stream.limits_size(); ++i) {
    checker.Limit(absl::StrCat(path, ".limits[", i, "]"), *stream.mutable_limits(i));
  }
  auto ranged32 = [&](const char* name, uint32_t value, uint32_t value_if_unset, uint32_t min,
                      uint32_t max, const char* text) {
    return static_cast<uint32_t>(
        checker.Ranged(path + name, value, value_if_unset, min, max, text));
  };
  // 28: every month has it.
  stream.set_usage_reset_day(
      ranged32(".usage_reset_day", stream.usage_reset_day(), 1, 1, 28, "1 to 28"));
  config::v1::VolumeConfig& volume = *stream.mutable_volume();
  volume.set_drop_percent(
      ranged32(".volume.drop_percent", volume.drop_percent(), 45, 5, 80, "5 to 80"));
  volume.set_surge_percent(
      ranged32(".volume.surge_percent", volume.surge_percent(), 300, 130, 1500, "130 to 1500"));
  volume.set_hold_ms(checker.Ranged(path + ".volume.hold", volume.hold_ms(), 30'000, 5000,
                                    60 * kMinuteMs, "5s to 60min"));
  volume.set_warm_up_ms(checker.Ranged(path + ".volume.warm_up", volume.warm_up_ms(), kDayMs,
                                       10 * kMinuteMs, 14 * kDayMs, "10min to 14d"));
  config::v1::LagConfig& lag = *stream.mutable_lag();
  lag.set_threshold_ms(checker.Ranged(path + ".lag.threshold", lag.threshold_ms(), 30'000, 100,
                                      10 * kMinuteMs, "100ms to 10min"));
  lag.set_hold_ms(checker.Ranged(path + ".lag.hold", lag.hold_ms(), 3 * kMinuteMs, kMinuteMs,
                                 24 * 60 * kMinuteMs, "1min to 24h"));
}

}  // namespace braid
