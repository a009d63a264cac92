#include "base/config_report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace braid {

bool ConfigReport::IsReported(const std::string& path) const {
  if (!source_.Has(path)) return false;
  const std::string where = source_.Where(path);
  return std::any_of(problems_.begin(), problems_.end(),
                     [&](const ConfigProblem& problem) { return problem.where == where; });
}

void ConfigReport::Error(const std::string& path, absl::string_view text) {
  problems_.push_back(
      {ConfigProblem::Severity::kError, source_.Where(path), absl::StrCat(path, ": ", text)});
}

void ConfigReport::Warn(const std::string& path, absl::string_view text) {
  problems_.push_back(
      {ConfigProblem::Severity::kWarning, source_.Where(path), absl::StrCat(path, ": ", text)});
}

void ConfigReport::Missing(const std::string& path, absl::string_view remedy) {
  if (!source_.Has(path)) {
    Error(path, absl::StrCat("is missing; ", remedy));
  } else if (!IsReported(path)) {
    Error(path, absl::StrCat("is empty; ", remedy));
  }
}

void ConfigReport::Choice(const std::string& path, std::string* value,
                          absl::string_view value_if_unset,
                          const std::vector<std::string>& choices) {
  if (value->empty() && IsReported(path)) return;
  if (value->empty()) *value = std::string(value_if_unset);
  if (std::find(choices.begin(), choices.end(), *value) != choices.end()) return;
  Error(path, absl::StrCat("\"", *value, "\" is not one of ", absl::StrJoin(choices, ", ")));
}

uint64_t ConfigReport::Ranged(const std::string& path, uint64_t value, const ConfigRange& range) {
  if (value == 0 && !source_.Has(path)) return range.value_if_unset;
  if (value >= range.min && value <= range.max) return value;
  // The loader leaves 0 where it could not read a value.
  if (value != 0 || !IsReported(path)) {
    Error(path, absl::StrCat("is out of range; use ", range.text));
  }
  return range.value_if_unset;
}

}  // namespace braid
