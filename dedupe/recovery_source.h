// Whose name cover of recovery stands under in the book of cover: whoever fetched
// something vouches for X's partition. Pure; any thread.

#ifndef BRAID_DEDUPE_RECOVERY_SOURCE_H_
#define BRAID_DEDUPE_RECOVERY_SOURCE_H_

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"

namespace braid {

// Who covers what any recoverer fetched of a partition.
inline std::string RecoveryVoucher(uint32_t partition) {
  return absl::StrCat("recovery:", partition);
}

}  // namespace braid

#endif  // BRAID_DEDUPE_RECOVERY_SOURCE_H_
