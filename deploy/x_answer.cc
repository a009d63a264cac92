#include "deploy/x_answer.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace braid::demo {
namespace {

using google::protobuf::Struct;

bool ParseObject(const std::string& text, Struct* object) {
  return google::protobuf::util::JsonStringToMessage(text, object).ok();
}

std::string Text(const Struct& object, const std::string& key) {
  auto found = object.fields().find(key);
  if (found == object.fields().end()) return "";
  const google::protobuf::Value& value = found->second;
  return value.has_number_value() ? absl::StrCat(value.number_value()) : value.string_value();
}

// X's problem document as a sentence; other text as it is.
std::string Sentence(const std::string& detail, std::string* status) {
  Struct problem;
  size_t brace = detail.find('{');
  if (brace == std::string::npos || !ParseObject(detail.substr(brace), &problem)) return detail;
  *status = Text(problem, "status");
  std::string text = absl::StrCat(*status, status->empty() ? "" : " ", Text(problem, "title"));
  std::string more = Text(problem, "detail");
  if (!more.empty() && more != Text(problem, "title")) absl::StrAppend(&text, ": ", more);
  return text.empty() ? detail : text;
}

std::string Remedy(const std::string& answer) {
  const auto has = [&answer](absl::string_view part) {
    return answer.find(std::string(part)) != std::string::npos;
  };
  if (has("401") || has("nauthorized")) return "Check the token in source.bearer_token_file.";
  if (has("403") || has("orbidden")) {
    return "The token's app or plan may not read this stream: look at it in X's developer portal.";
  }
  if (has("429") || has("oo many")) {
    return "Too many connections or requests: end what else uses this token, or wait.";
  }
  if (has("404")) return "Check source.url.";
  if (has("resolve") || has("onnect")) return "Check source.url and this machine's network.";
  return "";
}

std::string Explain(const Struct& line) {
  std::string cause = Text(line, "cause");
  std::string status = Text(line, "status");
  std::string text = Sentence(Text(line, "detail"), &status);
  std::string answer = text.empty() ? cause : absl::StrCat(text, " (", cause, ")");
  std::string remedy = Remedy(absl::StrCat(answer, " ", status));
  return remedy.empty() ? answer : absl::StrCat(answer, ". ", remedy);
}

}  // namespace

std::string LastAnswerOfX(absl::string_view log) {
  std::string answer;
  for (absl::string_view text : absl::StrSplit(log, '\n')) {
    // Cheap first: most lines are about something else.
    if (text.find("connection_") == absl::string_view::npos) continue;
    Struct line;
    if (!ParseObject(std::string(text), &line)) continue;
    std::string event = Text(line, "event");
    if (event == "connection_connected") answer.clear();
    if (event == "connection_refused" || event == "connection_ended") answer = Explain(line);
  }
  return answer;
}

}  // namespace braid::demo
