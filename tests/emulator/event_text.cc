#include "tests/emulator/event_text.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
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

std::string NativeUser(absl::string_view user) {
  absl::string_view id = JsonMember(user, "id");
  return absl::StrCat("{\"id\":", id.substr(1, id.size() - 2), ",\"id_str\":", id,
                      ",\"name\":", JsonMember(user, "name"),
                      ",\"screen_name\":", JsonMember(user, "username"),
                      ",\"description\":", JsonMember(user, "description"),
                      ",\"protected\":false,\"verified\":", JsonMember(user, "verified"), "}");
}

}  // namespace

std::string EventText::Body(const Event& post) {
  const PostBody& body = bodies_->Get(post.body);
  std::string out(body.size, '\0');
  PatchBody(body, post.id, out.data());
  out.resize(out.size() - 2);  // without \r\n
  return out;
}

std::string EventText::V2Plain(const Event& post) {
  return JsonWithout(Body(post), "matching_rules");
}

std::string EventText::V2(const Event& post, const MatchedRules& rules) {
  std::string out = V2Plain(post);
  out.pop_back();
  return absl::StrCat(out, ",\"matching_rules\":[", V2Rules(rules), "]}");
}

std::string EventText::Native(const Event& post, const MatchedRules& rules) {
  std::string body = Body(post);
  absl::string_view data = JsonMember(body, "data");
  absl::Time created = SnowflakeTime(post.id);
  std::vector<absl::string_view> users =
      JsonElements(JsonMember(JsonMember(body, "includes"), "users"));
  return absl::StrCat(
      absl::FormatTime("{\"created_at\":\"%a %b %d %H:%M:%S +0000 %Y\"", created,
                       absl::UTCTimeZone()),
      ",\"id\":", post.id, ",\"id_str\":\"", post.id, "\",\"text\":", JsonMember(data, "text"),
      ",\"source\":\"\",\"truncated\":false,\"user\":", NativeUser(users[0]),
      ",\"is_quote_status\":false,\"quote_count\":0,\"reply_count\":0,\"retweet_count\":0,"
      "\"favorite_count\":0,\"favorited\":false,\"retweeted\":false,\"filter_level\":\"low\","
      "\"lang\":",
      JsonMember(data, "lang"), ",\"edit_history\":{\"initial_tweet_id\":\"", post.id,
      "\",\"edit_tweet_ids\":[\"", post.id, "\"]},\"edit_controls\":{\"editable_until_ms\":",
      absl::ToUnixMillis(created + absl::Minutes(30)),
      ",\"edits_remaining\":5},\"editable\":true,\"timestamp_ms\":\"", absl::ToUnixMillis(created),
      "\",\"matching_rules\":[", NativeRules(rules), "]}");
}

}  // namespace braid::emulator
