#include "ingest/lateness.h"

#include <algorithm>

namespace braid {
namespace {

// A hundredth of the least slack there is (10 s).
constexpr absl::Duration kStep = absl::Milliseconds(100);

}  // namespace

Lateness::Lateness(const Options& options) : options_(options) {
  // The last step holds everything beyond max.
  size_t steps = options.max / kStep + 1;
  for (Histogram& minute : minutes_) minute.steps.resize(steps);
  total_.steps.resize(steps);
}

void Lateness::OnEvent(absl::Time create_time, absl::Time receive_time) {
  if (receive_time - create_time > options_.age_max) return;
  Expire(absl::ToUnixSeconds(receive_time) / 60);
  absl::Duration late = std::clamp(receive_time - create_time, absl::ZeroDuration(), options_.max);
  size_t step = late / kStep;
  Histogram& minute = minutes_[newest_minute_ % kMinutes];
  for (Histogram* histogram : {&minute, &total_}) {
    ++histogram->samples;
    ++histogram->steps[step];
  }
}

void Lateness::Expire(int64_t minute) {
  // X time can step back at a new answer: such a sample joins the newest minute.
  if (minute <= newest_minute_) return;
  int64_t first = std::max(newest_minute_ + 1, minute - kMinutes + 1);
  for (int64_t m = first; m <= minute; ++m) {
    Histogram& old = minutes_[m % kMinutes];
    if (old.samples == 0) continue;
    total_.samples -= old.samples;
    for (size_t i = 0; i < old.steps.size(); ++i) total_.steps[i] -= old.steps[i];
    old.samples = 0;
    std::fill(old.steps.begin(), old.steps.end(), 0);
  }
  newest_minute_ = minute;
}

absl::Duration Lateness::Tail() const {
  if (total_.samples < options_.samples_min) return absl::ZeroDuration();
  uint64_t beyond_allowed = total_.samples / 1000;
  uint64_t beyond = 0;
  for (size_t i = total_.steps.size(); i-- > 0;) {
    beyond += total_.steps[i];
    if (beyond > beyond_allowed) return std::min(kStep * static_cast<int64_t>(i + 1), options_.max);
  }
  return absl::ZeroDuration();
}

}  // namespace braid
