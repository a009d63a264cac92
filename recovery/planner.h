// How what is missing is fetched again: facts and a range in, steps out, or "not
// yet", or "lost", each with its reason. The cheapest route that still works
// takes what it can; what it can not reach goes to the next one.
//
// Pure and deterministic: no clock, no randomness; any thread. The merger's core
// asks at its ticks and stores what comes back.
//
// Bounds: 200 steps, none longer than the policy's step_max. A step's earliest
// start heeds the age that X's data must have, what X said, and the requests per
// window. It does not heed how many X runs at a time, since nobody knows how
// fast X is: who starts steps counts those (RouteLimits.jobs).

#ifndef BRAID_RECOVERY_PLANNER_H_
#define BRAID_RECOVERY_PLANNER_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "braid/v1/gap.pb.h"
#include "braid/v1/recovery.pb.h"
#include "recovery/route_table.h"

namespace braid {

// What a reconnect for backfill takes of X's five minutes: to be let go, to connect,
// and the oldest of what comes, which is not vouched for (a slack and a silence).
inline constexpr absl::Duration kReconnectTime = absl::Minutes(1);

struct PlanRequest {
  // What is missing.
  absl::Time from;
  absl::Time until;
  // Nobody receives at present either: it goes on to now. What waits for it to
  // grow is to be asked about again when it no longer does.
  bool growing = false;
  // UNSPECIFIED: a range that somebody asked for.
  v1::Gap::Kind kind = v1::Gap::KIND_UNSPECIFIED;
  bool by_hand = false;
  // Asked for; UNSPECIFIED: whatever works.
  RecoveryMethod method = v1::RecoveryJob::METHOD_UNSPECIFIED;
  // In place of the padding.
  absl::optional<absl::Duration> margin;
  // Posts per second, for estimates; 0: not known.
  double usual_rate = 0;
  // Routes that failed for it.
  std::vector<RecoveryMethod> spent;
  // A connector that is away may still bring it until then.
  absl::Time spool_until = absl::InfinitePast();
  // Known to be missing, with their ids: for lookup.
  std::vector<uint64_t> post_ids;
};

struct PlanFacts {
  absl::Time now;
  // Events created below it could stand twice.
  absl::Time floor = absl::InfinitePast();
  // Received by recovery in this UTC day; estimated of what is planned and runs.
  uint64_t posts_today = 0;
  uint64_t posts_planned = 0;
  struct Use {
    RecoveryMethod method = v1::RecoveryJob::METHOD_UNSPECIFIED;
    int running = 0;
    // Of requests within the route's window.
    std::vector<absl::Time> starts;
    // X said so of this route.
    absl::Time not_before = absl::InfinitePast();
  };
  std::vector<Use> use;
  // Being fetched or planned already, of the same partition.
  std::vector<std::pair<absl::Time, absl::Time>> under_way;
  // Two connections receive and vouch for the present: one may reconnect for
  // backfill.
  bool may_reconnect = false;
  // X said so of the account (credentials, usage cap).
  absl::Time not_before = absl::InfinitePast();
};

struct RecoveryPlan {
  enum class Outcome {
    kSteps,
    kWait,     // until wait_until, then ask again
    kLost,     // no route is left
    kNothing,  // all under way, or nothing that starts by itself
    kRefused   // by hand: reason names the bound and the routes that would work
  };
  Outcome outcome = Outcome::kNothing;
  std::string reason;
  // Whenever `waiting` is not empty.
  absl::Time wait_until = absl::InfiniteFuture();
  // Soonest deadline first, then the longer one.
  std::vector<v1::RecoveryJob::Step> steps;
  // One per route of the policy, in its order.
  std::vector<v1::RecoveryJob::Choice> choices;
  absl::Time estimated_end = absl::InfinitePast();
  std::string residual_risk;
  // With the ranges of the steps and what is under way these are the range that
  // was asked about, to now where it grows: out of every route's reach, and what
  // a later plan is to fetch (too young, quota).
  std::vector<std::pair<absl::Time, absl::Time>> lost;
  std::vector<std::pair<absl::Time, absl::Time>> waiting;
};

RecoveryPlan PlanRecovery(const RecoveryPolicy& policy, const PlanFacts& facts,
                          const PlanRequest& request);

// Requests of one partition whose padded ranges touch become one, so that X is
// asked once; soonest expiry first, then the longer one. Those that differ in
// what may be done for them stay apart.
std::vector<PlanRequest> MergeNeighbours(const RecoveryPolicy& policy,
                                         std::vector<PlanRequest> requests);

}  // namespace braid

#endif  // BRAID_RECOVERY_PLANNER_H_
