// Prints what is found of connections that miss events: `leak_sim --seeds N`.
// Lost: posts that no connection brought though one vouched for their time;
// unreported: those of them that no gap holds.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "tests/sim/leak_world.h"

namespace {

std::string Seconds(absl::Duration duration) {
  if (duration == absl::InfiniteDuration()) return "-";
  return std::to_string(absl::ToInt64Seconds(duration));
}

int PrintEstimates(uint64_t first, uint64_t seeds) {
  uint64_t fitting = 0;
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    braid::LeakResult result = braid::RunLeakWorld(braid::IndependentLosses(seed), seed);
    bool fits = braid::EstimateFits(result);
    fitting += fits;
    if (fits) continue;
    std::printf("seed %llu: %llu lost, estimated %.1f to %.1f\n",
                static_cast<unsigned long long>(seed),
                static_cast<unsigned long long>(result.lost), result.estimate_low,
                result.estimate_high);
  }
  double share = static_cast<double>(fitting) / static_cast<double>(seeds);
  std::printf("the interval holds the truth in %llu of %llu runs of independent losses: %.3f\n",
              static_cast<unsigned long long>(fitting), static_cast<unsigned long long>(seeds),
              share);
  return share >= 0.85 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  uint64_t seeds = 3, first = 1;
  std::string only;
  CLI::App app("Simulates connections that miss events and tables what is found.");
  app.add_option("--seeds", seeds);
  app.add_option("--first", first);
  app.add_option("--only", only, "scenarios whose name holds this");
  bool estimates = false;
  app.add_flag("--estimates", estimates, "Runs of independent losses: how often the estimate fits");
  CLI11_PARSE(app, argc, argv);
  if (estimates) return PrintEstimates(first, seeds);
  std::printf(
      "| world | posts | lost | unreported | recall | gaps | false per h | interval fits | "
      "reported min | leak told s | gap told s | lag max s |\n");
  std::printf("|---|---|---|---|---|---|---|---|---|---|---|---|\n");
  for (const braid::LeakScenario& scenario : braid::LeakScenarios()) {
    if (scenario.name.find(only) == std::string::npos) continue;
    braid::LeakResult sum;
    sum.leak_delay = sum.gap_delay = -absl::InfiniteDuration();
    for (uint64_t seed = first; seed < first + seeds; ++seed) {
      braid::LeakResult result = braid::RunLeakWorld(scenario, seed);
      sum.posts += result.posts;
      sum.lost += result.lost;
      sum.unreported += result.unreported;
      sum.gaps += result.gaps;
      sum.false_gaps += result.false_gaps;
      sum.fitting_gaps += result.fitting_gaps;
      sum.reported += result.reported;
      sum.hours += result.hours;
      sum.leak_delay = std::max(sum.leak_delay, result.leak_delay);
      sum.gap_delay = std::max(sum.gap_delay, result.gap_delay);
      sum.lag_max = std::max(sum.lag_max, result.lag_max);
    }
    double recall = sum.lost == 0 ? 1 : 1 - static_cast<double>(sum.unreported) / sum.lost;
    std::printf("| %s | %llu | %llu | %llu | %.3f | %llu | %.2f | %llu | %.1f | %s | %s | %s |\n",
                scenario.name.c_str(), static_cast<unsigned long long>(sum.posts),
                static_cast<unsigned long long>(sum.lost),
                static_cast<unsigned long long>(sum.unreported), recall,
                static_cast<unsigned long long>(sum.gaps), sum.false_gaps / sum.hours,
                static_cast<unsigned long long>(sum.fitting_gaps),
                absl::ToDoubleMinutes(sum.reported), Seconds(sum.leak_delay).c_str(),
                Seconds(sum.gap_delay).c_str(), Seconds(sum.lag_max).c_str());
    std::fflush(stdout);
  }
  return 0;
}
