#include "base/interval_set.h"

#include <algorithm>
#include <iterator>

namespace braid {

IntervalSet::Map::const_iterator IntervalSet::FirstReaching(int64_t value) const {
  auto it = until_.upper_bound(value);
  if (it == until_.begin()) return it;
  auto before = std::prev(it);
  return before->second >= value ? before : it;
}

void IntervalSet::Add(Interval interval) {
  if (interval.empty()) return;
  auto it = FirstReaching(interval.from);
  while (it != until_.end() && it->first <= interval.until) {
    interval.from = std::min(interval.from, it->first);
    interval.until = std::max(interval.until, it->second);
    it = until_.erase(it);
  }
  until_[interval.from] = interval.until;
}

void IntervalSet::Add(const IntervalSet& other) {
  for (const auto& [from, until] : other.until_) Add({from, until});
}

void IntervalSet::Subtract(Interval interval) {
  if (interval.empty()) return;
  auto it = FirstReaching(interval.from);
  while (it != until_.end() && it->first < interval.until) {
    Interval old{it->first, it->second};
    it = until_.erase(it);
    if (old.from < interval.from) until_[old.from] = std::min(old.until, interval.from);
    if (interval.until < old.until) until_[std::max(old.from, interval.until)] = old.until;
  }
}

bool IntervalSet::Contains(int64_t value) const { return ReachFrom(value) > value; }

bool IntervalSet::Covers(Interval interval) const {
  return interval.empty() || ReachFrom(interval.from) >= interval.until;
}

int64_t IntervalSet::ReachFrom(int64_t value) const {
  auto it = until_.upper_bound(value);
  if (it == until_.begin()) return value;
  return std::max(value, std::prev(it)->second);
}

int64_t IntervalSet::Measure(Interval interval) const {
  int64_t sum = 0;
  for (const Interval& part : Within(interval)) sum += part.until - part.from;
  return sum;
}

std::vector<Interval> IntervalSet::Intervals() const {
  std::vector<Interval> all;
  for (const auto& [from, until] : until_) all.push_back({from, until});
  return all;
}

std::vector<Interval> IntervalSet::Within(Interval interval) const {
  std::vector<Interval> parts;
  for (auto it = FirstReaching(interval.from); it != until_.end() && it->first < interval.until;
       ++it) {
    Interval part{std::max(it->first, interval.from), std::min(it->second, interval.until)};
    if (!part.empty()) parts.push_back(part);
  }
  return parts;
}

std::vector<Interval> IntervalSet::Missing(Interval interval) const {
  std::vector<Interval> parts;
  int64_t at = interval.from;
  for (const Interval& part : Within(interval)) {
    if (at < part.from) parts.push_back({at, part.from});
    at = part.until;
  }
  if (at < interval.until) parts.push_back({at, interval.until});
  return parts;
}

std::vector<Interval> IntervalSet::Near(Interval interval) const {
  std::vector<Interval> near;
  for (auto it = FirstReaching(interval.from); it != until_.end() && it->first <= interval.until;
       ++it) {
    near.push_back({it->first, it->second});
  }
  return near;
}

void IntervalSet::ForgetBefore(int64_t value) {
  auto it = until_.begin();
  while (it != until_.end() && it->second <= value) it = until_.erase(it);
}

}  // namespace braid
