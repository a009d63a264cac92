// Is this series' volume what it usually is? A usual rate by time of day that
// forgets, a level above it that follows within half an hour, and two running
// tests, for a drop and for a surge. Fed with counts of 5 s slots in which
// somebody listened.
//
// The tests sum up log-likelihood ratios (CUSUM), so that what is quiet takes
// longer and nothing needs a window; their terms are divided by how much more
// this series scatters than a Poisson stream. Sums, products and quotients
// only: the same bits on every machine.
//
// Pure; the merger thread. State is a proto, so that a restart goes on where
// it was. Bounds: one VolumeSeries, 96 bins.

#ifndef BRAID_DEDUPE_VOLUME_MODEL_H_
#define BRAID_DEDUPE_VOLUME_MODEL_H_

#include <cstdint>
#include <utility>

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "braid/store/v1/usage.pb.h"

namespace braid {

// A quarter of the 20 s that an alarm at one post a second may lose to
// rounding.
inline constexpr int64_t kVolumeSlotSeconds = 5;

struct VolumeChange {
  enum class Kind { kDropBegan, kDropEnded, kSurgeBegan, kSurgeEnded, kCapped, kUncapped };
  Kind kind;
  int64_t since_seconds = 0;
  // From then on.
  double observed_per_second = 0;
  double expected_per_second = 0;
  // It ended because it lasted.
  bool became_usual = false;
};

class VolumeModel {
 public:
  struct Options {
    // A drop of 60 % is found; one of 31 % is where evidence starts to count.
    double drop_ratio = 0.45;
    // x5 is found at once, x2 after a while.
    double surge_ratio = 3;
    // Evidence grows by at most its share of this per slot.
    absl::Duration hold = absl::Seconds(30);
    // One turn of the daily cycle.
    absl::Duration warm_up = absl::Hours(24);
    // Then the new rate is the usual one.
    absl::Duration event_max = absl::Hours(24);
    // Posts per second; 0: none.
    double contract_cap = 0;
  };

  VolumeModel(const Options& options, store::v1::VolumeSeries state);

  // A slot [end - 5 s, end) in which somebody listened. REQUIRES: ends ascend.
  absl::optional<VolumeChange> OnSlot(int64_t end_seconds, uint64_t events);
  // Whether the rate is flat at the contract's cap; after OnSlot.
  absl::optional<VolumeChange> CapChange();

  // What was gathered so far has another explanation.
  void ForgetScores();

  const store::v1::VolumeSeries& state() const { return state_; }
  // 0 to 1; drops and surges are told from 1 on.
  double learned() const;
  // Variance of five minutes' count beyond a Poisson stream's, as a share of the
  // square of what was expected.
  double ScatterShare() const;
  bool is_usual() const { return state_.state() == store::v1::VolumeSeries::STATE_USUAL; }

 private:
  double ShapeAt(int64_t seconds) const;
  void Smooth(int64_t gap, double events, double expected);
  void Learn(int64_t end_seconds, double events, double expected);
  void CloseBin(int bin);
  // Spans of five minutes, for LearnScatter.
  void LearnSpan(int64_t end_seconds, double events, double expected);
  void LearnScatter(double events, double expected);
  // Of a slot: variance as a multiple of a Poisson stream's.
  double Scatter(double expected) const;
  absl::optional<VolumeChange> Judge(int64_t end_seconds, double events, double expected);
  absl::optional<VolumeChange> JudgeEvent(int64_t end_seconds, double events, double expected);
  VolumeChange Begin(store::v1::VolumeSeries::State state, int64_t since, int64_t end,
                     double score);
  VolumeChange End(bool became_usual);

  const Options options_;
  // Logarithms of the ratios, by Logarithm below.
  const double drop_log_;
  const double surge_log_;
  store::v1::VolumeSeries state_;
};

// ln(x) for x in [1/16, 16] by a series: libm's differs between machines.
double Logarithm(double x);

}  // namespace braid

#endif  // BRAID_DEDUPE_VOLUME_MODEL_H_
