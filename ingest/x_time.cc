#include "ingest/x_time.h"

#include "absl/strings/numbers.h"

namespace braid {

namespace {

// 2006-03-21, the first post; and the year in which 32 bits of seconds end.
constexpr int64_t kFirstSecond = 1142899200;
constexpr int64_t kLastSecond = (int64_t{1} << 32) - 1;

absl::optional<absl::Time> Plausible(absl::Time time) {
  bool is_plausible =
      absl::FromUnixSeconds(kFirstSecond) <= time && time <= absl::FromUnixSeconds(kLastSecond);
  return is_plausible ? absl::make_optional(time) : absl::nullopt;
}

}  // namespace

absl::optional<absl::Time> ParseXTime(absl::string_view text) {
  int64_t millis;
  if (absl::SimpleAtoi(text, &millis)) return Plausible(absl::FromUnixMillis(millis));
  absl::Time time;
  if (absl::ParseTime(absl::RFC3339_full, text, &time, nullptr)) return Plausible(time);
  if (absl::ParseTime("%a %b %d %H:%M:%S %z %Y", text, &time, nullptr)) return Plausible(time);
  return absl::nullopt;
}

}  // namespace braid
