#include "ingest/x_array.h"

#include "absl/strings/ascii.h"

namespace braid {
namespace {

// The index of the comma or of `close` that ends the element at `at`.
size_t ElementEnd(absl::string_view line, size_t at, char close) {
  int depth = 0;
  while (at < line.size()) {
    char c = line[at];
    if (c == '"') {
      at = PastString(line, at);
      continue;
    }
    if (depth == 0 && (c == ',' || c == close)) return at;
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (depth < 0) return absl::string_view::npos;
    ++at;
  }
  return absl::string_view::npos;
}

// What stands between two brackets, cut at the commas.
bool Split(absl::string_view text, char open, char close,
           std::vector<absl::string_view>* elements) {
  text = absl::StripAsciiWhitespace(text);
  if (text.size() < 2 || text.front() != open) return false;
  if (absl::StripAsciiWhitespace(text.substr(1)) == absl::string_view(&close, 1)) return true;
  size_t begin = 1;
  while (true) {
    size_t end = ElementEnd(text, begin, close);
    if (end == absl::string_view::npos) return false;
    absl::string_view element = absl::StripAsciiWhitespace(text.substr(begin, end - begin));
    if (element.empty()) return false;
    elements->push_back(element);
    begin = end + 1;
    if (text[end] == close) return begin == text.size();
  }
}

}  // namespace

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

bool IsArrayLine(absl::string_view line) {
  for (char c : line) {
    if (!absl::ascii_isspace(c)) return c == '[';
  }
  return false;
}

bool SplitArray(absl::string_view line, std::vector<absl::string_view>* elements) {
  return Split(line, '[', ']', elements);
}

bool SplitObject(absl::string_view object, std::vector<JsonPart>* parts) {
  std::vector<absl::string_view> members;
  if (!Split(object, '{', '}', &members)) return false;
  for (absl::string_view member : members) {
    size_t end = member.front() == '"' ? PastString(member, 0) : absl::string_view::npos;
    if (end == absl::string_view::npos) return false;
    absl::string_view value = absl::StripLeadingAsciiWhitespace(member.substr(end));
    if (value.empty() || value.front() != ':') return false;
    value = absl::StripLeadingAsciiWhitespace(value.substr(1));
    if (value.empty()) return false;
    parts->push_back({member.substr(1, end - 2), value});
  }
  return true;
}

}  // namespace braid
