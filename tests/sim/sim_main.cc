// bazel run -c opt //tests/sim -- --seeds 2000
//
// Runs worlds by seed and prints seeds, events, faults fired, failures and
// seeds per second. A failing seed is printed with what broke; run it alone
// with --first SEED --seeds 1. Exits 1 if any seed failed, or if a kind of
// fault never fired in a run long enough to expect it.

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "CLI/CLI.hpp"
#include "base/log.h"
#include "base/mutex.h"
#include "tests/sim/mutant_hunt.h"
#include "tests/sim/world.h"

namespace braid {
namespace {

struct Totals {
  uint64_t seeds = 0, failed = 0, turns = 0, posts = 0, deliveries = 0, merged = 0, covers = 0,
           losses = 0, excused = 0, freed = 0, grants = 0, backfilled = 0, backfill_covers = 0,
           gaps = 0, gaps_recovered = 0, gap_seconds = 0, gap_posts = 0;
  GapBoundFigures bounds;
  std::array<uint64_t, kFaultCount> fired{};
};

struct Flags {
  uint64_t first = 1;
  uint64_t seeds = 2000;
  // One seed in so many is run twice, to see that it repeats exactly.
  uint64_t repeat_every = 100;
  int jobs = 2;
  bool stop_at_failure = false;
  bool log = false;
  bool mutants = false;
  bool worlds = false;
};

// One row of the table in docs/GAPS.md.
void PrintNamedWorld(const NamedWorld& world, const Flags& flags) {
  uint64_t failed = 0, posts = 0, missing = 0, silent = 0, gaps = 0, recovered = 0, seconds = 0;
  absl::Duration length, lag, lag_max;
  for (uint64_t seed = flags.first; seed < flags.first + flags.seeds; ++seed) {
    WorldReport report = RunNamedWorld(world, seed);
    failed += report.failures.empty() ? 0 : 1;
    for (const std::string& failure : report.failures) {
      std::printf("%s seed %llu: %s\n", world.name, static_cast<unsigned long long>(seed),
                  failure.c_str());
    }
    posts += report.posts;
    missing += report.gap_posts;
    silent += report.silent_posts;
    gaps += report.gaps;
    recovered += report.gaps_recovered;
    seconds += report.gap_seconds;
    length += report.length;
    lag += report.watermark_lag;
    lag_max = std::max(lag_max, report.watermark_lag);
  }
  auto ull = [](uint64_t n) { return static_cast<unsigned long long>(n); };
  double hours = absl::ToDoubleHours(length);
  std::printf("| %s | %s | %llu | %llu | %llu | %llu | %.2f | %.0f | %llu | %.0f / %.0f |\n",
              world.name, world.what, ull(failed), ull(posts), ull(missing), ull(silent),
              static_cast<double>(gaps) / hours, static_cast<double>(seconds) / hours,
              ull(recovered), absl::ToDoubleSeconds(lag) / static_cast<double>(flags.seeds),
              absl::ToDoubleSeconds(lag_max));
  std::fflush(stdout);
}

int PrintNamedWorlds(const Flags& flags) {
  std::printf(
      "| world | what | failed seeds | posts | missing, in gaps | missing silently | gaps/h | "
      "s in gaps/h | recovered | watermark lag, mean / max s |\n"
      "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
  for (const NamedWorld& world : NamedWorlds()) PrintNamedWorld(world, flags);
  return 0;
}

class Runner {
 public:
  explicit Runner(const Flags& flags) : flags_(flags), next_(flags.first) {}

  Totals Run() {
    std::vector<std::thread> threads;
    for (int i = 0; i < flags_.jobs; ++i) threads.emplace_back([this] { Work(); });
    for (std::thread& thread : threads) thread.join();
    MutexLock lock(&mu_);
    return totals_;
  }

 private:
  void Work() {
    while (true) {
      uint64_t seed = next_.fetch_add(1);
      if (seed >= flags_.first + flags_.seeds) return;
      WorldReport report = RunWorld(seed);
      if (seed % flags_.repeat_every == 0 && RunWorld(seed).trace != report.trace) {
        report.failures.push_back("the same seed gave another trace");
      }
      Add(seed, report);
      if (flags_.stop_at_failure && !report.failures.empty()) next_ = flags_.first + flags_.seeds;
    }
  }

  void Add(uint64_t seed, const WorldReport& report) {
    MutexLock lock(&mu_);
    ++totals_.seeds;
    totals_.failed += report.failures.empty() ? 0 : 1;
    totals_.turns += report.turns;
    totals_.posts += report.posts;
    totals_.deliveries += report.deliveries;
    totals_.merged += report.merged;
    totals_.covers += report.covers;
    totals_.losses += report.losses;
    totals_.excused += report.excused;
    totals_.freed += report.freed;
    totals_.grants += report.grants;
    totals_.backfilled += report.backfilled;
    totals_.backfill_covers += report.backfill_covers;
    totals_.gaps += report.gaps;
    totals_.gaps_recovered += report.gaps_recovered;
    totals_.gap_seconds += report.gap_seconds;
    totals_.gap_posts += report.gap_posts;
    totals_.bounds.Add(report.bounds);
    for (int i = 0; i < kFaultCount; ++i) totals_.fired[i] += report.fired[i];
    for (const std::string& failure : report.failures) {
      std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), failure.c_str());
    }
    std::fflush(stdout);
  }

