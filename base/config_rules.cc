#include "base/config_rules.h"

#include <yaml-cpp/yaml.h>

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/config_documents.h"

namespace braid {
namespace {

class RuleReader {
 public:
  RuleReader(const std::string& file, ConfigProblems* problems)
      : file_(file), problems_(*problems) {}

  std::vector<ConfigRule> Read(const YAML::Node& root) {
    std::vector<ConfigRule> rules;
    if (!root.IsMap() || root.size() != 1 || !root["rules"] || !IsList(root["rules"])) {
      Problem(root.Mark(), "is to be a map with the one key \"rules\", a list");
      return rules;
    }
    for (const YAML::Node& node : root["rules"]) ReadRule(node, &rules);
    return rules;
  }

  void Problem(const YAML::Mark& mark, const std::string& text) {
    problems_.push_back({ConfigProblem::Severity::kError, Where(mark), text});
  }

 private:
  // `rules:` with nothing after it is an empty list.
  static bool IsList(const YAML::Node& node) { return node.IsSequence() || node.IsNull(); }

  std::string Where(const YAML::Mark& mark) const {
    if (mark.is_null()) return file_;  // an empty file
    return absl::StrCat(file_, ":", mark.line + 1, ":", mark.column + 1);
  }

  void ReadRule(const YAML::Node& node, std::vector<ConfigRule>* rules) {
    ConfigRule rule;
    rule.where = Where(node.Mark());
    if (!node.IsMap())
      return Problem(node.Mark(), "a rule is to be a map with \"value\" and \"tag\"");
    for (const auto& entry : node) {
      const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
      std::string* field = key == "value" ? &rule.value : key == "tag" ? &rule.tag : nullptr;
      if (field == nullptr) {
        Problem(entry.first.Mark(),
                absl::StrCat("unknown key \"", key, "\"; known here: value, tag"));
      } else if (!entry.second.IsScalar()) {
        Problem(entry.second.Mark(), absl::StrCat(key, " is to be text; put it in quotes"));
      } else {
        *field = entry.second.Scalar();
      }
    }
    if (rule.value.empty()) return Problem(node.Mark(), "the rule has no value");
    auto [first, is_new] = first_by_value_.emplace(rule.value, rules->size());
    if (!is_new && (*rules)[first->second].tag != rule.tag) {
      const ConfigRule& other = (*rules)[first->second];
      return Problem(node.Mark(),
                     absl::StrCat("\"", rule.value, "\" has the tag \"", rule.tag, "\" here and \"",
                                  other.tag, "\" at ", other.where, ": at X a rule has one tag"));
    }
    rules->push_back(std::move(rule));
  }

  const std::string& file_;
  ConfigProblems& problems_;
  // Places in the list.
  std::map<std::string, size_t> first_by_value_;
};

}  // namespace

std::vector<ConfigRule> ParseRuleFile(const std::string& text, const std::string& file,
                                      ConfigProblems* problems) {
  RuleReader reader(file, problems);
  try {
    // The first alone would have the others' rules removed.
    if (CountYamlDocuments(text) > 1) {
      reader.Problem(YAML::Mark::null_mark(),
                     "holds more than one YAML document: remove the \"---\"");
      return {};
    }
    return reader.Read(YAML::Load(text));
  } catch (const YAML::Exception& error) {
    reader.Problem(error.mark, error.msg);
    return {};
  }
}

}  // namespace braid
