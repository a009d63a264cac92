#include "tests/emulator/query_syntax.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"

namespace braid::emulator {
namespace {

struct Row {
  const char* query;
  QueryUse use;
  const char* problem;  // a part of it; "" when X takes the query
};

constexpr QueryUse kStream = QueryUse::kStream;
constexpr QueryUse kSearch = QueryUse::kSearch;

TEST(QuerySyntax, EveryQueryIsJudgedAsXJudgesIt) {
  const Row kRows[] = {
      {"cat", kStream, ""},
      {"cat dog", kStream, ""},
      {"(cat OR dog) lang:en -is:retweet", kStream, ""},
      {"\"snow day\" OR #snow OR $TWTR OR @noaa", kStream, ""},
      {"from:twitterdev", kStream, ""},
      {"contains:\"$twtr\"", kStream, ""},
      {"point_radius:[2.35 48.85 10km]", kStream, ""},
      {"🐟 OR fish", kStream, ""},
      {"cat sample:10", kStream, ""},
      {"cat sample:10", kSearch, "Reference to invalid operator 'sample'"},
      {"bio:doctor", kStream, ""},
      {"bio:doctor cat", kSearch, "Reference to invalid operator 'bio'"},
      {"", kStream, "no viable alternative at input '<EOF>' (at position 1)"},
      {"-follow", kStream, "Rules must contain a non-negation term (at position 1)"},
      {"lang:en", kStream, "at least one positive, non-stopword clause"},
      {"is:retweet has:links", kSearch, "at least one positive, non-stopword clause"},
      {"cat OR lang:en", kStream, "at least one positive, non-stopword clause"},
      {"streaming AND lang:en", kStream, "Ambiguous use of and as a keyword"},
      {"cat not dog", kStream, "Ambiguous use of not as a keyword"},
      {"(((\"#quotedhashtag\"", kStream, "mismatched input 'EOF' expecting ')' (at position 20)"},
      {"cat)", kStream, "missing EOF at ')' (at position 4)"},
      {"()", kStream, "no viable alternative at input ')'"},
      {"cat OR", kStream, "no viable alternative at input '<EOF>'"},
      {"from:contains:heart", kStream, "Cannot parse rule at ':' (at position 14)"},
      {"from:", kStream, "no viable alternative at input '<EOF>'"},
      {"\"cat", kStream, "no viable alternative at character '\"'"},
      {"\"\"", kStream, "empty quotes"},
      {"foo:bar", kStream, "Reference to invalid operator 'foo'"},
      {"cat - dog", kStream, "no viable alternative"},
  };
  for (const Row& row : kRows) {
    std::string problem = QueryProblem(row.query, row.use);
    if (row.problem[0] == '\0') {
      EXPECT_EQ(problem, "") << row.query;
    } else {
      EXPECT_TRUE(absl::StrContains(problem, row.problem)) << row.query << ": " << problem;
    }
  }
}

TEST(QuerySyntax, DeepNestingIsRefusedAndNotSuffered) {
  std::string deep = std::string(100000, '(') + "cat" + std::string(100000, ')');
  EXPECT_TRUE(absl::StrContains(QueryProblem(deep, kStream), "nested too deeply"));
  EXPECT_NE(QueryProblem(std::string(100000, '-') + "cat", kStream), "");
}

}  // namespace
}  // namespace braid::emulator
