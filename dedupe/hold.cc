#include "dedupe/hold.h"

#include <algorithm>

namespace braid {
namespace {

// Twice the share, and twice the bytes, at which input is refused.
constexpr double kShortShare = 0.10;
constexpr uint64_t kShortBytes = 2 * (2 * 96ull + 64) << 20;

}  // namespace

int64_t DeliveredUntilMicros(const SessionTable::Sessions& sessions) {
  int64_t until = 0;
  for (const auto& [epoch, state] : sessions) {
    until = std::max(until, state.received_until_micros());
    if (state.expected_offset() < state.end_offset()) break;
  }
  return until;
}

bool DiskIsShort(uint64_t free_bytes, uint64_t total_bytes) {
  if (total_bytes == 0) return false;  // not yet asked
  return free_bytes < kShortBytes ||
         static_cast<double>(free_bytes) < kShortShare * static_cast<double>(total_bytes);
}

}  // namespace braid
