#include "base/config_ranges.h"

#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "base/config_value.h"
#include "gtest/gtest.h"

namespace braid {
namespace {

// As the loader reads it: a number, a size or a duration in milliseconds.
uint64_t ValueOf(absl::string_view text) {
  uint64_t number = 0;
  if (absl::SimpleAtoi(text, &number)) return number;
  if (auto bytes = ParseConfigBytes(text); bytes.ok()) return *bytes;
  auto duration = ParseConfigDuration(text);
  EXPECT_TRUE(duration.ok()) << text;
  return static_cast<uint64_t>(absl::ToInt64Milliseconds(duration.value_or(absl::ZeroDuration())));
}

TEST(ConfigRanges, TextsSayTheBounds) {
  for (const ConfigRange& range : ranges::kAll) {
    if (range.text == "1 or more") continue;
    std::vector<std::string> bounds = absl::StrSplit(range.text, " to ");
    ASSERT_EQ(bounds.size(), 2u) << range.key;
    EXPECT_EQ(ValueOf(bounds[0]), range.min) << range.key;
    EXPECT_EQ(ValueOf(bounds[1]), range.max) << range.key;
  }
}

TEST(ConfigRanges, DocumentsHoldTheSameTable) {
  std::ifstream file("docs/OPERATIONS.md");
  std::vector<std::string> rows;
  bool is_here = false;
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("## ", 0) == 0) is_here = line == "## Settings with bounds";
    if (is_here && line.rfind("| `", 0) == 0) rows.push_back(line);
  }
  ASSERT_EQ(rows.size(), std::size(ranges::kAll));
  for (size_t i = 0; i < rows.size(); ++i) {
    const ConfigRange& range = ranges::kAll[i];
    std::vector<std::string> cells = absl::StrSplit(rows[i], " | ");
    ASSERT_EQ(cells.size(), 3u) << rows[i];
    EXPECT_EQ(cells[0], absl::StrCat("| `", range.key, "`"));
    EXPECT_EQ(cells[1] == "–" ? 0 : ValueOf(cells[1]), range.value_if_unset) << rows[i];
    EXPECT_EQ(cells[2], absl::StrCat(range.text, " |"));
  }
}

}  // namespace
}  // namespace braid
