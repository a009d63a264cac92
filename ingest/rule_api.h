// Where the rules of a stream are, from the configuration of its source.
//
// Pure. Threads: any.

#ifndef BRAID_INGEST_RULE_API_H_
#define BRAID_INGEST_RULE_API_H_

#include <string>

#include "absl/types/optional.h"
#include "braid/config/v1/config.pb.h"
#include "ingest/x_rules.h"

namespace braid {

// Without authorization and user agent. Nothing where the stream has no rules,
// or nobody can tell from its URL where they are: then source.rules_url does.
absl::optional<RuleApi> RuleApiOf(const config::v1::SourceConfig& source);

RuleApiLimits RuleLimitsOf(const config::v1::SourceConfig& source, RuleDialect dialect);

}  // namespace braid

#endif  // BRAID_INGEST_RULE_API_H_
