#include "cli/text.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace braid {
namespace {

// Of an 80-column line it leaves most to what is labelled.
constexpr size_t kLabelMax = 20;

// Length of the code point at the start of `text` and its value; 0 where the
// bytes are not UTF-8.
int DecodeOne(absl::string_view text, uint32_t* code) {
  uint8_t first = static_cast<uint8_t>(text[0]);
  int length = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
  if (length == 0 || text.size() < static_cast<size_t>(length)) return 0;
  *code = length == 1 ? first : first & (0x7f >> length);
  for (int i = 1; i < length; ++i) {
    uint8_t next = static_cast<uint8_t>(text[i]);
    if (next >> 6 != 2) return 0;
    *code = (*code << 6) | (next & 0x3f);
  }
  static constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  bool surrogate = *code >= 0xd800 && *code <= 0xdfff;
  return *code < kSmallest[length] || surrogate || *code > 0x10ffff ? 0 : length;
}

bool IsDangerous(uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code <= 0x9f) ||      // C0, DEL, C1
         (code >= 0x202a && code <= 0x202e) ||                 // overrides of direction
         (code >= 0x2066 && code <= 0x2069) ||                 // isolates
         code == 0x200e || code == 0x200f || code == 0x061c ||  // marks of direction
         code == 0x2028 || code == 0x2029 || code == 0xfeff;   // line separators, BOM
}

std::string EscapeOne(uint32_t code) {
  if (code == '\n') return "\\n";
  if (code == '\r') return "\\r";
  if (code == '\t') return "\\t";
  return code < 0x100 ? absl::StrFormat("\\x%02x", code) : absl::StrFormat("\\u%04x", code);
}

int CodePoints(absl::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<uint8_t>(c) & 0xc0) != 0x80;
  }));
}

int LongestLine(absl::string_view text) {
  int longest = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    longest = std::max(longest, CodePoints(line));
  }
  return longest;
}

using Rows = std::vector<std::vector<std::string>>;

absl::string_view HeadOf(absl::string_view cell) {
  absl::ConsumePrefix(&cell, ">");
  return cell;
}

// The column with this head, which is gone then; empty where there is none.
std::vector<std::string> TakeColumn(absl::string_view head, Rows* rows) {
  auto found = std::find_if(rows->front().begin(), rows->front().end(),
                            [head](const std::string& cell) { return HeadOf(cell) == head; });
  if (found == rows->front().end()) return {};
  auto column = found - rows->front().begin();
  std::vector<std::string> cells;
  for (auto& row : *rows) {
    bool has = static_cast<size_t>(column) < row.size();
    cells.push_back(has ? row[static_cast<size_t>(column)] : "");
    if (has) row.erase(row.begin() + column);
  }
  return cells;
}

}  // namespace

std::string EscapeForTerminal(absl::string_view text) {
  std::string result;
  while (!text.empty()) {
    uint32_t code = 0;
    int length = DecodeOne(text, &code);
    if (length == 0) {
      absl::StrAppend(&result, EscapeOne(static_cast<uint8_t>(text[0])));
      text.remove_prefix(1);
      continue;
    }
    if (IsDangerous(code)) {
      absl::StrAppend(&result, EscapeOne(code));
    } else {
      absl::StrAppend(&result, text.substr(0, length));
    }
    text.remove_prefix(length);
  }
  return result;
}

std::string Truncate(absl::string_view utf8, int width) {
  if (CodePoints(utf8) <= width) return std::string(utf8);
  size_t end = 0;
  for (int seen = 0; end < utf8.size(); ++end) {
    if ((static_cast<uint8_t>(utf8[end]) & 0xc0) != 0x80 && ++seen == width) break;
  }
  return absl::StrCat(utf8.substr(0, end), "…");
}

std::string GroupDigits(uint64_t number) {
  std::string digits = absl::StrCat(number);
  for (int at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<size_t>(at), 1, ',');
  }
  return digits;
}

std::string BytesText(double bytes) {
  const char* unit = "B";
  for (const char* next : {"kB", "MB", "GB", "TB"}) {
    if (bytes < 1000) break;
    bytes /= 1000;
    unit = next;
  }
  int decimals = bytes < 10 && *unit != 'B' ? 1 : 0;
  return absl::StrFormat("%.*f %s", decimals, bytes, unit);
}

std::string DurationText(absl::Duration duration) {
  if (duration < absl::ZeroDuration()) return absl::StrCat("-", DurationText(-duration));
  if (duration == absl::ZeroDuration()) return "0";
  if (duration == absl::InfiniteDuration()) return "for ever";
  double seconds = absl::ToDoubleSeconds(duration);
  if (seconds < 0.001) return absl::StrFormat("%.0f µs", seconds * 1e6);
  if (seconds < 1) return absl::StrFormat("%.0f ms", seconds * 1e3);
  if (seconds < 60) return absl::StrFormat("%.1f s", seconds);
  int64_t whole = static_cast<int64_t>(seconds);
  if (whole < 3600) return absl::StrFormat("%d min %d s", whole / 60, whole % 60);
  if (whole < 86400) return absl::StrFormat("%d h %d min", whole / 3600, whole % 3600 / 60);
  return absl::StrFormat("%d d %d h", whole / 86400, whole % 86400 / 3600);
}

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%E3S", time, absl::UTCTimeZone());
}

