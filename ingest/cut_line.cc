#include "ingest/cut_line.h"

#include "absl/strings/match.h"
#include "ingest/x_message.h"

namespace braid {
namespace {

// The digits behind `key`, if `text` begins with it and they are complete.
uint64_t IdBehind(absl::string_view key, absl::string_view text) {
  if (!absl::StartsWith(text, key)) return 0;
  text.remove_prefix(key.size());
  size_t end = text.find('"');
  return end == absl::string_view::npos ? 0 : ParsePostId(text.substr(0, end));
}

// Where the string that begins at `begin` ends.
size_t EndOfString(absl::string_view line, size_t begin) {
  size_t at = begin + 1;
  while (at < line.size() && line[at] != '"') at += line[at] == '\\' ? 2 : 1;
  return at;
}

}  // namespace

uint64_t PostIdInCutLine(absl::string_view line) {
  int depth = 0;
  bool in_data = false;
  for (size_t at = 0; at < line.size(); ++at) {
    char c = line[at];
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (depth <= 1 && c == '}') in_data = false;
    if (c != '"') continue;
    absl::string_view rest = line.substr(at);
    uint64_t id = 0;
    if (depth == 1) id = IdBehind("\"id_str\":\"", rest);
    if (depth == 2 && in_data) id = IdBehind("\"id\":\"", rest);
    if (id != 0) return id;
    if (depth == 1 && absl::StartsWith(rest, "\"data\":{")) in_data = true;
    at = EndOfString(line, at);
  }
  return 0;
}

}  // namespace braid
