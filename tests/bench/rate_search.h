// Finds the highest rate that a system sustains, by trials: up by half while
// trials hold, then bisection between the last that held and the first that did
// not.
//
// Threads: pure.

#ifndef BRAID_TESTS_BENCH_RATE_SEARCH_H_
#define BRAID_TESTS_BENCH_RATE_SEARCH_H_

#include <optional>

namespace braid::bench {

struct RateSearchOptions {
  double first = 10000;
  double rate_max = 400000;
  // The search ends when the bracket is this narrow: trials repeat within a few
  // percent on a shared machine, so closer would be noise.
  double precision = 0.06;
  int trials_max = 14;
};

class RateSearch final {
 public:
  explicit RateSearch(const RateSearchOptions& options);

  // The next rate to try; nullopt when the search is over.
  std::optional<double> Next() const;

  // How the trial at Next() went.
  void Report(bool held);

  // The highest rate that held; 0 when none did.
  double best() const { return best_; }

 private:
  const RateSearchOptions options_;
  double next_;
  double best_ = 0;
  // The lowest rate that did not hold; 0 when all did.
  double worst_ = 0;
  int trials_ = 0;
};

}  // namespace braid::bench

#endif  // BRAID_TESTS_BENCH_RATE_SEARCH_H_
