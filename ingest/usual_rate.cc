#include "ingest/usual_rate.h"

#include <algorithm>

namespace braid {
namespace {

// With 60 of them the estimate reaches back one hour: long enough for a rare
// rule, short enough to follow the time of day.
constexpr absl::Duration kBucketTime = absl::Minutes(1);

// A burst right after a start is not a rate: count at least a second for it.
constexpr absl::Duration kTimeMin = absl::Seconds(1);

// Twice that many would be so few once in three thousand times.
constexpr uint64_t kSettledEvents = 20;

// The first pause of a connection may hold 2 s that its headers are wrong by.
constexpr absl::Duration kSettledTime = absl::Seconds(20);

}  // namespace

void UsualRate::OnEvent(absl::Duration pause) {
  if (buckets_[current_].time >= kBucketTime) {
    current_ = (current_ + 1) % kBuckets;
    total_.events -= buckets_[current_].events;
    total_.time -= buckets_[current_].time;
    buckets_[current_] = Bucket();
  }
  pause = std::max(pause, absl::ZeroDuration());
  for (Bucket* bucket : {&buckets_[current_], &total_}) {
    ++bucket->events;
    bucket->time += pause;
  }
}

double UsualRate::rate() const {
  return static_cast<double>(total_.events) /
         absl::ToDoubleSeconds(std::max(total_.time, kTimeMin));
}

bool UsualRate::is_settled() const {
  return total_.events >= kSettledEvents && total_.time >= kSettledTime;
}

}  // namespace braid
