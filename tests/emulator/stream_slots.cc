#include "tests/emulator/stream_slots.h"

#include <iterator>

namespace braid::emulator {

void StreamSlots::Take(const SlotKey& key, uint32_t stream, bool may_be_cut) {
  held_[stream] = {key, may_be_cut, absl::InfiniteDuration()};
}

void StreamSlots::Release(uint32_t stream, absl::Duration until) {
  auto found = held_.find(stream);
  if (found != held_.end()) found->second.until = until;
}

std::vector<uint32_t> StreamSlots::TakeExpired(absl::Duration now) {
  std::vector<uint32_t> expired;
  for (auto it = held_.begin(); it != held_.end();) {
    if (it->second.until > now) {
      ++it;
      continue;
    }
    expired.push_back(it->first);
    it = held_.erase(it);
  }
  return expired;
}

int StreamSlots::Count(const SlotKey& key) const {
  int count = 0;
  for (const auto& [stream, held] : held_) count += held.key == key ? 1 : 0;
  return count;
}

std::vector<uint32_t> StreamSlots::Overdue(int limit, absl::Duration grace, bool ends_newest,
                                           absl::Duration now) {
  std::map<SlotKey, std::vector<uint32_t>> alive;  // oldest first
  for (const auto& [stream, held] : held_) {
    if (held.may_be_cut && held.until == absl::InfiniteDuration())
      alive[held.key].push_back(stream);
  }
  auto excess_of = [&](const SlotKey& key) {
    auto found = alive.find(key);
    return found == alive.end() ? 0 : static_cast<int>(found->second.size()) - limit;
  };
  for (auto it = over_since_.begin(); it != over_since_.end();) {
    it = excess_of(it->first) > 0 ? std::next(it) : over_since_.erase(it);
  }
  std::vector<uint32_t> overdue;
  for (auto& [key, streams] : alive) {
    int excess = excess_of(key);
    if (excess <= 0) continue;
    absl::Duration since = over_since_.emplace(key, now).first->second;
    if (now - since < grace) continue;
    over_since_.erase(key);
    auto first = ends_newest ? streams.end() - excess : streams.begin();
    overdue.insert(overdue.end(), first, first + excess);
  }
  return overdue;
}

ConnectBudget::State ConnectBudget::Count(const std::string& key, int limit, absl::Duration window,
                                          absl::Time now) {
  State& state = states_[key];
  if (now >= state.reset) state = {limit, 0, now + window};
  state.limit = limit;
  ++state.used;
  return state;
}

}  // namespace braid::emulator
