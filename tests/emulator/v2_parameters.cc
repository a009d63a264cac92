#include "tests/emulator/v2_parameters.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tests/emulator/x_answers.h"

namespace braid::emulator {

V2Parameters::V2Parameters(const HttpRequest& request, std::vector<std::string> allowed)
    : request_(request) {
  // A test names its connections by it.
  allowed.push_back("connection");
  for (const auto& [name, value] : request.query) {
    if (std::find(allowed.begin(), allowed.end(), name) != allowed.end()) continue;
    allowed.pop_back();
    Fail(name, absl::StrCat("The query parameter [", name, "] is not one of [",
                            absl::StrJoin(allowed, ","), "]"));
    return;
  }
}

void V2Parameters::Fail(const std::string& name, const std::string& message) {
  if (!mistake_) mistake_ = InvalidParameter(name, request_.Query(name), message);
}

std::string V2Parameters::Required(const std::string& name) {
  std::string text = Text(name);
  if (text.empty()) Fail(name, absl::StrCat("The `", name, "` query parameter can not be empty"));
  return text;
}

int V2Parameters::Number(const std::string& name, int min, int max, int when_absent) {
  if (!Has(name)) return when_absent;
  int value = 0;
  if (absl::SimpleAtoi(Text(name), &value) && value >= min && value <= max) return value;
  Fail(name, absl::StrCat("The `", name, "` query parameter value [", Text(name),
                          "] is not between ", min, " and ", max));
  return when_absent;
}

absl::Time V2Parameters::Time(const std::string& name, absl::Time when_absent) {
  if (!Has(name)) return when_absent;
  absl::Time time;
  std::string error;
  if (absl::ParseTime("%E4Y-%m-%d%ET%H:%M:%E*S%Ez", Text(name), absl::UTCTimeZone(), &time,
                      &error)) {
    return absl::FromUnixSeconds(absl::ToUnixSeconds(time));
  }
  Fail(name, absl::StrCat("The `", name, "` query parameter value [", Text(name),
                          "] is not a valid RFC3339 date-time. 'YYYY-MM-DDTHH:mm:ssZ' is a valid "
                          "RFC3339 date-time"));
  return when_absent;
}

uint64_t V2Parameters::Id(const std::string& name, uint64_t when_absent) {
  if (!Has(name)) return when_absent;
  uint64_t value = 0;
  if (Text(name).size() <= 19 && absl::SimpleAtoi(Text(name), &value)) return value;
  Fail(name, absl::StrCat("The `", name, "` query parameter value [", Text(name),
                          "] does not match ^[0-9]{1,19}$"));
  return when_absent;
}

std::string V2Parameters::OneOf(const std::string& name, const std::vector<std::string>& choices,
                                const std::string& when_absent) {
  if (!Has(name)) return when_absent;
  std::string value = Text(name);
  if (std::find(choices.begin(), choices.end(), value) != choices.end()) return value;
  Fail(name, absl::StrCat("The `", name, "` query parameter value [", value, "] is not one of [",
                          absl::StrJoin(choices, ","), "]"));
  return when_absent;
}

bool V2Parameters::Flag(const std::string& name) {
  // Python's clients send True.
  return absl::AsciiStrToLower(OneOf(name, {"true", "false", "True", "False"}, "false")) == "true";
}

std::vector<std::string> V2Parameters::List(const std::string& name) const {
  return absl::StrSplit(Text(name), ',', absl::SkipEmpty());
}

std::vector<std::string> WithFieldParameters(std::vector<std::string> names) {
  for (const char* name : {"tweet.fields", "user.fields", "media.fields", "poll.fields",
                           "place.fields", "expansions"}) {
    names.push_back(name);
  }
  return names;
}

}  // namespace braid::emulator
