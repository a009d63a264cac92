#include "recovery/plan_text.h"

#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"

namespace braid {

std::string ClockText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", time, absl::UTCTimeZone());
}

std::string SpanText(absl::Duration span) {
  static constexpr std::pair<int64_t, const char*> kUnits[] = {
      {86'400, " d"}, {3600, " h"}, {60, " min"}, {1, " s"}};
  if (span == absl::InfiniteDuration()) return "for ever";
  int64_t left = absl::ToInt64Seconds(span);
  // X's own bounds read "60 s" and "24 h": from two of a unit on it is used.
  size_t unit = 0;
  while (unit + 1 < std::size(kUnits) && left < 2 * kUnits[unit].first) ++unit;
  std::string text = absl::StrCat(left / kUnits[unit].first, kUnits[unit].second);
  left %= kUnits[unit].first;
  if (unit + 1 == std::size(kUnits)) return text;
  const auto& [seconds, word] = kUnits[unit + 1];
  if (left >= seconds) absl::StrAppend(&text, " ", left / seconds, word);
  return text;
}

}  // namespace braid
