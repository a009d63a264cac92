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
// What stays within 31 % gathers nothing, so a stream with a daily cycle gets
// here about once in thirty weeks. A drop of 60 % at 1/s does in 50 s, and in
// 110 s even when chance sends a quarter more than its rate.
constexpr double kScoreMax = 11;
// The end of an event may be wrong at no cost but a second notice.
constexpr double kEndScore = 7;
// Scatter is that of five minutes, so that what stays off for minutes on end
// counts, averaged over a day. It is a share of the rate: what a stream scatters
// by day says how little it may scatter at night.
constexpr uint32_t kScatterSlots = 60;
constexpr uint32_t kScatterSpans = 288;
// One wild span counts as three standard deviations, no more.
constexpr double kWildSpan = 9;
// Before anything is known of it, and for as many spans as that counts for.
constexpr double kScatterStart = 0.0015;
constexpr double kScatterStartSpans = 24;
// A rate learned on one day is itself off by what chance did on it: 900 s of a
// bin against the 300 s of a span, and the bin beside it.
constexpr double kFirstDayScatter = 0.35;
// A little is always allowed for, where that costs no time that is promised.
constexpr double kScatterMin = 1.5;
// More than this is not, so that a drop of 60 % at 1/s or more is found within
// two minutes.
constexpr double kScatterMaxSeconds = 1.05;
// Below 1/s nothing is promised: the limit rises to that at 0.65/s.
constexpr double kPromisedRate = 0.9;
constexpr double kScatterMaxQuiet = 4;
constexpr double kScatterQuietSlope = 7.5;
// A stream that scatters by more than a tenth for minutes on end would alarm
// every night: its drops may take longer, by as much more as it scatters.
constexpr double kScatterWild = 0.003;
constexpr double kScatterWildRoom = 4;
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

int BinOf(int64_t seconds) {
  int64_t of_day = ((seconds % kDaySeconds) + kDaySeconds) % kDaySeconds;
  return static_cast<int>(of_day / kBinSeconds);
}

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
  int64_t gap = start - state_.slot_end_seconds();
  if (gap > kForgetScoresSeconds) ForgetScores();
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
  Smooth(gap, events, expected);
  if (is_usual()) Learn(end_seconds, events, expected);
  return change;
}

void VolumeModel::ForgetScores() {
  state_.set_drop_score(0);
  state_.set_surge_score(0);
  state_.set_end_score(0);
}

// `gap`: seconds in which nothing was observed before this slot.
void VolumeModel::Smooth(int64_t gap, double events, double expected) {
  double observed = events / kVolumeSlotSeconds;
  // The mean of what there is until that is a minute; what was before a gap of
  // one is of another time.
  double seen = static_cast<double>(state_.learned_slots() * kVolumeSlotSeconds);
  double span = gap > kSmoothSeconds ? 0 : std::min(kSmoothSeconds, seen);
  state_.set_observed_rate(Follow(state_.observed_rate(), observed, kVolumeSlotSeconds, span));
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
  LearnSpan(end_seconds, events, expected);
}

void VolumeModel::LearnSpan(int64_t end_seconds, double events, double expected) {
  // What a first day expects is a guess: it tells nothing about scatter.
  int bin = BinOf(end_seconds - 1);
  bool known = true;
  for (int near : {bin, (bin + 1) % kBins, (bin + kBins - 1) % kBins}) {
    known = known && state_.bin_days(near) > 0;
  }
  if (known) {
    state_.set_span_events(state_.span_events() + events);
    state_.set_span_expected(state_.span_expected() + expected);
    state_.set_span_slots(state_.span_slots() + 1);
    if (state_.span_slots() < kScatterSlots) return;
    LearnScatter(state_.span_events(), state_.span_expected());
  }
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

void VolumeModel::LearnScatter(double events, double expected) {
  // Where next to nothing is expected a single event would say a lot.
  if (expected < 1) return;
  double square = expected * expected;
  double off = std::min((events - expected) * (events - expected),
                        kWildSpan * (expected + ScatterShare() * square));
  state_.set_scatter_spans(std::min(state_.scatter_spans() + 1, kScatterSpans));
  double spans = state_.scatter_spans();
  state_.set_excess(state_.excess() + (off - expected - state_.excess()) / spans);
  state_.set_expected_squared(state_.expected_squared() +
                              (square - state_.expected_squared()) / spans);
}

double VolumeModel::ScatterShare() const {
  double spans = state_.scatter_spans();
  double known = spans / (spans + kScatterStartSpans);
  double seen = state_.expected_squared() > 0
                    ? std::max(0.0, state_.excess() / state_.expected_squared())
                    : 0;
  return seen * known + kScatterStart * (1 - known);
}

double VolumeModel::Scatter(double expected) const {
  double rate = expected / kVolumeSlotSeconds;
  double most = std::max(1.0, kScatterMaxSeconds * rate);
  if (rate < kPromisedRate) {
    most = std::min(kScatterMaxQuiet, 1 + kScatterQuietSlope * (kPromisedRate - rate));
  }
  double share = ScatterShare();
  most += kScatterWildRoom * std::max(0.0, share / kScatterWild - 1);
  double days = std::max<double>(1, state_.bin_days(BinOf(state_.slot_end_seconds() - 1)));
  double scatter = 1 + kFirstDayScatter / days + share * expected * kScatterSlots;
  return std::min(std::max(kScatterMin, scatter), most);
}

absl::optional<VolumeChange> VolumeModel::Judge(int64_t end_seconds, double events,
                                                double expected) {
  if (!is_usual()) return JudgeEvent(end_seconds, events, expected);
  if (learned() < 1) return absl::nullopt;
  double step_max = kScoreMax * kVolumeSlotSeconds /
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
  double step_max = kEndScore * kVolumeSlotSeconds /
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
