// A set of integers as disjoint half-open intervals: the algebra of spans of
// time. Pure; any thread, not thread-safe. Bounds: one node per interval, the
// caller forgets what it does not need.

#ifndef BRAID_BASE_INTERVAL_SET_H_
#define BRAID_BASE_INTERVAL_SET_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace braid {

struct Interval {
  int64_t from = 0;
  // Exclusive.
  int64_t until = 0;

  bool empty() const { return from >= until; }
  bool operator==(const Interval& other) const {
    return from == other.from && until == other.until;
  }
};

// What both have; empty where that is nothing.
inline Interval Intersection(Interval a, Interval b) {
  return {std::max(a.from, b.from), std::min(a.until, b.until)};
}

class IntervalSet {
 public:
  // Intervals that touch are one. An empty one changes nothing.
  void Add(Interval interval);
  void Add(const IntervalSet& other);
  void Subtract(Interval interval);

  bool empty() const { return until_.empty(); }
  size_t size() const { return until_.size(); }
  bool Contains(int64_t value) const;
  // Every value of the interval; true of an empty one.
  bool Covers(Interval interval) const;
  // End of the interval that contains `value`; `value` itself where none does.
  int64_t ReachFrom(int64_t value) const;
  // How many values of the interval are in it.
  int64_t Measure(Interval interval) const;

  // Ascending, never touching one another.
  std::vector<Interval> Intervals() const;
  // The parts of `interval` that are in the set, and those that are not.
  std::vector<Interval> Within(Interval interval) const;
  std::vector<Interval> Missing(Interval interval) const;
  // Intervals that overlap or touch it, whole.
  std::vector<Interval> Near(Interval interval) const;

  // Forgets intervals that end at or below `value`; one that goes on stays
  // whole.
  void ForgetBefore(int64_t value);

 private:
  using Map = std::map<int64_t, int64_t>;
  // First interval that ends at or after `value`.
  Map::const_iterator FirstReaching(int64_t value) const;

  // Start → end.
  Map until_;
};

}  // namespace braid

#endif  // BRAID_BASE_INTERVAL_SET_H_
