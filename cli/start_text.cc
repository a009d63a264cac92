#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cli/command_line.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

bool ParseMoment(absl::string_view text, absl::Time now, absl::Time* time) {
  std::string unused;
  if (absl::ParseTime(absl::RFC3339_full, text, time, &unused)) return true;
  for (const char* format : {"%Y-%m-%d %H:%M:%E*S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%E*S",
                             "%Y-%m-%dT%H:%M", "%Y-%m-%d"}) {
    if (absl::ParseTime(format, text, time, &unused)) return true;
  }
  std::string today = absl::FormatTime("%Y-%m-%d ", now, absl::UTCTimeZone());
  for (const char* format : {"%Y-%m-%d %H:%M:%E*S", "%Y-%m-%d %H:%M"}) {
    if (absl::ParseTime(format, absl::StrCat(today, text), time, &unused)) return true;
  }
  return false;
}

// "-15m".
bool ParseLookback(absl::string_view text, absl::Duration lookback_max, absl::Duration* lookback) {
  return absl::ConsumePrefix(&text, "-") && ParseSpan(text, lookback) &&
         *lookback >= absl::ZeroDuration() && *lookback < lookback_max;
}

}  // namespace

bool ParseSpan(absl::string_view text, absl::Duration* span) {
  const size_t mark = text.find('d');
  uint32_t days = 0;
  if (mark == absl::string_view::npos) return absl::ParseDuration(text, span);
  if (!absl::SimpleAtoi(text.substr(0, mark), &days)) return false;
  const absl::string_view rest = text.substr(mark + 1);
  *span = absl::ZeroDuration();
  if (!rest.empty() && !absl::ParseDuration(rest, span)) return false;
  *span += days * absl::Hours(24);
  return true;
}

absl::StatusOr<absl::Time> ParseMomentOf(absl::string_view text, absl::Time now,
                                         absl::Duration unit) {
  absl::Duration lookback;
  // As long as gaps are kept.
  if (text == "now" || ParseLookback(text, absl::Hours(24 * 400), &lookback)) {
    return absl::UnixEpoch() + absl::Floor(now - lookback - absl::UnixEpoch(), unit);
  }
  absl::Time time;
  if (ParseMoment(text, now, &time)) return time;
  return absl::InvalidArgumentError(
      absl::StrCat("\"", text, "\" is no time: give now, a time back (-15m) or a time "
                   "(2026-11-20T12:00:00Z, 12:00 UTC)"));
}

absl::StatusOr<v1::StartPosition> ParseFrom(absl::string_view text, absl::Time now) {
  v1::StartPosition start;
  if (text == "now" || text.empty()) return start;
  if (text == "earliest") {
    start.set_earliest(true);
    return start;
  }
  uint64_t sequence = 0;
  if (text[0] != '-' && absl::SimpleAtoi(text, &sequence)) {
    start.set_sequence(sequence);
    return start;
  }
  absl::Duration lookback;
  if (ParseLookback(text, absl::Hours(24 * 365), &lookback)) {
    SetDuration(lookback, start.mutable_lookback());
    return start;
  }
  absl::Time time;
  if (ParseMoment(text, now, &time)) {
    SetTime(time, start.mutable_time());
    return start;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", text, "\" is no position: give earliest, now, a sequence (1234), a time "
                   "back (-15m) or a time (2026-11-20T12:00:00Z, 12:00 UTC)"));
}

}  // namespace braid
