// Where the core's time stands: moved by ticks, set to X time when enough
// sources agree about it. Pure; any thread.

#ifndef BRAID_DEDUPE_CORE_CLOCK_H_
#define BRAID_DEDUPE_CORE_CLOCK_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/types/optional.h"
#include "braid/store/v1/log.pb.h"
#include "dedupe/session_table.h"

namespace braid {

// Sources that agree within this much tell X time; a core that is off by no
// more is left alone.
inline constexpr int64_t kAgreementMicros = 2'000'000;
// An older receive time says nothing: its source is silent. Heartbeats do not
// reach the core, so this needs an event in the last few seconds.
inline constexpr int64_t kFreshMicros = 5'000'000;

// X time now by the newest session of each source that received something
// lately, in no particular order.
std::vector<int64_t> EstimateXTime(const std::map<std::string, SessionTable::Sessions>& sources,
                                   int64_t now_micros);

// The later of the latest two estimates that agree with each other; nothing
// when no two do, or when that differs from `now_micros` by no more than the
// agreement.
absl::optional<int64_t> AgreedXTime(std::vector<int64_t> estimates, int64_t now_micros);

}  // namespace braid

#endif  // BRAID_DEDUPE_CORE_CLOCK_H_
