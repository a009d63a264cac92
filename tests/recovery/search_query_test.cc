#include "recovery/search_query.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace braid {
namespace {

std::vector<XRule> Rules(const std::vector<std::string>& values) {
  std::vector<XRule> rules;
  for (const std::string& value : values) {
    rules.push_back({absl::StrCat(rules.size() + 1), value, absl::StrCat("tag ", value)});
  }
  return rules;
}

std::string Texts(const SearchQueries& queries) {
  return absl::StrJoin(queries.queries, " | ", [](std::string* out, const SearchQuery& query) {
    absl::StrAppend(out, query.text, query.rule ? absl::StrCat(" <", query.rule->id, ">") : "");
  });
}

TEST(SearchQueryTest, OperatorsThatOnlyStreamsHaveAreSeenAndNothingElseIs) {
  struct Row {
    const char* rule;
    const char* name;
  };
  for (const Row& row : {Row{"cat", ""},
                         {"cat sample:10", "sample"},
                         {"SAMPLE:10", "sample"},
                         {"(dog OR -bio:doctor) cat", "bio"},
                         {"cat -bio_name:x", "bio_name"},
                         {"cat bio_location:\"New York\"", "bio_location"},
                         {"\"sample:10\"", ""},
                         {"\"a \\\" sample:10\" cat", ""},
                         {"from:sample url:\"http://a/bio:b\" cat", ""},
                         {"url:http://a/?bio:b cat", ""},
                         {"point_radius:[2.35 48.85 10km] sample:5", "sample"},
                         {"biology: cat", ""},
                         {"sample bio cat", ""},
                         {"\"never closed sample:1", ""},
                         {"a:\"", ""},
                         {"", ""}}) {
    EXPECT_EQ(OperatorWithoutSearch(row.rule), row.name) << row.rule;
  }
}

TEST(SearchQueryTest, FewRulesAreAskedForOneByOne) {
  EXPECT_EQ(Texts(QueriesOf(Rules({"cat", "a OR b"}), {512, 2})), "cat <1> | a OR b <2>");
}

TEST(SearchQueryTest, ManyRulesShareQueriesAsLongAsTheyMayBe) {
  // "(aaa) OR (bbb)" has 14.
  EXPECT_EQ(Texts(QueriesOf(Rules({"aaa", "bbb", "ccc"}), {14, 2})), "(aaa) OR (bbb) | (ccc) <3>");
  EXPECT_EQ(Texts(QueriesOf(Rules({"aaa", "bbb", "ccc"}), {13, 2})),
            "(aaa) <1> | (bbb) <2> | (ccc) <3>");
  EXPECT_EQ(Texts(QueriesOf(Rules({"aaaaaaaaaaaaaa", "b", "c"}), {14, 2})),
            "aaaaaaaaaaaaaa <1> | (b) OR (c)")
      << "alone it needs no parentheses";
}

TEST(SearchQueryTest, WhatCanNotBeAskedForIsNamed) {
  SearchQueries queries =
      QueriesOf(Rules({"cat sample:10", "dog", std::string(20, 'x')}), {14, 25});
  EXPECT_EQ(Texts(queries), "dog <2>");
  EXPECT_EQ(SkippedText(queries.skipped),
            "search can not be asked for 2 rules: \"cat sample:10\" uses sample:, "
            "\"xxxxxxxxxxxxxxxxxxxx\" is longer than 14");
  EXPECT_EQ(SkippedText({}), "");
  EXPECT_EQ(SkippedText(QueriesOf(Rules(std::vector<std::string>(7, "bio:a")), {14, 25}).skipped),
            "search can not be asked for 7 rules: \"bio:a\" uses bio:, \"bio:a\" uses bio:, "
            "\"bio:a\" uses bio:, \"bio:a\" uses bio:, \"bio:a\" uses bio: and 2 more");
}

}  // namespace
}  // namespace braid
