// Bodies of rule requests, v2 and PowerTrack, as values.
//
// Pure. Threads: any.

#ifndef BRAID_TESTS_EMULATOR_RULE_REQUEST_H_
#define BRAID_TESTS_EMULATOR_RULE_REQUEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace braid::emulator {

struct RuleToAdd {
  std::string value;
  std::string tag;
  bool has_tag = false;
};

struct RuleRequest {
  std::vector<RuleToAdd> add;       // "add" of v2, "rules" of PowerTrack
  std::vector<std::string> ids;     // "delete.ids", "rule_ids"
  std::vector<std::string> values;  // "delete.values"
  bool has_add = false, has_delete = false;
};

// Nothing: no JSON, or not of the family's shape.
std::optional<RuleRequest> ReadV2Rules(absl::string_view body);
std::optional<RuleRequest> ReadPowerTrackRules(absl::string_view body);

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_RULE_REQUEST_H_
