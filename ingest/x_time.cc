#include "ingest/x_time.h"

#include "absl/strings/numbers.h"

namespace braid {

absl::optional<absl::Time> ParseXTime(absl::string_view text) {
  int64_t millis;
  if (absl::SimpleAtoi(text, &millis)) return absl::FromUnixMillis(millis);
  absl::Time time;
  if (absl::ParseTime(absl::RFC3339_full, text, &time, nullptr)) return time;
  if (absl::ParseTime("%a %b %d %H:%M:%S %z %Y", text, &time, nullptr)) return time;
  return absl::nullopt;
}

}  // namespace braid
