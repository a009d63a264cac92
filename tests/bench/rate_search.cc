#include "tests/bench/rate_search.h"

#include <algorithm>

namespace braid::bench {

RateSearch::RateSearch(const RateSearchOptions& options)
    : options_(options), next_(options.first) {}

std::optional<double> RateSearch::Next() const {
  if (trials_ >= options_.trials_max || best_ >= options_.rate_max) return std::nullopt;
  if (worst_ > 0 && worst_ - best_ <= options_.precision * worst_) return std::nullopt;
  return next_;
}

void RateSearch::Report(bool held) {
  ++trials_;
  if (held) {
    best_ = std::max(best_, next_);
  } else {
    worst_ = worst_ == 0 ? next_ : std::min(worst_, next_);
  }
  next_ = worst_ == 0 ? std::min(next_ * 1.5, options_.rate_max) : (best_ + worst_) / 2;
}

}  // namespace braid::bench
