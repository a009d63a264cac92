#include "ingest/x_usage.h"

#include <simdjson.h>

#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace braid {
namespace {

using simdjson::dom::element;

// False where it is neither a number nor digits.
bool Number(const element& value, uint64_t* out) {
  if (value.get(*out) == simdjson::SUCCESS) return true;
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) return false;
  return absl::SimpleAtoi(absl::string_view(text.data(), text.size()), out);
}

// "2026-11-20T00:00:00.000Z" → "2026-11-20"; empty for anything else.
std::string Day(const element& value) {
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS || text.size() < 10) return "";
  std::string day(text.substr(0, 10));
  for (size_t i = 0; i < day.size(); ++i) {
    bool dash = i == 4 || i == 7;
    if (dash ? day[i] != '-' : day[i] < '0' || day[i] > '9') return "";
  }
  return day;
}

void AddDays(const element& list, XUsage* usage) {
  simdjson::dom::array days;
  if (list.get(days) != simdjson::SUCCESS) return;
  for (const element& item : days) {
    element date, count;
    uint64_t posts = 0;
    if (item["date"].get(date) != simdjson::SUCCESS) continue;
    if (item["usage"].get(count) != simdjson::SUCCESS || !Number(count, &posts)) continue;
    std::string day = Day(date);
    if (!day.empty() && usage->days.size() < kUsageDaysMax) usage->days[day] += posts;
  }
}

}  // namespace

std::string UsageUrl(absl::string_view v2_url) {
  size_t path = v2_url.find("/2/");
  if (path == absl::string_view::npos) return "";
  return absl::StrCat(v2_url.substr(0, path), "/2/usage/tweets?days=", kUsageDaysMax - 1,
                      "&usage.fields=daily_project_usage");
}

absl::StatusOr<XUsage> ParseUsage(absl::string_view json) {
  if (json.size() > kUsageAnswerMax) return absl::InvalidArgumentError("usage: too long");
  simdjson::dom::parser parser;
  simdjson::padded_string padded(json.data(), json.size());
  element root, data;
  if (parser.parse(padded).get(root) != simdjson::SUCCESS ||
      root["data"].get(data) != simdjson::SUCCESS || !data.is_object()) {
    return absl::InvalidArgumentError("usage: no JSON object with data");
  }
  XUsage usage;
  element value;
  uint64_t number = 0;
  if (data["cap_reset_day"].get(value) == simdjson::SUCCESS && Number(value, &number) &&
      number >= 1 && number <= 31) {
    usage.reset_day = static_cast<int>(number);
  }
  if (data["project_cap"].get(value) == simdjson::SUCCESS) Number(value, &usage.project_cap);
  if (data["project_usage"].get(value) == simdjson::SUCCESS) Number(value, &usage.project_usage);
  if (data["daily_project_usage"]["usage"].get(value) == simdjson::SUCCESS) AddDays(value, &usage);
  return usage;
}

}  // namespace braid
