// How late events arrive: receive time minus creation time of the live events
// of the last 15 min, strays left out. Cover subtracts its far tail as slack.
//
// Pure; on the loop. Bounds: 15 histograms of 100 ms steps up to 120 s and
// their sum, 75 kB, at any rate.

#ifndef BRAID_INGEST_LATENESS_H_
#define BRAID_INGEST_LATENESS_H_

#include <array>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"

namespace braid {

class Lateness {
 public:
  struct Options {
    // Fewer samples have no 99.9th percentile worth the name.
    uint64_t samples_min = 1000;
    // Longer than any lateness that X calls live; beyond it slack would hold
    // back every cover for the sake of one event in a thousand.
    absl::Duration max = absl::Seconds(120);
    // What is older is a stray (docs/decisions/0007): it says nothing of how
    // late posts of these days are.
    absl::Duration age_max = absl::Hours(25);
  };

  explicit Lateness(const Options& options);

  void OnEvent(absl::Time create_time, absl::Time receive_time);

  // The 99.9th percentile, rounded up to the step, at most Options::max. Zero
  // with fewer than samples_min samples.
  absl::Duration Tail() const;

 private:
  static constexpr int kMinutes = 15;

  void Expire(int64_t minute);

  const Options options_;
  struct Histogram {
    uint64_t samples = 0;
    std::vector<uint32_t> steps;
  };
  std::array<Histogram, kMinutes> minutes_;
  Histogram total_;
  // Minute of X time of the newest sample.
  int64_t newest_minute_ = 0;
};

}  // namespace braid

#endif  // BRAID_INGEST_LATENESS_H_
