#include "ingest/reconnect_watch.h"

#include <algorithm>

namespace braid {

absl::string_view ReconnectAlertWord(ReconnectAlert alert) {
  return alert == ReconnectAlert::kRepeats ? "reconnects_repeat" : "backoff_ceiling";
}

std::vector<ReconnectWatch::Change> ReconnectWatch::OnEnd(absl::Time now, bool at_ceiling) {
  accept_time_ = absl::InfiniteFuture();
  ends_.push_back(now);
  if (ends_.size() > static_cast<size_t>(options_.ends_max)) ends_.pop_front();
  for (Episode& episode : episodes_) episode.ends += episode.lasts ? 1 : 0;
  std::vector<Change> changes;
  bool repeats = ends_.size() == static_cast<size_t>(options_.ends_max) &&
                 now - ends_.front() <= options_.span;
  if (repeats) Begin(ReconnectAlert::kRepeats, &changes);
  if (at_ceiling) Begin(ReconnectAlert::kCeiling, &changes);
  return changes;
}

void ReconnectWatch::Begin(ReconnectAlert alert, std::vector<Change>* changes) {
  Episode& episode = episodes_[static_cast<int>(alert)];
  if (episode.lasts) return;
  episode = {true, ends_.size()};
  changes->push_back({alert, true, episode.ends});
}

std::vector<ReconnectWatch::Change> ReconnectWatch::OnTime(absl::Time now) {
  std::vector<Change> changes;
  if (now - accept_time_ < options_.hold) return changes;
  for (int i = 0; i < kReconnectAlertCount; ++i) {
    if (!episodes_[i].lasts) continue;
    changes.push_back({static_cast<ReconnectAlert>(i), false, episodes_[i].ends});
    episodes_[i] = Episode();
  }
  return changes;
}

absl::Duration ReconnectWatch::HoldLeft(absl::Time now) const {
  bool lasts = std::any_of(episodes_.begin(), episodes_.end(),
                           [](const Episode& episode) { return episode.lasts; });
  if (!lasts || accept_time_ == absl::InfiniteFuture()) return absl::InfiniteDuration();
  return std::max(absl::ZeroDuration(), accept_time_ + options_.hold - now);
}

}  // namespace braid
