// A world for connections that miss events: posts of a steady rate on a few
// connections, of which some leave out posts by turns, in bursts, of one rule
// tag or for good. No connectors, no network and no log: the inputs of GapWatch
// are made here, so that a day at a high rate passes in seconds.

#ifndef BRAID_TESTS_SIM_LEAK_WORLD_H_
#define BRAID_TESTS_SIM_LEAK_WORLD_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace braid {

struct LeakScenario {
  struct Omission {
    int connection = 0;
    // Of its posts, independently of other connections.
    double share = 0;
    // Since the start; bursts of `burst` every `period`, where that is given.
    absl::Duration from;
    absl::Duration until = absl::InfiniteDuration();
    absl::Duration burst;
    absl::Duration period;
    // -1: all posts.
    int tag = -1;
  };
  struct Down {
    int connection = 0;
    absl::Duration from;
    absl::Duration until;
  };

  std::string name;
  double rate = 1;
  absl::Duration length = absl::Hours(1);
  int connections = 2;
  int tags = 4;
  // Of the posts X sends this share later than the slack, to all at once.
  double late_share = 0;
  std::vector<Omission> omissions;
  std::vector<Down> downs;
};

struct LeakResult {
  uint64_t posts = 0;
  // Created while some connection vouched, and brought by none; and of these,
  // those that no gap holds.
  uint64_t lost = 0;
  uint64_t unreported = 0;
  uint64_t gaps = 0;
  // Of one-sided gaps: those in which nothing is lost, and those whose interval
  // holds the number that is.
  uint64_t false_gaps = 0;
  uint64_t fitting_gaps = 0;
  absl::Duration reported;
  // Of all of them together, by their 90 % intervals.
  double estimate_low = 0;
  double estimate_high = 0;
  double hours = 0;
  // From the first omission to the first word of a leak, and of a gap, less
  // what the posts took to settle; infinite where there was none.
  absl::Duration leak_delay = absl::InfiniteDuration();
  absl::Duration gap_delay = absl::InfiniteDuration();
  // How far behind the present readers in creation order were at most, while no
  // gap was open.
  absl::Duration lag_max;
};

LeakResult RunLeakWorld(const LeakScenario& scenario, uint64_t seed);

// Ten minutes in which each of two or three connections misses a share of its
// own, independently: what the estimate is for. The seed draws the rest.
LeakScenario IndependentLosses(uint64_t seed);
// Whether the estimate's interval holds the number of posts that are lost.
bool EstimateFits(const LeakResult& result);

// What the table shows.
std::vector<LeakScenario> LeakScenarios();

}  // namespace braid

#endif  // BRAID_TESTS_SIM_LEAK_WORLD_H_
