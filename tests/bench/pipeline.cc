// The benchmark of the whole path: emulator, connectors, deduper and one
// subscriber as processes on this machine.
//
//   bazel run -c opt //tests/bench:pipeline -- --connections 2 --seconds 20 --json
//   bazel run -c opt //tests/bench:pipeline -- --outage 60 --json
//
// First the highest rate that is sustained without growing lag, then latencies
// and costs at 6,000 posts/s. With --outage, how fast what all connections missed
// is fetched again beside live traffic, and what that costs in latency. The last
// line of output is one JSON object.

#include <CLI/CLI.hpp>

#include <cstdio>
#include <string>

#include "tests/bench/pipeline_bench.h"
#include "tests/bench/subscriber.h"

int main(int argc, char** argv) {
  CLI::App app("Braid's whole path on this machine");
  braid::bench::PipelineOptions options;
  double seconds = absl::ToDoubleSeconds(options.measure);
  std::string subscribe;
  std::string counters;
  bool json = false;
  app.add_option("--connections", options.connection_count, "redundant connections to X")
      ->check(CLI::Range(1, 8));
  app.add_option("--seconds", seconds, "length of each final measurement")
      ->check(CLI::Range(2, 3600));
  app.add_option("--post-bytes", options.post_bytes, "mean size of a post");
  app.add_option("--latency-rate", options.latency_rate, "posts per second for the latencies");
  app.add_option("--rate", options.fixed_rate, "measure at this rate instead of searching");
  double outage = 0;
  app.add_option("--outage", outage, "measure recovery after so many seconds without connections")
      ->check(CLI::Range(5, 600));
  app.add_option("--dir", options.dir,
                 "where data is kept while it runs; default: a temporary one");
  app.add_flag("--json", json, "only the JSON object on stdout; progress on stderr");
  app.add_option("--subscribe", subscribe)->group("");
  app.add_option("--counters", counters)->group("");
  CLI11_PARSE(app, argc, argv);
  if (!subscribe.empty()) braid::bench::RunSubscriber({subscribe}, counters);
  options.measure = absl::Seconds(seconds);
  options.outage = absl::Seconds(outage);
  absl::StatusOr<std::string> result =
      outage > 0 ? braid::bench::RunRecovery(options) : braid::bench::RunPipeline(options);
  if (!result.ok()) {
    std::fprintf(stderr, "pipeline: %s\n", result.status().ToString().c_str());
    return 1;
  }
  std::printf("%s\n", result->c_str());
  return 0;
}
