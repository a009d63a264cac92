#include "base/config_rules.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"

namespace braid {
namespace {

TEST(ConfigRules, ValuesTagsAndPlacesAreRead) {
  ConfigProblems problems;
  std::vector<ConfigRule> rules = ParseRuleFile(
      "rules:\n"
      "  - value: (cat OR dog) lang:en\n"
      "    tag: pets\n"
      "  - value: '#snow \"snow day\"'\n"
      "  - {value: 日本, tag: 7}\n",
      "rules.yaml", &problems);
  EXPECT_EQ(JoinProblems(problems), "");
  ASSERT_EQ(rules.size(), 3u);
  EXPECT_EQ(rules[0].value, "(cat OR dog) lang:en");
  EXPECT_EQ(rules[0].tag, "pets");
  EXPECT_EQ(rules[0].where, "rules.yaml:2:5");
  EXPECT_EQ(rules[1].value, "#snow \"snow day\"");
  EXPECT_EQ(rules[1].tag, "");
  EXPECT_EQ(rules[2].tag, "7");
}

TEST(ConfigRules, AnEmptyListIsNoMistake) {
  ConfigProblems problems;
  EXPECT_TRUE(ParseRuleFile("rules:\n", "f", &problems).empty());
  EXPECT_TRUE(ParseRuleFile("rules: []\n", "f", &problems).empty());
  EXPECT_TRUE(problems.empty());
}

// Harmless: the plan says so.
TEST(ConfigRules, ARuleThatIsListedTwiceIsNoMistake) {
  ConfigProblems problems;
  EXPECT_EQ(ParseRuleFile("rules: [{value: a, tag: x}, {value: a, tag: x}]", "f", &problems).size(),
            2u);
  EXPECT_TRUE(problems.empty());
}

struct Row {
  const char* text;
  const char* problem;  // a part
};

TEST(ConfigRules, ASecondDocumentIsRefused) {
  ConfigProblems problems;
  EXPECT_TRUE(
      ParseRuleFile("rules:\n- {value: a}\n---\nrules:\n- {value: b}\n", "f", &problems).empty());
  ASSERT_EQ(problems.size(), 1);
  EXPECT_EQ(problems[0].ToString(), "f: holds more than one YAML document: remove the \"---\"");
}

TEST(ConfigRules, EveryMistakeIsNamedWithItsPlace) {
  const Row kRows[] = {
      {"", "f: is to be a map"},
      {"- value: a\n", "is to be a map"},
      {"rule:\n  - value: a\n", "the one key \"rules\""},
      {"rules: cat\n", "a list"},
      {"rules:\n  - cat\n", "f:2:5: a rule is to be a map"},
      {"rules:\n  - tag: a\n", "f:2:5: the rule has no value"},
      {"rules:\n  - value: a\n    tga: b\n", "f:3:5: unknown key \"tga\"; known here: value, tag"},
      {"rules:\n  - value: [a]\n", "value is to be text"},
      {"rules:\n  - value: [a\n", "f:3:1: "},
      {"rules:\n  - {value: a, tag: x}\n  - {value: b, tag: x}\n  - {value: a, tag: y}\n",
       "f:4:5: \"a\" has the tag \"y\" here and \"x\" at f:2:5"},
      // A bare # begins a comment: the value is missing.
      {"rules:\n  - value: #snow\n", "value is to be text; put it in quotes"},
  };
  for (const Row& row : kRows) {
    ConfigProblems problems;
    ParseRuleFile(row.text, "f", &problems);
    EXPECT_TRUE(absl::StrContains(JoinProblems(problems), row.problem))
        << row.text << JoinProblems(problems);
  }
}

}  // namespace
}  // namespace braid
