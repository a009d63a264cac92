#include "tests/emulator/event_text.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"
#include "proto/snowflake.h"
#include "tests/emulator/http_text.h"
#include "tests/emulator/json_slice.h"

namespace braid::emulator {
namespace {

std::string V2Rules(const MatchedRules& rules) {
  return absl::StrJoin(rules, ",", [](std::string* out, const Rule* rule) {
    absl::StrAppend(out, "{\"id\":\"", rule->id, "\"",
                    rule->tag.empty() ? "" : absl::StrCat(",\"tag\":", JsonText(rule->tag)), "}");
  });
}

std::string NativeRules(const MatchedRules& rules) {
  return absl::StrJoin(rules, ",", [](std::string* out, const Rule* rule) {
    absl::StrAppend(out, "{\"tag\":", rule->tag.empty() ? "null" : JsonText(rule->tag),
                    ",\"id\":", rule->id, ",\"id_str\":\"", rule->id, "\"}");
  });
}

std::string Unquoted(absl::string_view literal) {
  return std::string(literal.substr(1, literal.size() - 2));
}

void Replace(absl::string_view from, absl::string_view to, std::string* text) {
  size_t at = text->find(std::string(from));
  if (at != std::string::npos) text->replace(at, from.size(), std::string(to));
}

std::string NativeUser(absl::string_view user) {
  absl::string_view id = JsonMember(user, "id");
  return absl::StrCat("{\"id\":", Unquoted(id), ",\"id_str\":", id,
                      ",\"name\":", JsonMember(user, "name"),
                      ",\"screen_name\":", JsonMember(user, "username"),
                      ",\"description\":", JsonMember(user, "description"),
                      ",\"protected\":false,\"verified\":", JsonMember(user, "verified"), "}");
}

std::string EditIds(const Event& post) {
  std::string before = post.object != 0 ? absl::StrCat("\"", post.object, "\",") : "";
  return absl::StrCat(before, "\"", post.id, "\"");
}

}  // namespace

std::string EventText::V2Built(const Event& post) {
  const PostBody& body = bodies_->Get(post.body);
  std::string out(body.size, '\0');
  PatchBody(body, post.id, out.data());
  out.resize(out.size() - 2);  // without \r\n
  if (post.object != 0) {
    Replace(absl::StrCat("\"edit_history_tweet_ids\":[\"", post.id, "\"]"),
            absl::StrCat("\"edit_history_tweet_ids\":[\"", post.object, "\",\"", post.id, "\"]"),
            &out);
    Replace("\"edits_remaining\":5", "\"edits_remaining\":4", &out);
  }
  if (post.variant != 0) {
    Replace("\"quote_count\":0", absl::StrCat("\"quote_count\":", post.variant), &out);
  }
  return out;
}

std::string EventText::V2Plain(const Event& post) {
  return JsonWithout(V2Built(post), "matching_rules");
}

std::string EventText::V2(const Event& post, const MatchedRules& rules) {
  std::string out = V2Plain(post);
  out.pop_back();
  return absl::StrCat(out, ",\"matching_rules\":[", V2Rules(rules), "]}");
}

std::vector<Rule> EventText::BuiltRules(const Event& post) {
  std::string body = V2Built(post);
  std::vector<Rule> rules;
  for (absl::string_view built : JsonElements(JsonMember(body, "matching_rules"))) {
    Rule rule;
    BRAID_CHECK(absl::SimpleAtoi(Unquoted(JsonMember(built, "id")), &rule.id));
    rule.tag = Unquoted(JsonMember(built, "tag"));
    rules.push_back(std::move(rule));
  }
  return rules;
}

std::string EventText::Language(const Event& post) {
  std::string body = V2Built(post);
  return Unquoted(JsonMember(JsonMember(body, "data"), "lang"));
}

std::string EventText::Native(const Event& post, const MatchedRules& rules) {
  std::string body = V2Built(post);
  absl::string_view data = JsonMember(body, "data");
  absl::Time created = SnowflakeTime(post.id);
  uint64_t first_id = post.object != 0 ? post.object : post.id;
  std::vector<absl::string_view> users =
      JsonElements(JsonMember(JsonMember(body, "includes"), "users"));
  return absl::StrCat(
      absl::FormatTime("{\"created_at\":\"%a %b %d %H:%M:%S +0000 %Y\"", created,
                       absl::UTCTimeZone()),
      ",\"id\":", post.id, ",\"id_str\":\"", post.id, "\",\"text\":", JsonMember(data, "text"),
      ",\"source\":\"\",\"truncated\":false,\"user\":", NativeUser(users[0]),
      ",\"is_quote_status\":false,\"quote_count\":0,\"reply_count\":0,\"retweet_count\":0,"
      "\"favorite_count\":",
      static_cast<int>(post.variant),
      ",\"favorited\":false,\"retweeted\":false,\"filter_level\":\"low\","
      "\"lang\":",
      JsonMember(data, "lang"), ",\"edit_history\":{\"initial_tweet_id\":\"", first_id,
      "\",\"edit_tweet_ids\":[", EditIds(post), "]},\"edit_controls\":{\"editable_until_ms\":",
      absl::ToUnixMillis(created + absl::Minutes(30)),
      ",\"edits_remaining\":5},\"editable\":true,\"timestamp_ms\":\"", absl::ToUnixMillis(created),
      "\",\"matching_rules\":[", NativeRules(rules), "]}");
}

std::string EventText::ActivityStreams(const Event& post, const MatchedRules& rules) {
  std::string body = V2Built(post);
  absl::string_view data = JsonMember(body, "data");
  std::vector<absl::string_view> users =
      JsonElements(JsonMember(JsonMember(body, "includes"), "users"));
  std::string user_name = Unquoted(JsonMember(users[0], "username"));
  std::string posted =
      absl::FormatTime("\"%Y-%m-%dT%H:%M:%S.000Z\"", SnowflakeTime(post.id), absl::UTCTimeZone());
  std::string link = absl::StrCat("\"http://twitter.com/", user_name, "/statuses/", post.id, "\"");
  return absl::StrCat(
      "{\"id\":\"tag:search.x.com,2005:", post.id,
      "\",\"objectType\":\"activity\",\"verb\":\"post\",\"postedTime\":", posted,
      ",\"generator\":{\"displayName\":\"Twitter for iPhone\"},\"provider\":{\"objectType\":"
      "\"service\",\"displayName\":\"Twitter\",\"link\":\"http://www.twitter.com\"},\"link\":",
      link, ",\"body\":", JsonMember(data, "text"),
      ",\"actor\":{\"objectType\":\"person\",\"id\":\"id:twitter.com:",
      Unquoted(JsonMember(users[0], "id")), "\",\"preferredUsername\":\"", user_name,
      "\",\"displayName\":", JsonMember(users[0], "name"),
      "},\"object\":{\"objectType\":\"note\",\"id\":\"object:search.x.com,2005:", post.id,
      "\",\"summary\":", JsonMember(data, "text"), ",\"link\":", link, ",\"postedTime\":", posted,
      "},\"favoritesCount\":", static_cast<int>(post.variant),
      ",\"retweetCount\":0,\"twitter_lang\":", JsonMember(data, "lang"),
      ",\"gnip\":{\"matching_rules\":[", NativeRules(rules), "]}}");
}

}  // namespace braid::emulator
