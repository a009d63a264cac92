#include "tests/sim/pace_check.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace braid {
namespace {

constexpr size_t kShown = 3;
// Half of X's 50 per 15 min: two connections share an app.
constexpr size_t kRequestsMax = 25;
constexpr absl::Duration kWindow = absl::Minutes(15);
// A stream that lasted as long counts as settled for sure, or not.
constexpr absl::Duration kSettled = absl::Seconds(61);
constexpr absl::Duration kUnsettled = absl::Seconds(59);
// So many requests may be at once; beyond that they are spread.
constexpr size_t kBurst = 9;

absl::Duration PauseMin(PaceCheck::End end, int drops) {
  switch (end) {
    case PaceCheck::End::kDropped: {
      // 250 ms doubling to 64 s after the first, a fifth less by jitter.
      if (drops < 2) return absl::ZeroDuration();
      return std::min(0.2 * absl::Seconds(1) * (1 << std::min(drops - 2, 20)), absl::Seconds(51));
    }
    case PaceCheck::End::kUnavailable:
    case PaceCheck::End::kSlots:
      return absl::Seconds(5);
    case PaceCheck::End::kRateLimited:
      return absl::Minutes(1);
    case PaceCheck::End::kTerminal:
      return absl::Seconds(320);
    case PaceCheck::End::kConnectFails:
      return absl::Milliseconds(200);
    case PaceCheck::End::kDnsFails:
      return absl::Seconds(1);
    case PaceCheck::End::kOther:
      return absl::ZeroDuration();
  }
  return absl::ZeroDuration();
}

}  // namespace

void PaceCheck::OnConnect(int connector, int incarnation, absl::Time now,
                          absl::Duration wait_max) {
  Life& life = lives_[connector];
  if (life.incarnation != incarnation) {
    life = Life();
    life.incarnation = incarnation;
  }
  while (!life.requests.empty() && life.requests.front() <= now - kWindow) {
    life.requests.pop_front();
  }
  if (!life.has_ended) return;
  absl::Duration pause = now - life.last.time;
  if (pause < PauseMin(life.last.end, life.drops) || now < life.last.not_before) {
    Fail(connector, life, pause, "too soon");
  }
  bool at_once = life.last.end == End::kDropped && life.settled && life.requests.size() < kBurst;
  if (at_once && pause > absl::Seconds(2) + wait_max) Fail(connector, life, pause, "too late");
}

void PaceCheck::OnRequest(int connector, absl::Time now) {
  Life& life = lives_[connector];
  life.requests.push_back(now);
  if (life.requests.size() > kRequestsMax) Fail(connector, life, kWindow, "a storm");
}

void PaceCheck::OnEnd(int connector, const Ended& ended) {
  Life& life = lives_[connector];
  life.has_ended = true;
  life.last = ended;
  life.settled = ended.flowed >= kSettled;
  if (ended.flowed >= kUnsettled) life.drops = 0;
  if (ended.end == End::kDropped) ++life.drops;
}

void PaceCheck::OnSleep() {
  for (auto& [connector, life] : lives_) OnThaw(connector);
}

void PaceCheck::OnThaw(int connector) {
  Life& life = lives_[connector];
  life.has_ended = false;
  // What was read after the sleep seems to have flowed all through it.
  life.drops = 0;
}

void PaceCheck::Fail(int connector, const Life& life, absl::Duration pause, const char* what) {
  if (failures_.size() >= kShown) return;
  failures_.push_back(absl::StrCat("pace: connector ", connector, " came back ", what, ", ",
                                   absl::FormatDuration(pause), " after end ",
                                   static_cast<int>(life.last.end), ", drop ", life.drops, ", ",
                                   life.requests.size(), " requests"));
}

}  // namespace braid
