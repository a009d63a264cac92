// /2/tweets/search/stream/rules and …/rules/counts.
//
// Threads: the emulator's loop. Owner: RestApi. Bounds: the rule set's limits.

#ifndef BRAID_TESTS_EMULATOR_REST_RULES_V2_H_
#define BRAID_TESTS_EMULATOR_REST_RULES_V2_H_

#include "tests/emulator/http_text.h"
#include "tests/emulator/route_table.h"
#include "tests/emulator/rule_request.h"
#include "tests/emulator/rule_set.h"

namespace braid::emulator {

class RestRulesV2 {
 public:
  // `rules` outlives it. With `is_batch_atomic` one invalid rule keeps the others
  // of its request out too, as on PowerTrack; X does not say which it is.
  explicit RestRulesV2(RuleSet* rules, bool is_batch_atomic = false)
      : rules_(rules), is_batch_atomic_(is_batch_atomic) {}

  HttpAnswer List(const RouteRequest& request);
  HttpAnswer Change(const RouteRequest& request);
  HttpAnswer Counts(const RouteRequest& request);

 private:
  HttpAnswer Add(const RuleRequest& change, bool is_dry_run, absl::Time now);
  HttpAnswer Delete(const RuleRequest& change, bool is_dry_run, absl::Time now);
  HttpAnswer DeleteAll(bool is_dry_run, absl::Time now);

  RuleSet* const rules_;
  const bool is_batch_atomic_;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_REST_RULES_V2_H_
