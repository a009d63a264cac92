#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ingest/x_rules.h"
#include "simdjson.h"

namespace braid {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;

// X's words in an error are for people: no more than a screen of them.
constexpr size_t kMessageBytesMax = 500;

// Text, or a number as its digits; "" for anything else.
std::string Text(element object, const char* name) {
  element value;
  std::string_view text;
  uint64_t number = 0;
  if (object[name].get(value) != simdjson::SUCCESS) return "";
  if (value.get(text) == simdjson::SUCCESS) return std::string(text);
  return value.get(number) == simdjson::SUCCESS ? absl::StrCat(number) : "";
}

size_t Number(element object, const char* name) {
  uint64_t number = 0;
  return object[name].get(number) == simdjson::SUCCESS ? number : 0;
}

bool List(element object, const char* name, array* out) {
  return object[name].get(*out) == simdjson::SUCCESS;
}

XRule ReadRule(element object) {
  // id_str where it is: numbers lose digits on their way.
  std::string id = Text(object, "id_str");
  if (id.empty()) id = Text(object, "id");
  return {id, Text(object, "value"), Text(object, "tag")};
}

// What X says about the whole request, of either family.
std::string WholeMessage(element root) {
  element inner;
  if (root["error"].get(inner) == simdjson::SUCCESS) return Text(inner, "message");
  array errors;
  if (List(root, "errors", &errors)) {
    for (element error : errors) {
      std::string message = Text(error, "message");
      if (!message.empty()) return message;
    }
  }
  std::string detail = Text(root, "detail");
  return detail.empty() ? Text(root, "title") : detail;
}

absl::Status Refused(int status, std::string message) {
  message = absl::StrCat("rules API answered ", status, message.empty() ? "" : ": ",
                         message.substr(0, kMessageBytesMax));
  switch (status) {
    case 401:
      return absl::UnauthenticatedError(message);
    case 402:
    case 403:
      return absl::PermissionDeniedError(message);
    case 429:
      return absl::ResourceExhaustedError(message);
    default:
      return status >= 400 && status < 500 ? absl::InvalidArgumentError(message)
                                           : absl::UnavailableError(message);
  }
}

// A 422 of PowerTrack has the shape of a success.
bool HasRules(int status, element root) {
  element ignored;
  if (status == 200 || status == 201) return true;
  return status == 422 && root["summary"].get(ignored) == simdjson::SUCCESS;
}

// Parses the body and judges the status; `root` lives as long as `parser`.
absl::Status Open(int status, absl::string_view body, simdjson::dom::parser* parser,
                  element* root) {
  simdjson::padded_string padded(body.data(), body.size());
  bool is_json = parser->parse(padded).get(*root) == simdjson::SUCCESS && root->is_object();
  if (!is_json && (status == 200 || status == 201)) {
    return absl::DataLossError("rules API answered what is not JSON");
  }
  if (!is_json) return Refused(status, "");
  return HasRules(status, *root) ? absl::OkStatus() : Refused(status, WholeMessage(*root));
}

RuleRefusal V2Refusal(absl::string_view type) {
  absl::string_view name = type.substr(type.rfind('/') + 1);
  if (name == "duplicate-rules") return RuleRefusal::kDuplicate;
  if (name == "invalid-rules") return RuleRefusal::kInvalid;
  if (name == "rule-cap") return RuleRefusal::kTooMany;
  if (name == "rule-length") return RuleRefusal::kTooLong;
  if (name == "noncompliant-rules") return RuleRefusal::kNotCompliant;
  return RuleRefusal::kOther;
}

RefusedRule ReadV2Error(element error) {
  RefusedRule refused{ReadRule(error), V2Refusal(Text(error, "type")), ""};
  array details;
  if (List(error, "details", &details)) {
    for (element detail : details) {
      std::string_view text;
      if (detail.get(text) != simdjson::SUCCESS) continue;
      if (!refused.message.empty()) refused.message += "; ";
      refused.message += std::string(text);
    }
  }
  array inner;
  if (refused.message.empty() && List(error, "errors", &inner)) {
    for (element one : inner) refused.message = Text(one, "message");
    if (absl::StrContains(refused.message, "does not exist")) {
      refused.refusal = RuleRefusal::kNotFound;
    }
  }
  if (refused.message.empty()) refused.message = Text(error, "detail");
  if (refused.message.empty()) refused.message = Text(error, "title");
  return refused;
}

RuleChange ReadV2Change(element root) {
  RuleChange change;
  array list;
  if (List(root, "data", &list)) {
    for (element rule : list) change.created.push_back(ReadRule(rule));
  }
  if (List(root, "errors", &list)) {
    for (element error : list) change.refused.push_back(ReadV2Error(error));
  }
  element summary;
  if (root["meta"]["summary"].get(summary) == simdjson::SUCCESS) {
    change.done_count = Number(summary, "created") + Number(summary, "deleted");
    change.not_done_count = Number(summary, "not_created") + Number(summary, "not_deleted");
  }
  return change;
}

// PowerTrack has only words.
RuleRefusal PowerTrackRefusal(absl::string_view message) {
  if (absl::StrContains(message, "already exists")) return RuleRefusal::kDuplicate;
  if (absl::StrContains(message, "does not exist")) return RuleRefusal::kNotFound;
  if (absl::StrContains(message, "maximum length")) return RuleRefusal::kTooLong;
  if (absl::StrContains(message, "maximum number")) return RuleRefusal::kTooMany;
  return message.empty() ? RuleRefusal::kOther : RuleRefusal::kInvalid;
}

RuleChange ReadPowerTrackChange(element root) {
  RuleChange change;
  array detail;
  if (List(root, "detail", &detail)) {
    for (element one : detail) {
      element rule;
      if (one["rule"].get(rule) != simdjson::SUCCESS) continue;
      bool is_done = false;
      for (const char* name : {"created", "valid", "deleted"}) {
        bool value = false;
        is_done = is_done || (one[name].get(value) == simdjson::SUCCESS && value);
      }
      std::string message = Text(one, "message");
      absl::string_view trimmed = absl::StripAsciiWhitespace(message);
      if (is_done) {
        change.created.push_back(ReadRule(rule));
      } else {
        change.refused.push_back(
            {ReadRule(rule), PowerTrackRefusal(trimmed), std::string(trimmed)});
      }
    }
  }
  element summary;
  if (root["summary"].get(summary) == simdjson::SUCCESS) {
    for (const char* name : {"created", "deleted", "valid"}) {
      change.done_count += Number(summary, name);
    }
    for (const char* name : {"not_created", "not_deleted", "not_valid"}) {
      change.not_done_count += Number(summary, name);
    }
  }
  return change;
}

}  // namespace

