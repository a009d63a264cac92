#include "tests/emulator/usage_ledger.h"

#include <algorithm>
#include <iterator>

#include "absl/container/flat_hash_set.h"

namespace braid::emulator {

absl::Time UtcMidnight(absl::Time time) {
  return absl::UnixEpoch() + absl::Floor(time - absl::UnixEpoch(), absl::Hours(24));
}

void UsageLedger::Insert(uint64_t from, uint64_t until, Ranges* ranges) {
  auto it = ranges->upper_bound(from);
  if (it != ranges->begin() && std::prev(it)->second >= from) --it;
  while (it != ranges->end() && it->first <= until) {
    from = std::min(from, it->first);
    until = std::max(until, it->second);
    it = ranges->erase(it);
  }
  ranges->emplace(from, until);
}

void UsageLedger::Streamed(uint64_t first, uint64_t count, absl::Time now) {
  if (count == 0) return;
  Insert(first, first + count, &days_[UtcMidnight(now)]);
  if (days_.size() > kUsageDaysMax) days_.erase(days_.begin());
}

void UsageLedger::Returned(uint64_t id, absl::Time now) {
  const Event* post = history_->FindPost(id);
  if (post == nullptr) return;
  // Several events may have appeared in the same microsecond.
  for (uint64_t number = history_->LowerBound(post->time()); number < history_->end(); ++number) {
    if (history_->At(number).id != id) continue;
    return Streamed(number, 1, now);
  }
}

void UsageLedger::SearchRequested(bool is_full_archive, absl::Time now) {
  Requests& requests = requests_[UtcMidnight(now)];
  ++(is_full_archive ? requests.full_archive : requests.recent);
}

std::map<absl::Time, uint64_t> UsageLedger::Days() const {
  std::map<absl::Time, uint64_t> out;
  for (const auto& [day, ranges] : days_) {
    absl::flat_hash_set<uint64_t> ids;
    uint64_t forgotten_count = 0;
    for (auto [from, until] : ranges) {
      uint64_t known_from = std::min(std::max(from, history_->first()), until);
      forgotten_count += known_from - from;
      for (uint64_t number = known_from; number < std::min(until, history_->end()); ++number) {
        ids.insert(history_->At(number).id);
      }
    }
    out[day] = forgotten_count + ids.size();
  }
  return out;
}

}  // namespace braid::emulator
