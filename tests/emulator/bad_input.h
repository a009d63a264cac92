// Things that are no ordinary posts, for tests of what a reader survives.
// Pure. Threads: any.

#ifndef BRAID_TESTS_EMULATOR_BAD_INPUT_H_
#define BRAID_TESTS_EMULATOR_BAD_INPUT_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace braid::emulator {

// The bytes of one kind (kControlHelp lists them), records ending in \r\n.
// False: no such kind.
struct BadInputSizes {
  size_t depth = 10000;   // nesting of deep-json
  size_t bytes = 300000;  // text of long-post; at most 64 MB of it
};
bool MakeBadInput(absl::string_view kind, const BadInputSizes& sizes, absl::Time now,
                  std::string* bytes);

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_BAD_INPUT_H_
