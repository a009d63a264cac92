// What recoverers are called: as sources of a session, and in the book of cover,
// where whoever fetched something vouches for X's partition. Pure; any thread.

#ifndef BRAID_DEDUPE_RECOVERY_SOURCE_H_
#define BRAID_DEDUPE_RECOVERY_SOURCE_H_

#include <cstdint>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace braid {

// A name of a connection holds no slash.
inline constexpr absl::string_view kRecoveryPrefix = "recovery/";

inline bool IsRecoverySource(absl::string_view source_id) {
  return absl::StartsWith(source_id, kRecoveryPrefix);
}

// "recovery/fra" → "fra"; empty for a connection.
inline absl::string_view RecovererOf(absl::string_view source_id) {
  return absl::ConsumePrefix(&source_id, kRecoveryPrefix) ? source_id : "";
}

// Who covers what any recoverer fetched of a partition.
inline std::string RecoveryVoucher(uint32_t partition) {
  return absl::StrCat("recovery:", partition);
}

}  // namespace braid

#endif  // BRAID_DEDUPE_RECOVERY_SOURCE_H_
