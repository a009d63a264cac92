#include "dedupe/lag_model.h"

#include <algorithm>
#include <array>
#include <utility>

namespace braid {
namespace {

// Quarters of a doubling from 10 ms to ten minutes: 19 % apart.
constexpr int kSteps = 64;

const std::array<int64_t, kSteps>& Bounds() {
  static const std::array<int64_t, kSteps> bounds = [] {
    // 2^(1/4), so that no libm is asked.
    constexpr double kStep = 1.189207115002721;
    std::array<int64_t, kSteps> out{};
    double bound = 10'000;
    for (int64_t& micros : out) {
      micros = static_cast<int64_t>(bound);
      bound *= kStep;
    }
    return out;
  }();
  return bounds;
}

}  // namespace

LagModel::LagModel(const Options& options, store::v1::LagSeries state)
    : options_(options), state_(std::move(state)) {
  state_.mutable_counts()->Resize(kSteps, 0);
  for (uint32_t count : state_.counts()) posts_ += count;
}

void LagModel::OnPost(absl::Duration lag) {
  const auto& bounds = Bounds();
  int64_t micros = absl::ToInt64Microseconds(lag);
  auto it = std::lower_bound(bounds.begin(), bounds.end() - 1, micros);
  int step = static_cast<int>(it - bounds.begin());
  state_.set_counts(step, state_.counts(step) + 1);
  ++posts_;
  changed_ = true;
}

absl::Duration LagModel::Quantile(double share) const {
  auto wanted = static_cast<uint64_t>(static_cast<double>(posts_) * share);
  uint64_t below = 0;
  for (int i = 0; i < kSteps; ++i) {
    below += state_.counts(i);
    if (below > wanted) return absl::Microseconds(Bounds()[i]);
  }
  return absl::Microseconds(Bounds()[kSteps - 1]);
}

absl::optional<LagModel::Change> LagModel::OnTick(absl::Time now) {
  int64_t minute = absl::ToUnixSeconds(now) / 60;
  if (minute == state_.minute()) return absl::nullopt;
  state_.set_minute(minute);
  changed_ = true;
  if (posts_ == 0) return absl::nullopt;
  absl::Duration p50 = Quantile(0.5);
  state_.set_p50_micros(absl::ToInt64Microseconds(p50));
  state_.set_p99_micros(absl::ToInt64Microseconds(Quantile(0.99)));
  state_.set_measured_minute(minute);
  std::fill(state_.mutable_counts()->begin(), state_.mutable_counts()->end(), 0);
  posts_ = 0;
  bool high = p50 > options_.threshold;
  if (high && state_.high_minutes() == 0) state_.set_high_since_micros(absl::ToUnixMicros(now));
  state_.set_high_minutes(high ? std::min<uint32_t>(state_.high_minutes() + 1, 1'000'000) : 0);
  state_.set_low_minutes(high ? 0 : std::min<uint32_t>(state_.low_minutes() + 1, 1'000'000));
  return Judge();
}

absl::optional<LagModel::Change> LagModel::Judge() {
  uint32_t minutes = state_.alerted() ? state_.low_minutes() : state_.high_minutes();
  if (absl::Minutes(minutes) < std::max(absl::Minutes(1), options_.hold)) return absl::nullopt;
  if (!state_.alerted()) {
    // The first minute that was too slow began a minute before it was judged.
    state_.set_alerted(true);
    return Change{true, absl::FromUnixMicros(state_.high_since_micros()) - absl::Minutes(1)};
  }
  state_.set_alerted(false);
  return Change{false, absl::FromUnixMicros(state_.high_since_micros())};
}

}  // namespace braid
