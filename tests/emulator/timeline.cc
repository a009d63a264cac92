#include "tests/emulator/timeline.h"

#include <algorithm>
#include <cmath>

#include "proto/snowflake.h"

namespace braid::emulator {
namespace {

// Measured on public posts: about 20 machines carry nearly all ids.
constexpr uint32_t kMachineCount = 20;
constexpr uint32_t kMachineFirst = 321;
constexpr int kMachineShift = 12;

// 95 % appear within tens of ms, as measured; the rest uses the whole promise.
constexpr uint64_t kUsualLatenessMillis = 20;
constexpr uint64_t kLatePercent = 5;

}  // namespace

double RateSchedule::RateAt(absl::Duration now) const {
  if (!burst_) return rate_;
  absl::Duration phase =
      absl::Nanoseconds(absl::ToInt64Nanoseconds(now) % absl::ToInt64Nanoseconds(burst_->every));
  return phase >= burst_->every - burst_->length ? burst_->rate : rate_;
}

absl::Duration RateSchedule::NextEdge(absl::Duration now) const {
  if (!burst_) return absl::InfiniteDuration();
  absl::Duration phase =
      absl::Nanoseconds(absl::ToInt64Nanoseconds(now) % absl::ToInt64Nanoseconds(burst_->every));
  absl::Duration start = burst_->every - burst_->length;
  return now - phase + (phase < start ? start : burst_->every);
}

void RateSchedule::Advance(absl::Duration now) {
  while (last_ < now) {
    absl::Duration until = std::min(now, NextEdge(last_));
    owed_ += RateAt(last_) * absl::ToDoubleSeconds(until - last_);
    last_ = until;
  }
}

void RateSchedule::SetRate(double rate, absl::Duration now) {
  Advance(now);
  rate_ = rate;
}

void RateSchedule::SetBurst(std::optional<Burst> burst, absl::Duration now) {
  Advance(now);
  burst_ = burst;
}

uint64_t RateSchedule::Take(absl::Duration now, uint64_t count_max) {
  Advance(now);
  uint64_t count = std::min(static_cast<uint64_t>(owed_), count_max);
  owed_ -= static_cast<double>(count);
  return count;
}

absl::Duration RateSchedule::UntilNext(absl::Duration now) const {
  double rate = RateAt(now);
  absl::Duration edge = NextEdge(now) - now;
  if (rate <= 0) return edge;
  double missing = std::max(0.0, 1 - owed_);
  return std::min(edge, absl::Seconds(missing / rate));
}

int64_t PostIds::DrawLatenessMillis() {
  auto most = static_cast<uint64_t>(absl::ToInt64Milliseconds(lateness_max_));
  uint64_t bound = random_.Below(100) < kLatePercent ? most : std::min(most, kUsualLatenessMillis);
  return static_cast<int64_t>(random_.Below(bound + 1));
}

uint64_t PostIds::Next(absl::Time now) {
  newest_millis_ = std::max(newest_millis_, absl::ToUnixMillis(now));
  int64_t millis = newest_millis_ - DrawLatenessMillis();
  Slot& slot = slots_[millis % kSlots];
  if (slot.millis != millis) slot = {millis, 0};
  uint32_t number = slot.count++;
  uint32_t machine = kMachineFirst + number % kMachineCount;
  uint32_t sequence = number / kMachineCount;
  return FirstSnowflakeAt(absl::FromUnixMillis(millis)) | machine << kMachineShift | sequence;
}

// Machines of their own, so that no id of the usual ones comes again.
uint64_t PostIds::NextLate(absl::Time now, absl::Duration late_by) {
  uint32_t number = late_count_++;
  uint32_t machine = kMachineFirst + kMachineCount + number % kMachineCount;
  uint32_t sequence = number / kMachineCount % (1 << kMachineShift);
  return FirstSnowflakeAt(now - late_by) | machine << kMachineShift | sequence;
}

}  // namespace braid::emulator
