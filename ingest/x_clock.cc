#include "ingest/x_clock.h"

#include <algorithm>

namespace braid {
namespace {

// One second because the header is cut to whole seconds, one more for the way
// from X to us.
constexpr absl::Duration kDateGrain = absl::Seconds(2);

// The deduper treats keys from more than 10 min ahead as strays; what is a
// stray there is no evidence of time here.
constexpr absl::Duration kFarAhead = absl::Minutes(10);

// As many as cover asks of a connection before it believes in it.
constexpr int kFarEventsNeeded = 3;

}  // namespace

XClock::XClock(absl::Time wall_now, absl::Time now) : offset_(wall_now - now) {}

void XClock::OnHead(absl::optional<absl::Time> date, absl::Time now) {
  if (!date.has_value()) return;
  bool agrees = anchored_ && At(now) >= *date && At(now) < *date + kDateGrain;
  anchored_ = true;
  if (!agrees) MoveTo(*date, now);
}

bool XClock::OnEvent(absl::Time create_time, absl::Time now) {
  absl::Duration ahead = create_time - At(now);
  if (ahead <= kFarAhead) {
    far_events_ = 0;
    far_time_ = absl::InfiniteFuture();
    return ahead > absl::ZeroDuration() && MoveTo(create_time, now);
  }
  far_time_ = std::min(far_time_, create_time);
  return ++far_events_ >= kFarEventsNeeded && MoveTo(far_time_, now);
}

bool XClock::MoveTo(absl::Time x_time, absl::Time now) {
  offset_ = x_time - now;
  far_events_ = 0;
  far_time_ = absl::InfiniteFuture();
  return true;
}

}  // namespace braid
