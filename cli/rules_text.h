// What `braid rules` prints for people: pure functions of the task. What came
// from X or a file is escaped.

#ifndef BRAID_CLI_RULES_TEXT_H_
#define BRAID_CLI_RULES_TEXT_H_

#include <string>

#include "braid/v1/rule_service.pb.h"

namespace braid {

// One line while it runs: "queued: no worker has it yet".
std::string RuleProgressLine(const v1::RuleTask& task);

// Id, tag, value of each. `width`: columns there are, 0: any.
std::string RenderRules(const v1::RuleResult& result, int width);

// What became of each rule, then the sum.
std::string RenderRuleOutcomes(const v1::RuleResult& result);

// Rules that X refused or that were left.
int UnsuccessfulRules(const v1::RuleResult& result);

}  // namespace braid

#endif  // BRAID_CLI_RULES_TEXT_H_
