#include "cli/rules_text.h"

#include <algorithm>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/text.h"
#include "proto/enum_word.h"

namespace braid {
namespace {

using v1::RuleOutcome;

// Longer rules are in the JSON.
constexpr int kValueWidth = 100;

std::string ValueText(const v1::Rule& rule) {
  return Truncate(EscapeForTerminal(rule.value()), kValueWidth);
}

}  // namespace

std::string RuleProgressLine(const v1::RuleTask& task) {
  if (task.state() == v1::RuleTask::STATE_QUEUED) {
    return task.attempts() == 0 ? "waits for a worker" : "waits for another worker";
  }
  std::string text = absl::StrCat(EscapeForTerminal(task.worker_id()), ": ", task.progress().done(),
                                  " of ", task.progress().total(), " requests to X");
  if (!task.progress().message().empty()) {
    absl::StrAppend(&text, ", ", EscapeForTerminal(task.progress().message()));
  }
  return text;
}

std::string RenderRules(const v1::RuleResult& result, int width) {
  std::vector<std::vector<std::string>> rows = {{"ID", "TAG", "VALUE"}};
  for (const v1::Rule& rule : result.rules()) {
    rows.push_back({EscapeForTerminal(rule.id()), EscapeForTerminal(rule.tag()), ValueText(rule)});
  }
  std::string text = FoldedTableText(std::move(rows), "", width, {"VALUE", "TAG"});
  if (result.omitted_rules() > 0) {
    absl::StrAppend(&text, "… and ", GroupDigits(result.omitted_rules()), " more\n");
  }
  return text;
}

std::string RenderRuleOutcomes(const v1::RuleResult& result) {
  std::string text;
  std::map<std::string, int> counts;
  if (result.unchanged_rules() > 0) {
    counts["unchanged"] += static_cast<int>(result.unchanged_rules());
  }
  for (const RuleOutcome& outcome : result.outcomes()) {
    std::string word = EnumWords(RuleOutcome::State_Name(outcome.state()), "STATE_");
    ++counts[word];
    absl::StrAppend(&text, word, "  ", ValueText(outcome.rule()));
    if (!outcome.rule().tag().empty()) {
      absl::StrAppend(&text, "  [", EscapeForTerminal(outcome.rule().tag()), "]");
    }
    if (!outcome.message().empty()) {
      absl::StrAppend(&text, ": ", EscapeForTerminal(outcome.message()));
    }
    absl::StrAppend(&text, "\n");
  }
  std::vector<std::string> sums;
  for (const auto& [word, count] : counts) sums.push_back(absl::StrCat(count, " ", word));
  absl::StrAppend(&text, sums.empty() ? "nothing to do" : absl::StrJoin(sums, ", "));
  if (result.has_rule_set()) {
    absl::StrAppend(&text, "; the stream has ", GroupDigits(result.rule_set().count()), " rules");
  }
  return text + "\n";
}

int UnsuccessfulRules(const v1::RuleResult& result) {
  return static_cast<int>(std::count_if(result.outcomes().begin(), result.outcomes().end(),
                                        [](const RuleOutcome& outcome) {
                                          return outcome.state() == RuleOutcome::STATE_REFUSED ||
                                                 outcome.state() == RuleOutcome::STATE_NOT_DONE;
                                        }));
}

}  // namespace braid
