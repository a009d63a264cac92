// Values of proto enums as people and metrics read them. A value of a later
// version has no name here: "unknown". Pure; any thread.

#ifndef BRAID_PROTO_ENUM_WORD_H_
#define BRAID_PROTO_ENUM_WORD_H_

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace braid {

// "STATE_BACKING_OFF" without "STATE_" → "backing_off": labels of metrics.
inline std::string EnumLabel(absl::string_view name, absl::string_view prefix) {
  if (name.empty()) return "unknown";
  absl::ConsumePrefix(&name, prefix);
  return absl::AsciiStrToLower(name);
}

// "backing off": text.
inline std::string EnumWords(absl::string_view name, absl::string_view prefix) {
  std::string words = EnumLabel(name, prefix);
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

}  // namespace braid

#endif  // BRAID_PROTO_ENUM_WORD_H_
