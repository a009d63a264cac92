#include "tests/emulator/json_slice.h"

#include "absl/strings/str_cat.h"

namespace braid::emulator {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

size_t SkipSpace(absl::string_view text, size_t at) {
  while (at < text.size() && IsSpace(text[at])) ++at;
  return at;
}

// `at` is at a quote; the result is after the closing one.
size_t SkipString(absl::string_view text, size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return at + 1;
}

size_t SkipValue(absl::string_view text, size_t at) {
  int depth = 0;
  while (at < text.size()) {
    char c = text[at];
    if (c == '"') {
      at = SkipString(text, at);
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') {
      if (depth == 0) return at;
      --depth;
    }
    if (c == ',' && depth == 0) return at;
    ++at;
  }
  return at;
}

absl::string_view Trimmed(absl::string_view text) {
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

struct Span {
  size_t name = 0;
  size_t value = 0;
  size_t end = 0;
};

bool FindMember(absl::string_view object, absl::string_view name, Span* span) {
  size_t at = SkipSpace(object, 0) + 1;
  while (at < object.size()) {
    at = SkipSpace(object, at);
    if (at >= object.size() || object[at] != '"') return false;
    span->name = at;
    size_t name_end = SkipString(object, at);
    span->value = SkipSpace(object, SkipSpace(object, name_end) + 1);
    span->end = SkipValue(object, span->value);
    if (object.substr(at + 1, name_end - at - 2) == name) return true;
    at = span->end + 1;
  }
  return false;
}

}  // namespace

absl::string_view JsonMember(absl::string_view object, absl::string_view name) {
  Span span;
  if (!FindMember(object, name, &span)) return "";
  return Trimmed(object.substr(span.value, span.end - span.value));
}

std::vector<absl::string_view> JsonElements(absl::string_view array) {
  std::vector<absl::string_view> out;
  size_t at = SkipSpace(array, 0) + 1;
  while (at < array.size()) {
    at = SkipSpace(array, at);
    if (at >= array.size() || array[at] == ']') break;
    size_t end = SkipValue(array, at);
    out.push_back(Trimmed(array.substr(at, end - at)));
    at = end + 1;
  }
  return out;
}

std::string JsonWithout(absl::string_view object, absl::string_view name) {
  Span span;
  if (!FindMember(object, name, &span)) return std::string(object);
  size_t from = span.name;
  size_t until = span.end;
  if (object[until] == ',') {
    ++until;
  } else {
    size_t comma = object.rfind(',', from);
    if (comma != absl::string_view::npos && SkipSpace(object, comma + 1) == from) from = comma;
  }
  return absl::StrCat(object.substr(0, from), object.substr(until));
}

}  // namespace braid::emulator
