// Counters sampled once a second, and how fast they grew.
//
// Threads: the owner guards it. Bounds: Options-free: kSamplesMax samples of
// as many counters as there are names.

#ifndef BRAID_DEDUPE_RATE_WINDOW_H_
#define BRAID_DEDUPE_RATE_WINDOW_H_

#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <utility>

#include "absl/time/time.h"

namespace braid {

class RateWindow {
 public:
  using Values = std::map<std::string, double>;

  // Later than every sample before.
  void Sample(absl::Time now, Values values) {
    samples_.emplace_back(now, std::move(values));
    // The longest span asked for is a minute.
    while (samples_.size() > kSamplesMax) samples_.pop_front();
  }

  // Growth over the last `span`, or since the first sample where that is less.
  double Growth(const std::string& name, absl::Duration span) const {
    if (samples_.size() < 2) return 0;
    return Value(samples_.back(), name) - Value(*Oldest(span), name);
  }

  double PerSecond(const std::string& name, absl::Duration span) const {
    if (samples_.size() < 2) return 0;
    absl::Duration covered = samples_.back().first - Oldest(span)->first;
    if (covered <= absl::ZeroDuration()) return 0;
    // A process that was started again counts from zero.
    return std::max(0.0, Growth(name, span) / absl::ToDoubleSeconds(covered));
  }

 private:
  static constexpr size_t kSamplesMax = 61;
  using Taken = std::pair<absl::Time, Values>;

  static double Value(const Taken& sample, const std::string& name) {
    auto it = sample.second.find(name);
    return it == sample.second.end() ? 0 : it->second;
  }
  // The newest sample that is at least `span` before the last.
  std::deque<Taken>::const_iterator Oldest(absl::Duration span) const {
    auto oldest = samples_.begin();
    for (auto it = samples_.begin(); it != samples_.end(); ++it) {
      if (it->first <= samples_.back().first - span) oldest = it;
    }
    return oldest;
  }

  std::deque<Taken> samples_;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_RATE_WINDOW_H_
