#include "dedupe/volume_model.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

// The same bits with and without fused instructions.
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

namespace braid {
namespace {

using store::v1::VolumeSeries;
using Kind = VolumeChange::Kind;

constexpr int64_t kDaySeconds = 86'400;
// 15 min: the steepest morning grows by a tenth in it.
constexpr int kBins = 96;
constexpr int64_t kBinSeconds = kDaySeconds / kBins;
// A changed habit (daylight saving, a holiday's end) is learned in a week.
constexpr double kBinDaysMax = 7;
// The level follows weekends and daylight saving: their slopes stay below a
// third per half hour, which is where evidence for a drop starts to count.
constexpr double kLevelSeconds = 1800;
// A quiet series needs this many events to tell its level to 7 %; beyond
// three days there is no level worth the name.
constexpr double kLevelEvents = 200;
constexpr double kLevelSecondsMax = 3 * kDaySeconds;
// A Poisson stream reaches e^-12 less than once a month, since what stays within
// 31 % gathers nothing. A drop of 60 % at 1/s gathers it in 55 s.
constexpr double kScoreMax = 12;
// The end of an event may be wrong at no cost but a second notice.
constexpr double kEndScore = 7;
// Scatter is that of five minutes, so that what stays off for minutes on end
// counts, averaged over a day.
constexpr uint32_t kScatterSlots = 60;
constexpr double kScatterSpans = 288;
// One wild span counts as three standard deviations, no more.
constexpr double kWildSpan = 9;
// More than this much scatter is not made allowance for: a drop of 60 % is to
// be found within two minutes at any rate. What stays within 31 % of the usual
// gathers no evidence anyway.
constexpr double kDispersionMax = 4;
constexpr double kDispersionMaxSeconds = 0.9;
// Before anything is known of a stream's scatter.
constexpr double kDispersionStart = 2;
// Nothing listened for longer: what was gathered before is no evidence.
constexpr int64_t kForgetScoresSeconds = 600;
// Events per second below which a surge is measured against this instead: a
// series of a few posts an hour comes in clumps.
constexpr double kSurgeFloor = 0.05;
// Of what is shown to people, and of the cap.
constexpr double kSmoothSeconds = 60;
// Flat at the cap: for five minutes the mean within 2 % of it and no slot above
// it by more than 3 %, which at 250/s a free stream does every 30 s. Over when
// the mean is 5 % below, or 3 % above.
constexpr double kCapBegins = 0.98;
constexpr double kCapEnds = 0.95;
constexpr double kCapPeak = 1.03;
constexpr uint32_t kCapSlots = 60;

double Follow(double value, double target, double elapsed, double span) {
  return value + (target - value) * (elapsed / (span + elapsed));
}

}  // namespace

double Logarithm(double x) {
  // Halve or double into [0.7, 1.4]; then 2·atanh((x-1)/(x+1)).
  constexpr double kLn2 = 0.693147180559945309;
  double out = 0;
  for (; x > 1.42; x /= 2) out += kLn2;
  for (; x < 0.7; x *= 2) out -= kLn2;
  double y = (x - 1) / (x + 1);
  double term = y;
  double sum = 0;
  for (int i = 1; i < 20; i += 2) {
    sum += term / i;
    term *= y * y;
  }
  return out + 2 * sum;
}

VolumeModel::VolumeModel(const Options& options, VolumeSeries state)
    : options_(options),
      drop_log_(Logarithm(options.drop_ratio)),
      surge_log_(Logarithm(options.surge_ratio)),
      state_(std::move(state)) {
  BRAID_CHECK(options.drop_ratio > 0 && options.drop_ratio < 1 && options.surge_ratio > 1);
  if (state_.bin_rates_size() == kBins && state_.bin_days_size() == kBins) return;
  state_.Clear();
  state_.mutable_bin_rates()->Resize(kBins, 0);
  state_.mutable_bin_days()->Resize(kBins, 0);
  state_.set_level(1);
  state_.set_dispersion(kDispersionStart);
  state_.set_state(VolumeSeries::STATE_USUAL);
}

double VolumeModel::learned() const {
  double needed = absl::ToDoubleSeconds(options_.warm_up);
  double seconds = static_cast<double>(state_.learned_slots() * kVolumeSlotSeconds);
  return needed > 0 ? std::min(1.0, seconds / needed) : 1;
}

// Between the middles of two bins, both known; else the bin's own.
double VolumeModel::ShapeAt(int64_t seconds) const {
  int64_t of_day = ((seconds % kDaySeconds) + kDaySeconds) % kDaySeconds;
  int bin = static_cast<int>(of_day / kBinSeconds);
  double place = static_cast<double>(of_day % kBinSeconds) / kBinSeconds - 0.5;
  int other = (bin + (place < 0 ? kBins - 1 : 1)) % kBins;
  double weight = place < 0 ? -place : place;
  double own = state_.bin_rates(bin);
  if (state_.bin_days(bin) == 0 || state_.bin_days(other) == 0) return own;
  return own * (1 - weight) + state_.bin_rates(other) * weight;
}

absl::optional<VolumeChange> VolumeModel::OnSlot(int64_t end_seconds, uint64_t count) {
  double events = static_cast<double>(count);
  int64_t start = end_seconds - kVolumeSlotSeconds;
  if (start - state_.slot_end_seconds() > kForgetScoresSeconds) ForgetScores();
  int bin = static_cast<int>(((start % kDaySeconds) + kDaySeconds) % kDaySeconds / kBinSeconds);
  int64_t last_start = state_.slot_end_seconds() - kVolumeSlotSeconds;
  if (state_.bin_seconds() > 0 && start / kBinSeconds != last_start / kBinSeconds) {
    CloseBin(static_cast<int>(last_start % kDaySeconds / kBinSeconds));
  }
  // A time of day seen for the first time: as just before.
  if (state_.bin_days(bin) == 0 && state_.bin_rates(bin) == 0) {
    bool first = state_.learned_slots() == 0;
    double now = first ? events / kVolumeSlotSeconds : state_.expected_rate();
    state_.set_bin_rates(bin, now);
    state_.set_level(1);
  }
  double rate = ShapeAt(start + kVolumeSlotSeconds / 2) * state_.level();
  double expected = rate * kVolumeSlotSeconds;
  state_.set_slot_end_seconds(end_seconds);
  absl::optional<VolumeChange> change = Judge(end_seconds, events, expected);
  Smooth(events, expected);
  if (is_usual()) Learn(end_seconds, events, expected);
  return change;
}

void VolumeModel::ForgetScores() {
  state_.set_drop_score(0);
  state_.set_surge_score(0);
  state_.set_end_score(0);
}

void VolumeModel::Smooth(double events, double expected) {
  double observed = events / kVolumeSlotSeconds;
  state_.set_observed_rate(
      Follow(state_.observed_rate(), observed, kVolumeSlotSeconds, kSmoothSeconds));
  // Also what an unseen time of day starts with, so it is not smoothed much.
  state_.set_expected_rate(expected / kVolumeSlotSeconds);
  double cap = options_.contract_cap;
  bool flat = state_.observed_rate() >= kCapBegins * cap && observed <= kCapPeak * cap;
  state_.set_cap_slots(flat && cap > 0 ? std::min(state_.cap_slots() + 1, kCapSlots) : 0);
}

void VolumeModel::Learn(int64_t end_seconds, double events, double expected) {
  state_.set_learned_slots(state_.learned_slots() + 1);
  state_.set_bin_events(state_.bin_events() + events);
  state_.set_bin_seconds(state_.bin_seconds() + kVolumeSlotSeconds);
  double shape = ShapeAt(end_seconds - kVolumeSlotSeconds / 2 - 1) * kVolumeSlotSeconds;
  if (shape > 0) {
    double span = std::clamp(kLevelEvents * kVolumeSlotSeconds / std::max(expected, 1e-9),
                             kLevelSeconds, kLevelSecondsMax);
    // At the start a level of two minutes is better than none.
    span = std::min(span, 120 + static_cast<double>(state_.learned_slots()) * kVolumeSlotSeconds);
    state_.set_level(Follow(state_.level(), events / shape, kVolumeSlotSeconds, span));
    // A level of nothing would never rise again.
    state_.set_level(std::clamp(state_.level(), 1e-3, 1e3));
  } else if (events > 0) {
    // Nothing was usual here: learn from what came.
    int bin = static_cast<int>((end_seconds - 1) % kDaySeconds / kBinSeconds);
    state_.set_bin_rates(bin, events / kVolumeSlotSeconds);
    state_.set_level(1);
  }
  state_.set_span_events(state_.span_events() + events);
  state_.set_span_expected(state_.span_expected() + expected);
  state_.set_span_slots(state_.span_slots() + 1);
  if (state_.span_slots() < kScatterSlots) return;
  LearnDispersion(state_.span_events(), state_.span_expected());
  state_.set_span_events(0);
  state_.set_span_expected(0);
  state_.set_span_slots(0);
}

void VolumeModel::CloseBin(int bin) {
  double rate = state_.bin_events() / state_.bin_seconds();
  // Half a bin seen says as much as a whole one, a minute does not.
  if (state_.bin_seconds() >= kBinSeconds / 2.0) {
    uint32_t days = state_.bin_days(bin);
    double weight = 1 / (std::min<double>(days, kBinDaysMax - 1) + 1);
    double before = state_.bin_rates(bin);
    state_.set_bin_rates(bin, before + (rate - before) * weight);
    state_.set_bin_days(bin, std::min<uint32_t>(days + 1, static_cast<uint32_t>(kBinDaysMax)));
  }
  state_.set_bin_events(0);
  state_.set_bin_seconds(0);
}

void VolumeModel::LearnDispersion(double events, double expected) {
  // Where next to nothing is expected a single event would say a lot.
  if (expected < 0.01) return;
  double off = events - expected;
  double excess = off * off / expected;
  excess = std::min(excess, kWildSpan * state_.dispersion());
  // At first the plain average of what was seen.
  double seen = static_cast<double>(state_.learned_slots() / kScatterSlots);
  double span = std::min(seen, kScatterSpans);
  state_.set_dispersion(std::max(1.0, Follow(state_.dispersion(), excess, 1, span)));
}

double VolumeModel::Scatter(double expected) const {
  double rate = expected / kVolumeSlotSeconds;
  return std::min(state_.dispersion(), kDispersionMax + kDispersionMaxSeconds * rate);
}

absl::optional<VolumeChange> VolumeModel::Judge(int64_t end_seconds, double events,
                                                double expected) {
  if (!is_usual()) return JudgeEvent(end_seconds, events, expected);
  if (learned() < 1) return absl::nullopt;
  double step_max =
      kScoreMax * kVolumeSlotSeconds /
      std::max<double>(kVolumeSlotSeconds, absl::ToDoubleSeconds(options_.hold));
  double scatter = Scatter(expected);
  auto gather = [&](double ratio, double log, double usual, double score) {
    double term = (events * log - usual * (ratio - 1)) / scatter;
    return std::max(0.0, score + std::min(term, step_max));
  };
  double surge_usual = std::max(expected, kSurgeFloor * kVolumeSlotSeconds);
  double drop = gather(options_.drop_ratio, drop_log_, expected, state_.drop_score());
  double surge = gather(options_.surge_ratio, surge_log_, surge_usual, state_.surge_score());
  int64_t start = end_seconds - kVolumeSlotSeconds;
  if (state_.drop_score() == 0) state_.set_drop_since_seconds(start);
  if (state_.surge_score() == 0) state_.set_surge_since_seconds(start);
  state_.set_drop_score(drop);
  state_.set_surge_score(surge);
  // What the evidence was gathered from, for the notice.
  bool gathering = drop > 0 || surge > 0;
  state_.set_event_events(gathering ? state_.event_events() + events : 0);
  state_.set_event_expected(gathering ? state_.event_expected() + expected : 0);
  if (drop >= kScoreMax) {
    return Begin(VolumeSeries::STATE_DROP, state_.drop_since_seconds(), end_seconds, drop);
  }
  if (surge >= kScoreMax) {
    return Begin(VolumeSeries::STATE_SURGE, state_.surge_since_seconds(), end_seconds, surge);
  }
  return absl::nullopt;
}

VolumeChange VolumeModel::Begin(VolumeSeries::State state, int64_t since, int64_t end,
                                double score) {
  double seconds = static_cast<double>(std::max<int64_t>(kVolumeSlotSeconds, end - since));
  VolumeChange change;
  change.kind = state == VolumeSeries::STATE_DROP ? Kind::kDropBegan : Kind::kSurgeBegan;
  change.since_seconds = since;
  // Evidence of the other kind may have begun earlier: a rate, not a count.
  double share = state_.event_expected() > 0 ? state_.event_events() / state_.event_expected() : 0;
  change.expected_per_second = state_.expected_rate();
  change.observed_per_second = state_.expected_rate() * share;
  state_.set_state(state);
  state_.set_since_seconds(since);
  state_.set_event_seconds(seconds);
  state_.set_event_events(change.observed_per_second * seconds);
  state_.set_event_expected(change.expected_per_second * seconds);
  state_.set_end_score(0);
  return change;
}

absl::optional<VolumeChange> VolumeModel::JudgeEvent(int64_t end_seconds, double events,
                                                     double expected) {
  state_.set_event_events(state_.event_events() + events);
  state_.set_event_expected(state_.event_expected() + expected);
  state_.set_event_seconds(state_.event_seconds() + kVolumeSlotSeconds);
  bool drop = state_.state() == VolumeSeries::STATE_DROP;
  double ratio = drop ? options_.drop_ratio : options_.surge_ratio;
  double log = drop ? drop_log_ : surge_log_;
  double step_max =
      kEndScore * kVolumeSlotSeconds /
      std::max<double>(kVolumeSlotSeconds, absl::ToDoubleSeconds(options_.hold));
  double usual = drop ? expected : std::max(expected, kSurgeFloor * kVolumeSlotSeconds);
  double term = (usual * (ratio - 1) - events * log) / Scatter(expected);
  state_.set_end_score(std::max(0.0, state_.end_score() + std::min(term, step_max)));
  if (state_.end_score() >= kEndScore) return End(false);
  double lasted = static_cast<double>(end_seconds - state_.since_seconds());
  if (lasted >= absl::ToDoubleSeconds(options_.event_max)) return End(true);
  return absl::nullopt;
}

VolumeChange VolumeModel::End(bool became_usual) {
  VolumeChange change;
  bool drop = state_.state() == VolumeSeries::STATE_DROP;
  change.kind = drop ? Kind::kDropEnded : Kind::kSurgeEnded;
  change.since_seconds = state_.since_seconds();
  double seconds = std::max<double>(kVolumeSlotSeconds, state_.event_seconds());
  change.observed_per_second = state_.event_events() / seconds;
  change.expected_per_second = state_.event_expected() / seconds;
  change.became_usual = became_usual;
  if (became_usual && state_.event_expected() > 0) {
    double share = state_.event_events() / state_.event_expected();
    state_.set_level(std::clamp(state_.level() * share, 1e-3, 1e3));
  }
  state_.set_state(VolumeSeries::STATE_USUAL);
  for (auto clear : {&VolumeSeries::set_drop_score, &VolumeSeries::set_surge_score,
                     &VolumeSeries::set_end_score, &VolumeSeries::set_event_events,
                     &VolumeSeries::set_event_expected, &VolumeSeries::set_event_seconds,
                     &VolumeSeries::set_bin_events, &VolumeSeries::set_bin_seconds,
                     &VolumeSeries::set_span_events, &VolumeSeries::set_span_expected}) {
    (state_.*clear)(0);
  }
  state_.set_span_slots(0);
  state_.set_since_seconds(0);
  return change;
}

absl::optional<VolumeChange> VolumeModel::CapChange() {
  if (options_.contract_cap <= 0) return absl::nullopt;
  double cap = options_.contract_cap;
  bool off = state_.observed_rate() < kCapEnds * cap || state_.observed_rate() > kCapPeak * cap;
  if (state_.capped() ? !off : state_.cap_slots() < kCapSlots) return absl::nullopt;
  VolumeChange change;
  change.kind = state_.capped() ? Kind::kUncapped : Kind::kCapped;
  change.since_seconds =
      state_.capped() ? state_.capped_since_seconds() : state_.slot_end_seconds();
  change.observed_per_second = state_.observed_rate();
  change.expected_per_second = cap;
  state_.set_capped(!state_.capped());
  state_.set_capped_since_seconds(state_.capped() ? change.since_seconds : 0);
  return change;
}

}  // namespace braid
