// Times as people and programs read them in errors and log lines.
// Pure; any thread.

#ifndef BRAID_BASE_UTC_TEXT_H_
#define BRAID_BASE_UTC_TEXT_H_

#include <string>

#include "absl/time/time.h"

namespace braid {

// "2026-11-21T17:20:36.105+00:00": every digit there is, and no more.
inline std::string UtcText(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_full, time, absl::UTCTimeZone());
}

}  // namespace braid

#endif  // BRAID_BASE_UTC_TEXT_H_
