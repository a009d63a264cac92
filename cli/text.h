// Small texts for people: safe on a terminal, and readable.
//
// Everything here is pure.

#ifndef BRAID_CLI_TEXT_H_
#define BRAID_CLI_TEXT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace braid {

// Posts are written by strangers: control characters (C0, DEL, C1), marks that
// reorder text, and bytes that are not UTF-8 become \n, \x1b, \u202e.
std::string EscapeForTerminal(absl::string_view text);

// At most `width` code points, with … where something was cut.
std::string Truncate(absl::string_view utf8, int width);

// 1234567 → "1,234,567".
std::string GroupDigits(uint64_t number);

// "12.3 MB" (powers of 1000).
std::string BytesText(double bytes);

// "850 µs", "17 ms", "3.2 s", "5 min 3 s", "2 h 5 min", "3 d 4 h".
std::string DurationText(absl::Duration duration);

// "2026-11-20 12:00:00.123" UTC.
std::string TimeText(absl::Time time);

// Quoted for a shell where that is needed.
std::string ShellQuote(absl::string_view word);

// Columns padded to equal width, two spaces between; the first row is the head.
// Columns of which the head starts with '>' are aligned to the right.
std::string TableText(const std::vector<std::vector<std::string>>& rows,
                      absl::string_view indent);

// The same in lines of at most `width` columns (0: any). What does not fit is left
// out, and a last line names it: columns with these heads, in this order, as far
// as that helps.
std::string FittedTableText(std::vector<std::vector<std::string>> rows, absl::string_view indent,
                            int width, const std::vector<std::string>& dispensable);

// The same, with nothing left out: what does not fit stands below its row, with
// its head before it.
std::string FoldedTableText(std::vector<std::vector<std::string>> rows, absl::string_view indent,
                            int width, const std::vector<std::string>& foldable);

// A line of at most `width` columns (0: any), broken between words; all but the
// first part begin with `indent`. A word that is longer stays whole.
std::string WrapText(absl::string_view text, int width, absl::string_view indent);

// "what      value" and a line's end, `what` in a column of its own, wrapped below
// the value; "" without a value.
std::string LabelledLine(absl::string_view what, int label_width, const std::string& value,
                         int width);

// Each line of the text: what goes on begins below the second column of one that
// has two ("label  value"), else with its own indent and two more.
std::string WrapLines(absl::string_view text, int width);

}  // namespace braid

#endif  // BRAID_CLI_TEXT_H_
