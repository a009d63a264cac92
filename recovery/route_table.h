// What each way of asking X again can do and costs, per stream: the dialect's
// facts with the contract's numbers from the configuration on top. The planner
// reads nothing else about X.
//
// Pure data; any thread.

#ifndef BRAID_RECOVERY_ROUTE_TABLE_H_
#define BRAID_RECOVERY_ROUTE_TABLE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "braid/config/v1/config.pb.h"
#include "braid/v1/recovery.pb.h"
#include "ingest/x_dialect.h"

namespace braid {

using RecoveryMethod = v1::RecoveryJob::Method;

// One route, of the contract.
struct RouteLimits {
  RecoveryMethod method = v1::RecoveryJob::METHOD_UNSPECIFIED;
  bool off = false;
  // How far back, and how old the data must be.
  absl::Duration window;
  absl::Duration min_age;
  // At a time; 0: not counted.
  int jobs = 0;
  // Per request_window; 0: not counted.
  int requests = 0;
  absl::Duration request_window;
  // 0: not known.
  int posts_per_second = 0;
  // X takes whole seconds or whole minutes.
  absl::Duration granularity;
  // Of a page; 0: a stream, one request per step.
  int posts_per_request = 0;
};

struct RecoveryPolicy {
  // In the order in which they are tried, cheapest first; only those that the
  // dialect has.
  std::vector<RouteLimits> routes;
  bool automatic = true;
  // 0: no limit.
  uint64_t posts_per_day = 0;
  uint64_t posts_per_job = 0;
  // Of posts_per_day, for people's jobs only.
  int reserve_percent = 10;
  // Connections end up to a stall (25 s) and a usual lateness after what they last
  // vouched for; 30 s after the end live events are in order again.
  absl::Duration pad_before = absl::Seconds(60);
  absl::Duration pad_after = absl::Seconds(30);
  // X recommends 1 h to 2 h (X-API 1.13); what fails is asked again as a whole.
  absl::Duration step_max = absl::Hours(1);
  bool same_day = true;
  // The same answer twice, so far apart, is proof.
  absl::Duration repeat_after = absl::Minutes(10);
  // Of filtered streams: sample:, bio:, ...
  bool search_misses_operators = false;
  bool bills_per_day = false;
};

// Those of the dialect in the order in which they are tried, with X's own numbers.
std::vector<RouteLimits> RoutesOf(const Dialect& dialect);

struct PolicyProblem {
  // "recovery.routes[1].window"
  std::string key;
  // What is wrong, and the remedy.
  std::string text;
};

// Nothing where `problems` has become longer.
absl::optional<RecoveryPolicy> PolicyOf(const config::v1::RecoveryConfig& config,
                                        std::vector<PolicyProblem>* problems);
// InvalidArgument names each key that is wrong, and the remedy.
absl::StatusOr<RecoveryPolicy> PolicyOf(const config::v1::RecoveryConfig& config);

// nullptr where the dialect does not have it.
const RouteLimits* FindRoute(const RecoveryPolicy& policy, RecoveryMethod method);

// Nobody asks: the spool of a connector that is away, backfill as one reconnects.
bool IsPassive(RecoveryMethod method);

// Those by which X can be asked for a range.
std::vector<const RouteLimits*> RangeRoutes(const RecoveryPolicy& policy);

// "recovery", as in the configuration and on the command line.
std::string MethodWord(RecoveryMethod method);

}  // namespace braid

#endif  // BRAID_RECOVERY_ROUTE_TABLE_H_
