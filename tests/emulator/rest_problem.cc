#include "tests/emulator/rest_problem.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/emulator/x_answers.h"

namespace braid::emulator {

std::string ProblemUrl(absl::string_view name) {
  return absl::StrCat("https://api.x.com/2/problems/", name);
}

std::string IsoMillis(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

std::string JsonList(const std::vector<std::string>& values) {
  return absl::StrCat("[", absl::StrJoin(values, ","), "]");
}

std::string JsonObject(const std::vector<std::string>& members) {
  std::string out = "{";
  for (const std::string& member : members) {
    if (member.empty()) continue;
    if (out.size() > 1) out += ',';
    out += member;
  }
  return out + "}";
}

std::string RawMember(absl::string_view name, absl::string_view json) {
  return absl::StrCat("\"", name, "\":", json);
}

std::string TextMember(absl::string_view name, absl::string_view value) {
  return RawMember(name, JsonText(value));
}

HttpAnswer InvalidBody(absl::string_view message) {
  std::string error = JsonObject({RawMember("parameters", "{}"), TextMember("message", message)});
  return {400, JsonObject(
                   {RawMember("errors", JsonList({error})), TextMember("title", "Invalid Request"),
                    TextMember("detail", "One or more parameters to your request was invalid."),
                    TextMember("type", ProblemUrl("invalid-request"))})};
}

HttpAnswer GnipRefusal(int status, absl::string_view message, absl::Time now) {
  return {status, GnipError(message, now)};
}

std::string ResourceNotFound(const std::string& value, const std::string& parameter,
                             const std::string& resource_type) {
  std::string detail =
      absl::StrCat("Could not find ", resource_type, " with ", parameter, ": [", value, "].");
  return JsonObject({TextMember("value", value), TextMember("detail", detail),
                     TextMember("title", "Not Found Error"),
                     TextMember("resource_type", resource_type), TextMember("parameter", parameter),
                     TextMember("resource_id", value),
                     TextMember("type", ProblemUrl("resource-not-found"))});
}

}  // namespace braid::emulator
