// Names that people give to streams, connections and networks.
// Pure; any thread.

#ifndef BRAID_BASE_NAME_H_
#define BRAID_BASE_NAME_H_

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"

namespace braid {

// [a-z0-9_-]{1,64}: may stand in a path, a resource name and a log line as it is.
inline bool IsName(absl::string_view name) {
  return !name.empty() && name.size() <= 64 &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_' || c == '-';
         });
}

}  // namespace braid

#endif  // BRAID_BASE_NAME_H_
