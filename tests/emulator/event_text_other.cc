// Events that are no posts: likes, compliance, labels, activities.

#include <iterator>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "tests/emulator/event_text.h"

namespace braid::emulator {
namespace {

constexpr const char* kPostNames[] = {"delete", "withheld", "drop", "undrop", "tweet_edit"};
constexpr const char* kUserNames[] = {
    "user_delete",    "user_undelete", "user_protect", "user_unprotect",           "user_suspend",
    "user_unsuspend", "user_withheld", "scrub_geo",    "user_profile_modification"};
constexpr uint8_t kUserWithheld = 6;
constexpr uint8_t kScrubGeo = 7;
constexpr uint8_t kProfileModification = 8;

constexpr char kCountries[] = R"("withheld_in_countries":["DE","FR"])";

std::string IsoMillis(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

// Who wrote a post, or liked it: any user, but always the same.
uint64_t UserOf(uint64_t id) { return 10000000 + Hash64(absl::StrCat(id)) % 1000000000; }

std::string LikeId(const Event& like) {
  return absl::BytesToHexString(Hash128(absl::StrCat("like-", like.id)));
}

std::string At(const Event& event) {
  return absl::StrCat("\"event_at\":\"", IsoMillis(event.time()), "\"");
}

std::string V2PostCompliance(const Event& event) {
  const char* name = kPostNames[event.name];
  std::string post = absl::StrCat("\"tweet\":{\"id\":\"", event.object, "\",\"author_id\":\"",
                                  UserOf(event.object), "\"},");
  std::string more;
  if (event.name == 1) more = absl::StrCat(",", kCountries);
  if (event.name == kEditName) {
    post = absl::StrCat("\"tweet\":{\"id\":\"", event.object, "\"},");
    more = absl::StrCat(",\"initial_tweet_id\":\"", event.object, "\",\"edit_tweet_ids\":[\"",
                        event.object, "\",\"", event.id, "\"]");
  }
  return absl::StrCat("{\"data\":{\"", name, "\":{", post, At(event), more, "}}}");
}

std::string V2UserCompliance(const Event& event) {
  std::string more;
  if (event.name == kUserWithheld) more = absl::StrCat(",", kCountries);
  if (event.name == kScrubGeo) more = absl::StrCat(",\"up_to_tweet_id\":\"", event.id, "\"");
  if (event.name == kProfileModification) {
    more = R"(,"profile_field":"description","new_value":"a new description")";
  }
  return absl::StrCat("{\"data\":{\"", kUserNames[event.name], "\":{\"user\":{\"id\":\"",
                      UserOf(event.object), "\"},", At(event), more, "}}}");
}

std::string V2Like(const Event& event) {
  return absl::StrCat(
      "{\"data\":{\"id\":\"", LikeId(event), "\",\"created_at\":\"", IsoMillis(event.time()),
      "\",\"timestamp_ms\":", absl::ToUnixMillis(event.time()), ",\"liked_tweet_id\":\"",
      event.object, "\",\"tweet_author_id\":\"", UserOf(event.object), "\"}}");
}

std::string V2Label(const Event& event) {
  return absl::StrCat(
      "{\"data\":{\"public_tweet_notice\":{\"tweet\":{\"id\":\"", event.object,
      "\",\"author_id\":\"", UserOf(event.object), "\"},\"event_type\":\"",
      event.name == 0 ? "apply" : "remove", "\",", At(event),
      ",\"application\":\"label\",\"label_title\":\"Visibility limited\",\"details\":\"\","
      "\"extended_details_url\":\"https://help.x.com/rules-and-policies\"}}}");
}

std::string V2Activity(const Event& event) {
  uint64_t user = UserOf(event.object);
  return absl::StrCat("{\"data\":{\"event_uuid\":\"", event.id,
                      "\",\"event_type\":\"profile.update.bio\",\"filter\":{\"user_id\":\"", user,
                      "\"},\"tag\":\"emulated\",\"payload\":{\"before\":\"a\",\"after\":\"b\"}}}");
}

std::string Timestamp(const Event& event) {
  return absl::StrCat("\"timestamp_ms\":\"", absl::ToUnixMillis(event.time()), "\"");
}

std::string NativeIds(absl::string_view name, uint64_t id) {
  return absl::StrCat("\"", name, "\":", id, ",\"", name, "_str\":\"", id, "\"");
}

std::string NativePostCompliance(const Event& event) {
  std::string status = absl::StrCat("{", NativeIds("id", event.object), ",",
                                    NativeIds("user_id", UserOf(event.object)), "}");
  switch (event.name) {
    case kDeleteName:
      return absl::StrCat("{\"delete\":{\"status\":", status, ",", Timestamp(event), "}}");
    case 1:
      return absl::StrCat("{\"status_withheld\":{\"status\":", status, ",", Timestamp(event), ",",
                          kCountries, "}}");
    case kEditName:
      return absl::StrCat("{\"tweet_edit\":{\"id\":\"", event.id, "\",\"initial_tweet_id\":\"",
                          event.object, "\",\"edit_tweet_ids\":[\"", event.object, "\",\"",
                          event.id, "\"],", Timestamp(event), "}}");
    default:
      return absl::StrCat("{\"", kPostNames[event.name], "\":{\"status\":", status, ",",
                          Timestamp(event), "}}");
  }
}

std::string NativeUserCompliance(const Event& event) {
  uint64_t user = UserOf(event.object);
  if (event.name == kScrubGeo) {
    return absl::StrCat("{\"scrub_geo\":{", NativeIds("user_id", user), ",",
                        NativeIds("up_to_status_id", event.object), ",", Timestamp(event), "}}");
  }
  if (event.name == kUserWithheld) {
    // The one event whose time is spelled and formatted differently.
    return absl::StrCat("{\"user_withheld\":{\"user\":{", NativeIds("id", user), "},", kCountries,
                        ",\"timestampMs\":\"", IsoMillis(event.time()), "\"}}");
  }
  return absl::StrCat("{\"", kUserNames[event.name], "\":{", NativeIds("id", user), ",",
                      Timestamp(event), "}}");
}

std::string NativeUnlike(const Event& event) {
  return absl::StrCat("{\"delete\":{\"favorite\":{", NativeIds("tweet_id", event.object), ",",
                      NativeIds("user_id", UserOf(event.id)), "},", Timestamp(event), "}}");
}

}  // namespace

int NameCount(EventKind kind) {
  if (kind == EventKind::kPostCompliance) return std::size(kPostNames);
  if (kind == EventKind::kUserCompliance) return std::size(kUserNames);
  return kind == EventKind::kLabel ? 2 : 1;
}

std::string EventText::V2Other(const Event& event) {
  switch (event.kind) {
    case EventKind::kLike:
      return V2Like(event);
    case EventKind::kPostCompliance:
      return V2PostCompliance(event);
    case EventKind::kUserCompliance:
      return V2UserCompliance(event);
    case EventKind::kLikeCompliance:
      return absl::StrCat("{\"data\":{\"delete\":{\"favorite\":{\"id\":\"", event.object,
                          "\",\"user_id\":\"", UserOf(event.id), "\"},", At(event), "}}}");
    case EventKind::kLabel:
      return V2Label(event);
    case EventKind::kActivity:
      return V2Activity(event);
    case EventKind::kPost:
      break;
  }
  return V2Plain(event);
}

std::string EventText::NativeOther(const Event& event) {
  switch (event.kind) {
    case EventKind::kLike: {
      Event liked = event;
      liked.id = event.object;
      liked.object = 0;
      liked.kind = EventKind::kPost;
      return absl::StrCat("{\"id\":\"", LikeId(event),
                          absl::FormatTime("\",\"created_at\":\"%a %b %d %H:%M:%S +0000 %Y\"",
                                           event.time(), absl::UTCTimeZone()),
                          ",\"timestamp_ms\":", absl::ToUnixMillis(event.time()),
                          ",\"favorited_status\":", Native(liked, {}), ",\"user\":{",
                          NativeIds("id", UserOf(event.id)), "}}");
    }
    case EventKind::kPostCompliance:
      return NativePostCompliance(event);
    case EventKind::kUserCompliance:
      return NativeUserCompliance(event);
    case EventKind::kLikeCompliance:
      return NativeUnlike(event);
    default:
      return V2Other(event);
  }
}

}  // namespace braid::emulator
