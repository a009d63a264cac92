#include "tests/emulator/event_history.h"

#include <algorithm>

#include "proto/snowflake.h"

namespace braid::emulator {
namespace {

// The latest that a post appears after the time in its id: measured on X.
constexpr absl::Duration kLatenessMax = absl::Seconds(2100);

}  // namespace

uint64_t EventHistory::Append(const Event& event) {
  int64_t newest = events_.empty() ? event.micros : events_.back().micros;
  events_.push_back(event);
  // The host's clock may go back; the search by time needs an order.
  events_.back().micros = std::max(event.micros, newest);
  if (events_.size() > count_max_) {
    events_.pop_front();
    ++first_;
  }
  return end() - 1;
}

uint64_t EventHistory::LowerBound(absl::Time time) const {
  auto found =
      std::lower_bound(events_.begin(), events_.end(), absl::ToUnixMicros(time),
                       [](const Event& event, int64_t micros) { return event.micros < micros; });
  return first_ + static_cast<uint64_t>(found - events_.begin());
}

const Event* EventHistory::FindPost(uint64_t id) const {
  absl::Time created = SnowflakeTime(id);
  int64_t until = absl::ToUnixMicros(created + kLatenessMax);
  for (uint64_t number = LowerBound(created - absl::Seconds(1)); number < end(); ++number) {
    const Event& event = At(number);
    if (event.micros > until) break;
    if (event.id == id && event.kind == EventKind::kPost) return &event;
  }
  return nullptr;
}

}  // namespace braid::emulator
