#include "tests/emulator/post_fields.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "simdjson.h"
#include "tests/emulator/rest_problem.h"

namespace braid::emulator {
namespace {

using simdjson::dom::element;
using Names = std::vector<std::string>;

Names Fields(const HttpRequest& request, const std::string& parameter, Names defaults) {
  Names asked = absl::StrSplit(request.Query(parameter), ',', absl::SkipEmpty());
  defaults.insert(defaults.end(), asked.begin(), asked.end());
  return defaults;
}

bool Has(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The object with only these members.
std::string Select(element object, const Names& names) {
  Names members;
  simdjson::dom::object fields;
  if (object.get(fields) != simdjson::SUCCESS) return "{}";
  for (auto [key, value] : fields) {
    if (!Has(names, key)) continue;
    members.push_back(absl::StrCat(JsonText(std::string(key)), ":", simdjson::minify(value)));
  }
  return JsonObject(members);
}

std::string IdOf(element object) {
  std::string_view id;
  return object["id"].get(id) == simdjson::SUCCESS ? std::string(id) : "";
}

void SelectAll(element body, const char* list_name, const Names& names,
               std::map<std::string, std::string>* out) {
  simdjson::dom::array list;
  if (body["includes"][list_name].get(list) != simdjson::SUCCESS) return;
  for (element object : list) out->emplace(IdOf(object), Select(object, names));
}

std::string Values(const char* name, const std::map<std::string, std::string>& objects) {
  if (objects.empty()) return "";
  Names values;
  for (const auto& [id, value] : objects) values.push_back(value);
  return absl::StrCat("\"", name, "\":", JsonList(values));
}

}  // namespace

PostFields::PostFields(const HttpRequest& request)
    : tweet_fields_(Fields(request, "tweet.fields", {"id", "text", "edit_history_tweet_ids"})),
      user_fields_(Fields(request, "user.fields", {"id", "name", "username"})),
      expansions_(Fields(request, "expansions", {})) {
  // An expansion brings the field that it follows.
  if (Has(expansions_, "author_id")) tweet_fields_.push_back("author_id");
  if (Has(expansions_, "referenced_tweets.id")) tweet_fields_.push_back("referenced_tweets");
}

void PostFields::Add(absl::string_view v2_body) {
  simdjson::dom::parser parser;
  element body, data;
  if (parser.parse(v2_body.data(), v2_body.size()).get(body) != simdjson::SUCCESS) return;
  if (body["data"].get(data) != simdjson::SUCCESS) return;
  data_.push_back(Select(data, tweet_fields_));
  if (Has(expansions_, "author_id")) SelectAll(body, "users", user_fields_, &users_);
  if (Has(expansions_, "referenced_tweets.id")) SelectAll(body, "tweets", tweet_fields_, &posts_);
}

std::string PostFields::Includes() const {
  if (users_.empty() && posts_.empty()) return "";
  return absl::StrCat("\"includes\":",
                      JsonObject({Values("users", users_), Values("tweets", posts_)}));
}

}  // namespace braid::emulator
