// The demo with an emulated X: two connectors, a deduper and a recoverer; one
// connection cut every 15 s, both for a while now and then, and the log compared
// with the truth in the end. A process that is killed is started again; one that
// fails ends the demo.
//
// Threads: the calling one; children die with it.

#ifndef BRAID_DEPLOY_DEMO_RUN_H_
#define BRAID_DEPLOY_DEMO_RUN_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace braid::demo {

struct DemoOptions {
  // Infinite: until SIGINT or SIGTERM.
  absl::Duration length = absl::InfiniteDuration();
  absl::Duration cut_interval = absl::Seconds(15);
  // After so long a cut comes more rarely: X's budget of connects is one a minute for
  // each connection in the long run, and back-off starts anew only after a minute of
  // data.
  absl::Duration busy = absl::Minutes(3);
  absl::Duration calm_cut_interval = absl::Seconds(75);
  // Both connections go at once, for long enough to be seen.
  absl::Duration outage_interval = absl::Minutes(2);
  absl::Duration first_outage = absl::Seconds(20);
  absl::Duration outage = absl::Seconds(6);
  // Lively, and nothing to a small machine.
  double rate = 2000;
  bool is_terminal = false;
};

struct DemoSummary {
  uint64_t sent = 0;
  uint64_t merged = 0;
  uint64_t lost = 0;
  uint64_t duplicates = 0;
  uint64_t cuts = 0;
  uint64_t reconnects = 0;
  uint64_t gaps_opened = 0;
  uint64_t gaps_recovered = 0;
  // Posts that no connection had brought.
  uint64_t recovered_events = 0;
  // Processes that were killed or let go, and started again.
  int restarts = 0;
  // Those that ended in another way.
  std::vector<std::string> process_faults;
  // What else is wrong: events that were never sent, sequences with holes.
  uint64_t other_faults = 0;

  bool ok() const {
    return lost == 0 && duplicates == 0 && gaps_opened == gaps_recovered && other_faults == 0 && process_faults.empty();
  }
  std::string ToJson() const;
};

// REQUIRES: SIGINT and SIGTERM are blocked in this thread.
[[nodiscard]] absl::StatusOr<DemoSummary> RunDemo(const DemoOptions& options);

}  // namespace braid::demo

#endif  // BRAID_DEPLOY_DEMO_RUN_H_