  const Flags flags_;
  std::atomic<uint64_t> next_;
  Mutex mu_;
  Totals totals_ ABSL_GUARDED_BY(mu_);
};

int Print(const Totals& totals, double seconds) {
  auto ull = [](uint64_t n) { return static_cast<unsigned long long>(n); };
  std::printf(
      "seeds %llu  turns %llu  posts %llu  deliveries %llu  merged %llu  covers %llu  "
      "losses %llu  lines inside a recorded loss %llu  slots freed %llu  drains granted %llu  "
      "posts backfilled %llu  covers of backfill %llu  gaps %llu  gaps recovered %llu  "
      "seconds in gaps %llu  posts in gaps %llu\n",
      ull(totals.seeds), ull(totals.turns), ull(totals.posts), ull(totals.deliveries),
      ull(totals.merged), ull(totals.covers), ull(totals.losses), ull(totals.excused),
      ull(totals.freed), ull(totals.grants), ull(totals.backfilled), ull(totals.backfill_covers), ull(totals.gaps),
      ull(totals.gaps_recovered), ull(totals.gap_seconds), ull(totals.gap_posts));
  const GapBoundFigures& bounds = totals.bounds;
  std::printf(
      "gaps told %llu  at most %.1f s after they were known, %.0f s after they began  gaps measured "
      "%llu  beyond the plain bound %llu, by at most %.0f s\n",
      ull(bounds.told), absl::ToDoubleSeconds(bounds.told_after_max),
      absl::ToDoubleSeconds(bounds.noticed_after_max), ull(bounds.measured),
      ull(bounds.beyond_plain), absl::ToDoubleSeconds(bounds.beyond_plain_max));
  std::printf("faults fired:");
  bool silent = false;
  for (int i = 0; i < kFaultCount; ++i) {
    std::printf(" %s %llu", FaultName(static_cast<Fault>(i)), ull(totals.fired[i]));
    // Each fault is known to every second world: 100 worlds without it is a
    // broken injector.
    silent = silent || (totals.seeds >= 100 && totals.fired[i] == 0);
  }
  std::printf("\nfailures %llu  seconds %.1f  seeds/s %.1f\n", ull(totals.failed), seconds,
              static_cast<double>(totals.seeds) / seconds);
  if (silent) std::printf("a kind of fault never fired\n");
  return totals.failed > 0 || silent ? 1 : 0;
}

}  // namespace

int SimMain(int argc, char** argv) {
  Flags flags;
  CLI::App app("Simulated worlds by seed.");
  app.add_option("--first", flags.first, "First seed");
  app.add_option("--seeds", flags.seeds, "How many");
  app.add_option("--jobs", flags.jobs, "Worlds at a time");
  app.add_flag("--stop-at-failure", flags.stop_at_failure, "End at the first failing seed");
  app.add_flag("--mutants", flags.mutants, "Run every planted bug until a seed shows it");
  app.add_flag("--worlds", flags.worlds, "The table of named worlds, so many seeds each");
  app.add_flag("--log", flags.log, "Show the log lines of the simulated processes");
  CLI11_PARSE(app, argc, argv);
  if (flags.mutants) return HuntMutants("tests/mutants", flags.seeds, flags.jobs) == 0 ? 0 : 1;
  InitLog({LogLevel::kInfo, LogOptions::Format::kText, "sim"});
  if (!flags.log && std::freopen("/dev/null", "w", stderr) == nullptr) return 1;
  if (flags.worlds) return PrintNamedWorlds(flags);
  auto start = std::chrono::steady_clock::now();
  Totals totals = Runner(flags).Run();
  std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  return Print(totals, seconds.count());
}

}  // namespace braid

int main(int argc, char** argv) { return braid::SimMain(argc, argv); }
