#include "ingest/x_array.h"

#include "absl/strings/ascii.h"

namespace braid {
namespace {

// The index behind the string that opens at `at`; npos where it does not close.
size_t PastString(absl::string_view line, size_t at) {
  for (++at; at < line.size(); ++at) {
    if (line[at] == '\\') {
      ++at;
    } else if (line[at] == '"') {
      return at + 1;
    }
  }
  return absl::string_view::npos;
}

// The index of the comma or bracket that ends the element at `at`.
size_t ElementEnd(absl::string_view line, size_t at) {
  int depth = 0;
  while (at < line.size()) {
    char c = line[at];
    if (c == '"') {
      at = PastString(line, at);
      continue;
    }
    if (depth == 0 && (c == ',' || c == ']')) return at;
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (depth < 0) return absl::string_view::npos;
    ++at;
  }
  return absl::string_view::npos;
}

}  // namespace

bool IsArrayLine(absl::string_view line) {
  for (char c : line) {
    if (!absl::ascii_isspace(c)) return c == '[';
  }
  return false;
}

bool SplitArray(absl::string_view line, std::vector<absl::string_view>* elements) {
  line = absl::StripAsciiWhitespace(line);
  if (line.size() < 2 || line.front() != '[') return false;
  if (absl::StripAsciiWhitespace(line.substr(1)) == "]") return true;
  size_t begin = 1;
  while (true) {
    size_t end = ElementEnd(line, begin);
    if (end == absl::string_view::npos) return false;
    absl::string_view element = absl::StripAsciiWhitespace(line.substr(begin, end - begin));
    if (element.empty()) return false;
    elements->push_back(element);
    begin = end + 1;
    if (line[end] == ']') return begin == line.size();
  }
}

}  // namespace braid
