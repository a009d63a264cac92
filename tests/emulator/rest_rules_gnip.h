// The PowerTrack rules API: list, one rule, several, add, delete, validate. One
// object per rule set (live, replay).
//
// X handles writes serially and refuses one that comes while another is under
// way; here a write of n rules takes n times `write_time`, in which the next
// one is refused.
//
// Threads: the emulator's loop. Owner: RestApi. Bounds: a body of 5 MB, the rule
// set's limits.

#ifndef BRAID_TESTS_EMULATOR_REST_RULES_GNIP_H_
#define BRAID_TESTS_EMULATOR_REST_RULES_GNIP_H_

#include "absl/time/time.h"
#include "tests/emulator/http_text.h"
#include "tests/emulator/route_table.h"
#include "tests/emulator/rule_request.h"
#include "tests/emulator/rule_set.h"

namespace braid::emulator {

class RestRulesGnip {
 public:
  // `rules` outlives it.
  RestRulesGnip(RuleSet* rules, absl::Duration write_time)
      : rules_(rules), write_time_(write_time) {}

  HttpAnswer List(const RouteRequest& request);
  // …/rules/{id}.json
  HttpAnswer One(const RouteRequest& request);
  // POST: adds, or what ?_method= says (delete, get).
  HttpAnswer Post(const RouteRequest& request);
  HttpAnswer Validate(const RouteRequest& request);

 private:
  HttpAnswer Add(const RuleRequest& change, absl::Time now);
  HttpAnswer Delete(const RuleRequest& change, absl::Time now);
  HttpAnswer Get(const RuleRequest& change, absl::Time now);

  RuleSet* const rules_;
  const absl::Duration write_time_;
  absl::Duration busy_until_;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_REST_RULES_GNIP_H_
