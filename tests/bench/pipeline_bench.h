// The benchmark itself: starts the processes, searches the highest sustained
// rate, measures, and renders the result.
//
// Threads: the calling one; processes die with it.

#ifndef BRAID_TESTS_BENCH_PIPELINE_BENCH_H_
#define BRAID_TESTS_BENCH_PIPELINE_BENCH_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace braid::bench {

struct PipelineOptions {
  int connection_count = 2;
  // Of each of the two final measurements; trials of the search take a third.
  absl::Duration measure = absl::Seconds(20);
  // 2 KB: a post with the usual fields and expansions.
  int post_bytes = 2048;
  // X's usual rate in these days.
  double latency_rate = 6000;
  // 0: search.
  double fixed_rate = 0;
  // Of RunRecovery: how long nobody receives.
  absl::Duration outage;
  std::string dir;
};

// One line of JSON.
[[nodiscard]] absl::StatusOr<std::string> RunPipeline(const PipelineOptions& options);

// Both connections are away for a while; then a recoverer fetches what they
// missed beside live traffic of `latency_rate`: how fast, and what the live posts'
// latency is before and meanwhile. One line of JSON.
[[nodiscard]] absl::StatusOr<std::string> RunRecovery(const PipelineOptions& options);

}  // namespace braid::bench

#endif  // BRAID_TESTS_BENCH_PIPELINE_BENCH_H_
