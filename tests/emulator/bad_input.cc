#include "tests/emulator/bad_input.h"

#include <algorithm>
#include <functional>
#include <map>

#include "absl/strings/str_cat.h"
#include "proto/snowflake.h"

namespace braid::emulator {
namespace {

constexpr size_t kLongPostBytesMax = 64 << 20;

std::string DeepJson(size_t depth) {
  return absl::StrCat("{\"data\":{\"x\":", std::string(depth, '['), std::string(depth, ']'),
                      ",\"id\":\"1\"}}\r\n");
}

// 2^53 + 1 and beyond: a reader that takes numbers for doubles rounds it.
std::string NumericId(uint64_t id) {
  return absl::StrCat("{\"data\":{\"id\":", id | 1, ",\"text\":\"numeric id\"}}\r\n");
}

std::string Native(uint64_t id, absl::Time now) {
  return absl::StrCat(
      absl::FormatTime("{\"created_at\":\"%a %b %d %H:%M:%S +0000 %Y\"", now, absl::UTCTimeZone()),
      ",\"id\":", id, ",\"id_str\":\"", id, "\",\"text\":\"native\",\"timestamp_ms\":\"",
      absl::ToUnixMillis(now),
      "\",\"user\":{\"id\":12,\"id_str\":\"12\"},\"matching_rules\":[{\"tag\":\"news\",\"id\":1,"
      "\"id_str\":\"1\"}]}\r\n");
}

std::string Activity(uint64_t id, absl::Time now) {
  return absl::StrCat(
      "{\"id\":\"tag:search.x.com,2005:", id, "\",\"objectType\":\"activity\",\"verb\":\"post\"",
      absl::FormatTime(",\"postedTime\":\"%Y-%m-%dT%H:%M:%S.000Z\"", now, absl::UTCTimeZone()),
      ",\"body\":\"activity\",\"gnip\":{\"matching_rules\":[{\"tag\":\"news\",\"id\":1}]}}\r\n");
}

std::string Compliance(uint64_t id, absl::Time now) {
  return absl::StrCat(
      "{\"data\":{\"delete\":{\"tweet\":{\"id\":\"", id, "\",\"author_id\":\"12\"},\"event_at\":\"",
      absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", now, absl::UTCTimeZone()), "\"}}}\r\n");
}

}  // namespace

bool MakeBadInput(absl::string_view kind, const BadInputSizes& sizes, absl::Time now,
                  std::string* bytes) {
  const uint64_t id = FirstSnowflakeAt(now) + 77;
  const std::map<std::string, std::function<std::string()>> kKinds = {
      {"garbage", [] { return "}}}not json{\xff\x01\"\r\n\"half\r\n{\"data\":\r\n"; }},
      {"nul", [] { return std::string("{\"data\":{\"id\":\"1\0\"}}\r\n\0\0\0\r\n", 28); }},
      {"bad-utf8",
       [&] { return absl::StrCat("{\"data\":{\"id\":\"", id, "\",\"text\":\"\xc3(\"}}\r\n"); }},
      {"numeric-id", [&] { return NumericId(id); }},
      {"empty-id", [] { return "{\"data\":{\"id\":\"\",\"text\":\"no id\"}}\r\n"; }},
      {"huge-id",
       [] { return "{\"data\":{\"id\":\"99999999999999999999999\",\"text\":\"\"}}\r\n"; }},
      {"deep-json", [&] { return DeepJson(sizes.depth); }},
      {"system-message",
       [] {
         return "{\"warn\":{\"message\":\"a warning\",\"sent\":\"2017-01-11T18:12:52+00:00\"}}"
                "\r\n\r\n";
       }},
      {"unknown-type", [] { return "{\"a_new_kind\":{\"value\":1}}\r\n"; }},
      {"error-with-data",
       [&] {
         return absl::StrCat("{\"data\":{\"id\":\"", id,
                             "\",\"text\":\"partly hydrated\",\"edit_history_tweet_ids\":[\"", id,
                             "\"]},\"errors\":[{\"title\":\"Not Found Error\",\"detail\":\"user\","
                             "\"type\":\"https://api.x.com/2/problems/resource-not-found\"}]}\r\n");
       }},
      {"compliance", [&] { return Compliance(id, now); }},
      {"native", [&] { return Native(id, now); }},
      {"activity", [&] { return Activity(id, now); }},
      {"edit-chain",
       [&] {
         return absl::StrCat("{\"data\":{\"id\":\"", id,
                             "\",\"text\":\"edited twice\",\"edit_history_tweet_ids\":[\"", id - 2,
                             "\",\"", id - 1, "\",\"", id, "\"]}}\r\n");
       }},
      {"long-post",
       [&] {
         return absl::StrCat("{\"data\":{\"id\":\"", id, "\",\"text\":\"",
                             std::string(std::min(sizes.bytes, kLongPostBytesMax), 'x'),
                             "\"}}\r\n");
       }},
      {"empty-lines", [] { return "\r\n\r\n\r\n"; }},
      {"glued-keep-alive",
       [&] {
         return absl::StrCat("\r\n{\"data\":{\"id\":\"", id, "\",\"text\":\"glued\"}}\r\n\r\n");
       }},
  };
  auto found = kKinds.find(std::string(kind));
  if (found == kKinds.end()) return false;
  *bytes = found->second();
  return true;
}

}  // namespace braid::emulator
