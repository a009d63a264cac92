#include "base/version.h"

// Replaced by the strong definition in //base:stamped_commit.
extern "C" __attribute__((weak)) const char* BraidStampedCommit() { return "unknown"; }

namespace braid {

absl::string_view Version() { return "0.1.0"; }

absl::string_view Commit() { return BraidStampedCommit(); }

}  // namespace braid
