// Runs the worlds of recovery: `recovery_sim --first N --seeds K`. Exit 1 at the
// first failure, which is shown with its seed; `--log` shows what happened.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string>

#include "base/log.h"
#include "tests/sim/recovery_world.h"

namespace {

using braid::RecoveryRun;
using Wide = unsigned long long;  // NOLINT: what printf takes.

// Failures of one seed that are shown.
constexpr size_t kShown = 5;

void Add(const RecoveryRun& run, RecoveryRun* sum) {
  sum->kills += run.kills;
  sum->leases += run.leases;
  sum->reconnects += run.reconnects;
  sum->stale_words += run.stale_words;
  sum->settled_in = std::max(sum->settled_in, run.settled_in);
  sum->slack = std::min(sum->slack, run.slack);
  sum->figures.jobs += run.figures.jobs;
  sum->figures.by_hand += run.figures.by_hand;
  sum->figures.succeeded += run.figures.succeeded;
  sum->figures.failed += run.figures.failed;
  sum->figures.cancelled += run.figures.cancelled;
  sum->figures.gaps += run.figures.gaps;
  sum->figures.recovered += run.figures.recovered;
  sum->figures.lost += run.figures.lost;
  sum->figures.left_open += run.figures.left_open;
  sum->x.asked += run.x.asked;
  sum->x.refused += run.x.refused;
  sum->x.broken += run.x.broken;
  sum->x.unproved += run.x.unproved;
  sum->x.completed += run.x.completed;
  sum->x.failed_minutes += run.x.failed_minutes;
  sum->x.lines_lost += run.x.lines_lost;
  sum->x.stopped += run.x.stopped;
  sum->x.forbidden += run.x.forbidden;
}

void Print(Wide seeds, const RecoveryRun& sum) {
  const auto& figures = sum.figures;
  std::printf(
      "%llu seeds: %llu jobs (%llu by hand): %llu succeeded, %llu failed, %llu cancelled; %llu "
      "gaps: "
      "%llu recovered, %llu lost, %llu left open\n",
      seeds, Wide{figures.jobs}, Wide{figures.by_hand}, Wide{figures.succeeded},
      Wide{figures.failed}, Wide{figures.cancelled}, Wide{figures.gaps}, Wide{figures.recovered},
      Wide{figures.lost}, Wide{figures.left_open});
  std::printf(
      "X was asked %llu times: %llu refused (%llu forbidden), %llu broken, %llu clean without "
      "proof, %llu complete, "
      "%llu minutes failed, %llu lines lost, %llu stopped\n",
      Wide{sum.x.asked}, Wide{sum.x.refused}, Wide{sum.x.forbidden}, Wide{sum.x.broken},
      Wide{sum.x.unproved}, Wide{sum.x.completed}, Wide{sum.x.failed_minutes},
      Wide{sum.x.lines_lost}, Wide{sum.x.stopped});
  std::printf(
      "%llu kills, %llu leases, %llu stale words, %llu reconnects for backfill; settled in at "
      "most %s, slack at least %s\n",
      Wide{sum.kills}, Wide{sum.leases}, Wide{sum.stale_words}, Wide{sum.reconnects},
      absl::FormatDuration(sum.settled_in).c_str(), absl::FormatDuration(sum.slack).c_str());
}

// A simulation in which nothing goes wrong checks nothing.
bool IsRich(const RecoveryRun& sum) {
  return sum.stale_words > 0 && sum.kills > 0 && sum.x.refused > 0 && sum.x.broken > 0 &&
         sum.x.unproved > 0 && sum.x.failed_minutes > 0 && sum.x.lines_lost > 0 &&
         sum.x.stopped > 0 && sum.x.forbidden > 0 && sum.reconnects > 0 &&
         sum.figures.recovered > 0 && sum.figures.cancelled > 0;
}

}  // namespace

int main(int argc, char** argv) {
  uint64_t seeds = 200, first = 1;
  bool all = false;
  braid::RecoveryWorld::Options options;
  CLI::App app("Simulates recovery: dedupers, recoverers and X's limits.");
  app.add_option("--seeds", seeds);
  app.add_option("--first", first);
  app.add_flag("--log", options.keep_log, "print what happened in each run");
  app.add_flag("--all", all, "go on after a failure, and count");
  CLI11_PARSE(app, argc, argv);
  braid::LogOptions quiet;
  quiet.level = braid::LogLevel::kError;
  braid::InitLog(quiet);
  RecoveryRun sum;
  sum.slack = absl::InfiniteDuration();
  uint64_t failed = 0;
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    RecoveryRun run = braid::RecoveryWorld(seed, options).Run();
    // Same seed, same run.
    if (seed % 10 == 0 && braid::RecoveryWorld(seed, options).Run().digest != run.digest) {
      run.failures.push_back("the run is another one when it is repeated");
    }
    for (const std::string& line : run.log) std::printf("%s\n", line.c_str());
    for (size_t i = 0; i < std::min(kShown, run.failures.size()); ++i) {
      std::printf("seed %llu: %s\n", Wide{seed}, run.failures[i].c_str());
    }
    failed += run.failures.empty() ? 0 : 1;
    if (!run.failures.empty() && !all) return 1;
    Add(run, &sum);
  }
  Print(seeds, sum);
  if (failed > 0) std::printf("%llu of %llu seeds failed\n", Wide{failed}, Wide{seeds});
  bool is_poor = seeds >= 50 && !IsRich(sum);
  if (is_poor) std::printf("too little went wrong\n");
  return failed > 0 || is_poor ? 1 : 0;
}
