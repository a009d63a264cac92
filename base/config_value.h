// Durations and sizes as people write them in configurations, and which known
// key a mistyped one was meant to be. Pure.

#ifndef BRAID_BASE_CONFIG_VALUE_H_
#define BRAID_BASE_CONFIG_VALUE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace braid {

// A whole number and a unit: 250ms, 20s, 15m or 15min, 26h, 7d.
absl::StatusOr<absl::Duration> ParseConfigDuration(absl::string_view text);

// Plain bytes, or a whole number and KiB, MiB, GiB or TiB.
absl::StatusOr<uint64_t> ParseConfigBytes(absl::string_view text);

// The candidate that is few edits away; empty when none is near.
std::string NearestKey(absl::string_view key, const std::vector<std::string>& candidates);

}  // namespace braid

#endif  // BRAID_BASE_CONFIG_VALUE_H_
