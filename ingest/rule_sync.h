// From the rules that X has to those a file wants: which requests, in which
// order, so that no post is missed that an unchanged rule would have matched.
//
// A rule is its value; X keeps each value once and can not change a tag in
// place. So first what is new is added as far as there is room, then what is
// not wanted any more is removed, then the rest is added. A rule that only gets
// another tag has to go before it can come back: these come last, each removal
// followed at once by its addition, and are warned about.
//
// Pure. Threads: any. Bounds: the limits; a plan has at most two steps per
// batch.

#ifndef BRAID_INGEST_RULE_SYNC_H_
#define BRAID_INGEST_RULE_SYNC_H_

#include <string>
#include <vector>

#include "ingest/x_rules.h"

namespace braid {

struct RuleStep {
  enum class Kind { kAdd, kRemove };
  Kind kind = Kind::kAdd;
  std::vector<XRule> rules;  // one request's worth
};

struct RulePlan {
  std::vector<RuleStep> steps;
  // Why there are no steps although something is to be done.
  std::vector<std::string> errors;
  std::vector<std::string> warnings;
  size_t unchanged_count = 0;

  bool IsEmpty() const { return steps.empty() && errors.empty(); }
};

// `wanted` rules have no ids, `present` all have. A wanted list that breaks the
// limits is refused as a whole, and so is an empty one, unless
// `may_remove_all`: a stream without rules is closed by X.
RulePlan PlanRules(const std::vector<XRule>& wanted, const std::vector<XRule>& present,
                   const RuleApiLimits& limits, bool may_remove_all);

}  // namespace braid

#endif  // BRAID_INGEST_RULE_SYNC_H_
