#include "base/config_value.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace braid {
namespace {

// Digits and what follows them.
std::pair<absl::string_view, absl::string_view> SplitNumber(absl::string_view text) {
  size_t digits = 0;
  while (digits < text.size() && absl::ascii_isdigit(text[digits])) ++digits;
  return {text.substr(0, digits), absl::StripAsciiWhitespace(text.substr(digits))};
}

// number * scale, for results that still fit into 63 bits.
bool Scale(absl::string_view number, uint64_t scale, uint64_t* out) {
  uint64_t value = 0;
  if (!absl::SimpleAtoi(number, &value)) return false;
  if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) / scale) return false;
  *out = value * scale;
  return true;
}

size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row.back();
}

}  // namespace

absl::StatusOr<absl::Duration> ParseConfigDuration(absl::string_view text) {
  static constexpr std::pair<absl::string_view, uint64_t> kUnits[] = {
      {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"min", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
  const auto [number, unit] = SplitNumber(text);
  for (const auto& [name, millis] : kUnits) {
    uint64_t value = 0;
    if (unit == name && Scale(number, millis, &value)) {
      return absl::Milliseconds(static_cast<int64_t>(value));
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", text, "\" is not a duration; write e.g. 250ms, 20s, 15min or 26h"));
}

absl::StatusOr<uint64_t> ParseConfigBytes(absl::string_view text) {
  static constexpr std::pair<absl::string_view, int> kUnits[] = {
      {"", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}};
  const auto [number, unit] = SplitNumber(text);
  for (const auto& [name, shift] : kUnits) {
    uint64_t value = 0;
    if (unit == name && Scale(number, uint64_t{1} << shift, &value)) return value;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", text, "\" is not a size; write e.g. 64MiB, 20GiB or plain bytes"));
}

std::string NearestKey(absl::string_view key, const std::vector<std::string>& candidates) {
  // A third of the letters may be wrong, or two in their order; more is a guess.
  size_t best_distance = key.size() < 4 ? 2 : std::max<size_t>(2, key.size() / 3) + 1;
  std::string best;
  for (const std::string& candidate : candidates) {
    // The proto's name of a field whose key stands without the unit.
    if (key == candidate + "_ms" || key == candidate + "_bytes") return candidate;
    // Keys of no sensible length are not worth the time.
    const size_t distance = key.size() > 64 ? key.size() : EditDistance(key, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace braid
