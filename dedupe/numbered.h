// Resources that a stream numbers (gaps, recovery jobs): their names, and the
// pages in which they are listed, newest first; how large pages of any list are.
// Pure; any thread.

#ifndef BRAID_DEDUPE_NUMBERED_H_
#define BRAID_DEDUPE_NUMBERED_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace braid {

struct NumberedName {
  // "streams/main"
  std::string stream;
  uint64_t number = 0;
};

// "streams/main/gaps/7", where `collection` is "gaps".
inline absl::StatusOr<NumberedName> ParseNumberedName(const std::string& name,
                                                      const std::string& collection) {
  std::vector<std::string> parts = absl::StrSplit(name, '/');
  NumberedName parsed;
  if (parts.size() != 4 || parts[0] != "streams" || parts[2] != collection ||
      !absl::SimpleAtoi(parts[3], &parsed.number)) {
    return absl::InvalidArgumentError(
        absl::StrCat("name is not of the form streams/{stream}/", collection, "/{number}"));
  }
  parsed.stream = absl::StrCat(parts[0], "/", parts[1]);
  return parsed;
}

// Of a page: as asked for, 100 where nothing is, at most 1000.
inline absl::StatusOr<int> PageSizeOf(int asked) {
  if (asked < 0) return absl::InvalidArgumentError("page_size must not be negative");
  return asked == 0 ? 100 : std::min(asked, 1000);
}

// "7-1f00…": the next number, and what the call's other arguments were.
inline std::string NumberPageToken(uint64_t next, uint64_t arguments_hash) {
  return absl::StrCat(next, "-", absl::Hex(arguments_hash));
}

// Where a page begins: the highest number for the first one.
inline absl::StatusOr<uint64_t> NumberPageStart(const std::string& token,
                                                uint64_t arguments_hash) {
  if (token.empty()) return UINT64_MAX;
  std::vector<std::string> parts = absl::StrSplit(token, '-');
  uint64_t number = 0;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &number) ||
      parts[1] != absl::StrCat(absl::Hex(arguments_hash))) {
    return absl::InvalidArgumentError(
        "page_token is none of this call's, or belongs to one with other arguments");
  }
  return number;
}

}  // namespace braid

#endif  // BRAID_DEDUPE_NUMBERED_H_
