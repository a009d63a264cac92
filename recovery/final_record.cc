#include "recovery/final_record.h"

#include <simdjson.h>

#include <string_view>

#include "absl/strings/match.h"
#include "absl/time/time.h"

namespace braid {
namespace {

using simdjson::dom::element;

absl::optional<int64_t> Micros(const element& value) {
  std::string_view text;
  absl::Time time;
  if (value.get(text) != simdjson::SUCCESS ||
      !absl::ParseTime(absl::RFC3339_full, absl::string_view(text.data(), text.size()), &time,
                       nullptr)) {
    return absl::nullopt;
  }
  return absl::ToUnixMicros(time);
}

bool ReadMinutes(const element& list, std::vector<Interval>* out) {
  simdjson::dom::array minutes;
  if (list.get(minutes) != simdjson::SUCCESS || minutes.size() > kFailedMinutesMax) return false;
  for (const element& minute : minutes) {
    absl::optional<int64_t> from = Micros(minute);
    if (!from.has_value()) return false;
    out->push_back({*from, *from + absl::ToInt64Microseconds(absl::Minutes(1))});
  }
  return !out->empty();
}

bool ReadRange(const element& range, std::vector<Interval>* out) {
  element from_text, until_text;
  if (range["fromDate"].get(from_text) != simdjson::SUCCESS ||
      range["toDate"].get(until_text) != simdjson::SUCCESS) {
    return false;
  }
  absl::optional<int64_t> from = Micros(from_text), until = Micros(until_text);
  if (!from.has_value() || !until.has_value() || *from >= *until) return false;
  out->push_back({*from, *until});
  return true;
}

// "Replay Request Completed", "Recovery Request Completed with Errors", …
absl::optional<FinalRecord::Kind> KindOf(absl::string_view message) {
  if (!absl::StrContains(message, " Request ")) return absl::nullopt;
  if (absl::EndsWith(message, " Completed")) return FinalRecord::Kind::kCompleted;
  if (absl::EndsWith(message, " Completed with Errors")) return FinalRecord::Kind::kWithErrors;
  if (absl::EndsWith(message, " Failed to Complete")) return FinalRecord::Kind::kFailed;
  return absl::nullopt;
}

}  // namespace

absl::optional<FinalRecord> ParseFinalRecord(absl::string_view line) {
  simdjson::dom::parser parser;
  simdjson::padded_string padded(line.data(), line.size());
  element info, value;
  std::string_view message;
  if (parser.parse(padded)["info"].get(info) != simdjson::SUCCESS ||
      info["message"].get(message) != simdjson::SUCCESS) {
    return absl::nullopt;
  }
  absl::optional<FinalRecord::Kind> kind =
      KindOf(absl::string_view(message.data(), message.size()));
  if (!kind.has_value()) return absl::nullopt;
  FinalRecord record;
  record.kind = *kind;
  uint64_t count = 0;
  if (info["activity_count"].get(count) == simdjson::SUCCESS) record.activity_count = count;
  bool understood = true;
  if (record.kind == FinalRecord::Kind::kWithErrors) {
    understood = info["minutes_failed"].get(value) == simdjson::SUCCESS &&
                 ReadMinutes(value, &record.missing);
  } else if (record.kind == FinalRecord::Kind::kFailed) {
    understood = info["unprocessed_range"].get(value) == simdjson::SUCCESS &&
                 ReadRange(value, &record.missing);
  }
  return understood ? absl::make_optional(std::move(record)) : absl::nullopt;
}

}  // namespace braid