absl::StatusOr<RulePage> ParseRuleList(RuleDialect dialect, int status, absl::string_view body) {
  simdjson::dom::parser parser;
  element root;
  if (absl::Status opened = Open(status, body, &parser, &root); !opened.ok()) return opened;
  RulePage page;
  array list;
  bool is_v2 = dialect == RuleDialect::kV2;
  if (List(root, is_v2 ? "data" : "rules", &list)) {
    for (element rule : list) page.rules.push_back(ReadRule(rule));
  } else if (!is_v2) {
    // v2 leaves the list out when it is empty, PowerTrack never does.
    return absl::DataLossError("rules API answered without a list of rules");
  }
  element meta;
  if (is_v2 && root["meta"].get(meta) == simdjson::SUCCESS) {
    page.next_token = Text(meta, "next_token");
  }
  return page;
}

absl::StatusOr<RuleChange> ParseRuleChange(RuleDialect dialect, int status,
                                           absl::string_view body) {
  simdjson::dom::parser parser;
  element root, summary;
  if (absl::Status opened = Open(status, body, &parser, &root); !opened.ok()) return opened;
  bool is_v2 = dialect == RuleDialect::kV2;
  bool has_summary = (is_v2 ? root["meta"]["summary"].get(summary)
                            : root["summary"].get(summary)) == simdjson::SUCCESS;
  if (!has_summary) return absl::DataLossError("rules API answered without a summary");
  return is_v2 ? ReadV2Change(root) : ReadPowerTrackChange(root);
}

}  // namespace braid
