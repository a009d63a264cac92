#include "ingest/x_event_key.h"

#include <simdjson.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/match.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "ingest/x_message.h"
#include "ingest/x_time.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::element_type;
using simdjson::dom::key_value_pair;
using simdjson::dom::object;

// In order of preference where several stand side by side.
constexpr absl::string_view kTimeNames[] = {"event_at", "timestamp_ms", "timestampMs", "created_at",
                                            "postedTime"};

// Members beside the event in a message that is no `data` message.
bool IsBesideEvent(absl::string_view name) {
  return name == "matching_rules" || name == "includes" || name == "errors" || name == "gnip";
}

bool IsIdName(absl::string_view name) {
  return name == "id" || name == "id_str" || absl::EndsWith(name, "_id") ||
         absl::EndsWith(name, "_id_str");
}

std::vector<key_value_pair> SortedMembers(object members) {
  std::vector<key_value_pair> sorted(members.begin(), members.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.key < b.key; });
  return sorted;
}

std::string Minified(element value) { return simdjson::minify(value); }

absl::optional<absl::Time> TimeOf(element value) {
  std::string_view text;
  if (!value.get_string().get(text)) return ParseXTime(ToAbsl(text));
  return value.is_number() ? ParseXTime(Minified(value)) : absl::nullopt;
}

// The member that says when, nearest to the root.
struct TimeMember {
  int depth = 0;  // 0: none
  absl::string_view name;
  absl::Time time = absl::UnixEpoch();
};

void FindTime(object members, int depth, TimeMember* found) {
  if (found->depth != 0 && found->depth <= depth) return;
  for (absl::string_view name : kTimeNames) {
    element value;
    if (members.at_key(std::string_view(name.data(), name.size())).get(value)) continue;
    if (absl::optional<absl::Time> time = TimeOf(value)) {
      *found = {depth, name, *time};
      return;
    }
  }
  for (key_value_pair member : SortedMembers(members)) {
    object inner;
    if (!member.value.get_object().get(inner)) FindTime(inner, depth + 1, found);
  }
}

// Collects ids into the key and everything else into bytes to be hashed.
class Canonical {
 public:
  Canonical(const TimeMember& time, v1::EventKey* key) : time_(time), key_(*key) {}

  void AddObject(object members, int depth) {
    rest_.push_back('{');
    for (key_value_pair member : SortedMembers(members)) AddMember(members, member, depth);
    rest_.push_back('}');
  }

  uint64_t Hash() const { return Hash64(ToAbsl(rest_)); }

 private:
  void AddMember(object siblings, key_value_pair member, int depth) {
    absl::string_view name = ToAbsl(member.key);
    if (depth == time_.depth && name == time_.name) return;
    if (depth == 1 && IsBesideEvent(name)) return;
    if (IsIdName(name) && AddId(siblings, member)) return;
    rest_.append(member.key).push_back(':');
    AddValue(member.value, depth);
    rest_.push_back(',');
  }

  // False where the member is no id after all.
  bool AddId(object siblings, key_value_pair member) {
    element twin;
    if (!siblings.at_key(std::string(member.key) + "_str").get(twin)) return true;
    std::string_view text;
    if (!member.value.get_string().get(text)) {
      key_.add_object_ids(std::string(text));
      return true;
    }
    if (!member.value.is_number()) return false;
    key_.add_object_ids(Minified(member.value));
    return true;
  }

  void AddValue(element value, int depth) {
    object members;
    array items;
    if (!value.get_object().get(members)) return AddObject(members, depth + 1);
    if (value.get_array().get(items)) {
      rest_.append(Minified(value));
      return;
    }
    rest_.push_back('[');
    for (element item : items) {
      AddValue(item, depth + 1);
      rest_.push_back(',');
    }
    rest_.push_back(']');
  }

  const TimeMember time_;
  v1::EventKey& key_;
  std::string rest_;
};

// The object that is the event: `data`, or the whole message.
object EventObject(object root) {
  object data;
  return root.at_key("data").get_object().get(data) ? root : data;
}

v1::EventKind RefineKind(object event, v1::EventKind kind) {
  element favorite;
  bool is_unlike =
      kind == v1::EVENT_KIND_COMPLIANCE && !event.at_pointer("/delete/favorite").get(favorite);
  return is_unlike ? v1::EVENT_KIND_UNLIKE : kind;
}

// The like's own id; false where it has none.
bool SetLikeId(object event, v1::EventKey* key) {
  std::string_view id;
  if (event.at_key("id").get_string().get(id)) return false;
  key->add_object_ids(std::string(id));
  return true;
}

}  // namespace

struct EventKeyReader::Parser {
  simdjson::dom::parser parser;
};

EventKeyReader::EventKeyReader() : parser_(std::make_unique<Parser>()) {}
EventKeyReader::~EventKeyReader() = default;

v1::EventKey EventKeyReader::Read(absl::string_view line, v1::EventKind kind) {
  v1::EventKey key;
  key.set_kind(kind);
  object root;
  // The bytes behind the line are readable: no copy is needed.
  if (parser_->parser.parse(line.data(), line.size(), false).get_object().get(root)) {
    SetTime(absl::UnixEpoch(), key.mutable_event_time());
    key.set_members_hash(Hash64(line));
    return key;
  }
  object event = EventObject(root);
  key.set_kind(RefineKind(event, kind));
  TimeMember time;
  FindTime(event, 1, &time);
  SetTime(time.time, key.mutable_event_time());
  if (kind == v1::EVENT_KIND_LIKE && SetLikeId(event, &key)) return key;
  Canonical canonical(time, &key);
  canonical.AddObject(event, 1);
  key.set_members_hash(canonical.Hash());
  return key;
}

}  // namespace braid
