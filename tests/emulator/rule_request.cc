#include "tests/emulator/rule_request.h"

#include "absl/strings/str_cat.h"
#include "simdjson.h"

namespace braid::emulator {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;

bool ReadText(element value, std::string* out) {
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) return false;
  *out = std::string(text);
  return true;
}

bool ReadMember(element object, const char* name, std::string* out) {
  element value;
  return object[name].get(value) == simdjson::SUCCESS && ReadText(value, out);
}

// Ids come as text and as numbers.
bool ReadIds(array list, std::vector<std::string>* out) {
  for (element item : list) {
    std::string text;
    uint64_t number = 0;
    if (ReadText(item, &text)) {
      out->push_back(text);
    } else if (item.get(number) == simdjson::SUCCESS) {
      out->push_back(absl::StrCat(number));
    } else {
      return false;
    }
  }
  return true;
}

bool ReadRules(array list, bool needs_value, std::vector<RuleToAdd>* out) {
  for (element item : list) {
    RuleToAdd rule;
    element tag;
    if (!item.is_object()) return false;
    if (!ReadMember(item, "value", &rule.value) && needs_value) return false;
    rule.has_tag = item["tag"].get(tag) == simdjson::SUCCESS && !tag.is_null();
    if (rule.has_tag && !ReadText(tag, &rule.tag)) return false;
    out->push_back(std::move(rule));
  }
  return true;
}

}  // namespace

std::optional<RuleRequest> ReadV2Rules(absl::string_view body) {
  simdjson::dom::parser parser;
  simdjson::padded_string padded(body.data(), body.size());
  element root;
  RuleRequest request;
  if (parser.parse(padded).get(root) != simdjson::SUCCESS || !root.is_object()) {
    return std::nullopt;
  }
  array list;
  element removal;
  if (root["add"].get(list) == simdjson::SUCCESS) {
    request.has_add = true;
    if (!ReadRules(list, true, &request.add)) return std::nullopt;
  }
  if (root["delete"].get(removal) == simdjson::SUCCESS) {
    request.has_delete = true;
    if (removal["ids"].get(list) == simdjson::SUCCESS && !ReadIds(list, &request.ids)) {
      return std::nullopt;
    }
    if (removal["values"].get(list) == simdjson::SUCCESS && !ReadIds(list, &request.values)) {
      return std::nullopt;
    }
  }
  return request;
}

std::optional<RuleRequest> ReadPowerTrackRules(absl::string_view body) {
  simdjson::dom::parser parser;
  simdjson::padded_string padded(body.data(), body.size());
  element root;
  RuleRequest request;
  array list;
  if (parser.parse(padded).get(root) != simdjson::SUCCESS || !root.is_object()) {
    return std::nullopt;
  }
  if (root["rules"].get(list) == simdjson::SUCCESS) {
    request.has_add = true;
    if (!ReadRules(list, false, &request.add)) return std::nullopt;
  }
  if (root["rule_ids"].get(list) == simdjson::SUCCESS) {
    request.has_delete = true;
    if (!ReadIds(list, &request.ids)) return std::nullopt;
  }
  if (!request.has_add && !request.has_delete) return std::nullopt;
  return request;
}

}  // namespace braid::emulator
