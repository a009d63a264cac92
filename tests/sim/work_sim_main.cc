// Runs the worlds of workers: `work_sim --seeds N`. Exit 1 at the first failure,
// which is shown with its seed.

#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/log.h"
#include "tests/sim/work_world.h"

int main(int argc, char** argv) {
  uint64_t seeds = 200, first = 1;
  CLI::App app("Simulates workers, dedupers and X's rules.");
  app.add_option("--seeds", seeds);
  app.add_option("--first", first);
  CLI11_PARSE(app, argc, argv);
  braid::LogOptions quiet;
  quiet.level = braid::LogLevel::kError;
  braid::InitLog(quiet);
  braid::WorkRun sum;
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    braid::WorkRun run = braid::WorkWorld(seed).Run();
    for (const std::string& failure : run.failures) {
      std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), failure.c_str());
    }
    if (!run.failures.empty()) return 1;
    sum.tasks_done += run.tasks_done;
    sum.tasks_failed += run.tasks_failed;
    sum.writes += run.writes;
    sum.leases += run.leases;
    sum.stale_words += run.stale_words;
    sum.limits += run.limits;
  }
  std::printf(
      "%llu seeds: %llu tasks done, %llu failed, %llu writes, %llu leases, %llu stale words, "
      "%llu limits\n",
      static_cast<unsigned long long>(seeds), static_cast<unsigned long long>(sum.tasks_done),
      static_cast<unsigned long long>(sum.tasks_failed),
      static_cast<unsigned long long>(sum.writes), static_cast<unsigned long long>(sum.leases),
      static_cast<unsigned long long>(sum.stale_words),
      static_cast<unsigned long long>(sum.limits));
  // A simulation in which nothing goes wrong checks nothing.
  bool is_rich = sum.stale_words > 0 && sum.limits > 0 && sum.leases > sum.tasks_done;
  if (seeds >= 20 && !is_rich) std::printf("too little went wrong\n");
  return seeds >= 20 && !is_rich ? 1 : 0;
}