std::string ShellQuote(absl::string_view word) {
  bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return absl::ascii_isalnum(c) || absl::StrContains("-_./:=+@,", absl::string_view(&c, 1));
  });
  if (plain) return std::string(word);
  return absl::StrCat("'", absl::StrReplaceAll(word, {{"'", "'\\''"}}), "'");
}

std::string TableText(const std::vector<std::vector<std::string>>& rows,
                      absl::string_view indent) {
  std::vector<int> widths;
  std::vector<bool> right;
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      absl::string_view cell = row[i];
      if (i >= widths.size()) {
        widths.push_back(0);
        right.push_back(!cell.empty() && cell[0] == '>');
      }
      int extra = &row == &rows[0] && right[i] ? 1 : 0;
      widths[i] = std::max(widths[i], CodePoints(cell) - extra);
    }
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line(indent);
    for (size_t i = 0; i < row.size(); ++i) {
      absl::string_view cell = row[i];
      if (&row == &rows[0] && right[i]) cell.remove_prefix(1);
      std::string padding(static_cast<size_t>(std::max(0, widths[i] - CodePoints(cell))), ' ');
      absl::StrAppend(&line, right[i] ? padding : "", cell, right[i] ? "" : padding, "  ");
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    absl::StrAppend(&text, line, "\n");
  }
  return text;
}

std::string FittedTableText(std::vector<std::vector<std::string>> rows, absl::string_view indent,
                            int width, const std::vector<std::string>& dispensable) {
  std::string text = TableText(rows, indent);
  std::vector<std::string> left_out;
  for (const std::string& head : dispensable) {
    if (width <= 0 || LongestLine(text) <= width) break;
    if (TakeColumn(head, &rows).empty()) continue;
    left_out.push_back(head);
    text = TableText(rows, indent);
  }
  if (left_out.empty()) return text;
  std::string note = absl::StrCat(indent, "left out at this width: ", absl::StrJoin(left_out, ", "));
  return absl::StrCat(text, WrapText(note, width, absl::StrCat(indent, "  ")), "\n");
}

std::string FoldedTableText(std::vector<std::vector<std::string>> rows, absl::string_view indent,
                            int width, const std::vector<std::string>& foldable) {
  std::string text = TableText(rows, indent);
  // By its place in the whole table.
  std::map<size_t, std::vector<std::string>> folded;
  const std::vector<std::string> heads = rows.front();
  for (const std::string& head : foldable) {
    if (width <= 0 || LongestLine(text) <= width) break;
    for (size_t i = 0; i < heads.size(); ++i) {
      if (HeadOf(heads[i]) == head) folded[i] = TakeColumn(head, &rows);
    }
    text = TableText(rows, indent);
  }
  std::vector<std::vector<std::string>> below(rows.size());
  for (const auto& [place, cells] : folded) {
    for (size_t i = 1; i < cells.size(); ++i) {
      if (cells[i].empty() || cells[i] == "-") continue;
      below[i].push_back(absl::StrCat(HeadOf(heads[place]), " ", cells[i]));
    }
  }
  const std::vector<std::string> lines = absl::StrSplit(text, '\n');
  const std::string deeper = absl::StrCat(indent, "     ");
  text.clear();
  for (size_t i = 0; i < rows.size(); ++i) {
    absl::StrAppend(&text, lines[i], "\n");
    if (below[i].empty()) continue;
    std::string line = absl::StrCat(deeper, absl::StrJoin(below[i], "; "));
    absl::StrAppend(&text, WrapText(line, width, deeper), "\n");
  }
  return text;
}

std::string WrapText(absl::string_view text, int width, absl::string_view indent) {
  if (width <= 0 || CodePoints(text) <= width) return std::string(text);
  std::string wrapped;
  int used = -1;
  for (absl::string_view word : absl::StrSplit(text, ' ')) {
    int length = CodePoints(word);
    if (used >= 0 && used + 1 + length > width) {
      // No line begins or ends with the spaces between two words.
      if (word.empty()) continue;
      while (absl::EndsWith(wrapped, " ")) wrapped.pop_back();
      absl::StrAppend(&wrapped, "\n", indent, word);
      used = CodePoints(indent) + length;
    } else {
      absl::StrAppend(&wrapped, used < 0 ? "" : " ", word);
      used += 1 + length;
    }
  }
  return wrapped;
}

std::string LabelledLine(absl::string_view what, int label_width, const std::string& value,
                         int width) {
  if (value.empty()) return "";
  std::string line = absl::StrFormat("%-*s%s", label_width, what, value);
  std::string below(static_cast<size_t>(label_width), ' ');
  return absl::StrCat(WrapText(line, width, below), "\n");
}

std::string WrapLines(absl::string_view text, int width) {
  std::vector<std::string> lines;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    size_t first = std::min(line.find_first_not_of(' '), line.size());
    size_t second = line.find_first_not_of(' ', line.find("  ", first));
    // Behind a long label nothing would fit.
    bool has_two = second != absl::string_view::npos && second <= kLabelMax;
    lines.push_back(WrapText(line, width, std::string(has_two ? second : first + 2, ' ')));
  }
  return absl::StrJoin(lines, "\n");
}

}  // namespace braid
