// A scenario of the simulator: a world, what is done to it at given times, and
// what a deduper is to say about it in the end. Written for people:
//
//   # One of two connections is down: the other one covers.
//   world: {rate: 10, minutes: 15}
//   steps:
//     - {at: 300, do: "/down?connection=0&for=300"}
//   expect:
//     gaps: []
//     notices:
//       - {type: REDUNDANCY_LOST, from: 300, until: 330}
//
// All times are seconds since X's first instant, of creation or of telling.
// Steps are those of tests/sim/script.h. After `minutes` the world goes on for
// nine more, so that everything that can come back does.
//
// world: connections (2), dedupers (1), rate (10: posts a second), minutes,
//   late_share (0.02) and late_max (8), backfill (none | ignored | older-first
//   | among-live | newest-only: what X makes of the wish for five minutes),
//   hold_max (seconds for which a gap holds readers), limit_posts (of a UTC
//   day; then the stream pauses), begins ("23:30", of the day), spool_kb.
// expect:
//   gaps: all of the first deduper, in the order of time, those that went on as
//     another one left out. Each: kind, from, until, within (10: how far each
//     end may be off), state; where it matters: told (not later), route,
//     passed (by readers), rule_set. Or gaps_max: so many at most.
//   notices: each once or more; never: none of these types.
//   silent: posts that are missing without a word (0); late_min: so many
//     events that readers in creation order got late.
//
// Threads: any. Bounds: the file.

#ifndef BRAID_TESTS_SIM_SCENARIO_H_
#define BRAID_TESTS_SIM_SCENARIO_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "tests/sim/world.h"

namespace braid {

struct Scenario {
  struct ExpectedGap {
    v1::Gap::Kind kind = v1::Gap::KIND_UNSPECIFIED;
    v1::Gap::State state = v1::Gap::STATE_UNSPECIFIED;
    // Since X's first instant.
    absl::Duration from;
    absl::Duration until;
    absl::Duration within = absl::Seconds(10);
    absl::optional<absl::Duration> told;
    absl::optional<std::string> route;
    absl::optional<bool> passed;
    absl::optional<uint64_t> rule_set;
  };
  struct ExpectedNotice {
    v1::StreamNotice::Type type = v1::StreamNotice::TYPE_UNSPECIFIED;
    absl::Duration from;
    absl::Duration until;
  };

  WorldOptions world;
  std::vector<ExpectedGap> gaps;
  // Instead of them.
  absl::optional<uint64_t> gaps_max;
  std::vector<ExpectedNotice> notices;
  std::vector<v1::StreamNotice::Type> never;
  uint64_t silent = 0;
  uint64_t late_min = 0;
};

absl::StatusOr<Scenario> ParseScenario(const std::string& text);

// What is not as expected, and what is there instead.
std::vector<std::string> CompareScenario(const Scenario& scenario, const WorldReport& report);

// The gaps and notices of a run, for people.
std::string TellRun(const WorldReport& report);

}  // namespace braid

#endif  // BRAID_TESTS_SIM_SCENARIO_H_
