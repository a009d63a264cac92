#include "ingest/x_message_walk.h"

#include <cstring>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"
#include "base/bytes.h"

namespace braid {
namespace {

using simdjson::error_code;
using simdjson::SUCCESS;
using simdjson::ondemand::array;
using simdjson::ondemand::document;
using simdjson::ondemand::field;
using simdjson::ondemand::json_type;
using simdjson::ondemand::object;
using simdjson::ondemand::value;

template <size_t kSize>
bool Is(const char* key, const char (&word)[kSize]) {
  // Also compares the closing quote: a key never ends the padded buffer.
  return std::memcmp(key, word, kSize - 1) == 0 && key[kSize - 1] == '"';
}

// One pass over one line. Each Take… consumes a value and checks it.
class Walk {
 public:
  Walk(ScannedMessage* message, MessageFacts* facts) : message_(*message), facts_(*facts) {}

  error_code Root(document& doc) {
    object root;
    if (error_code error = doc.get_object().get(root)) return error;
    for (auto result : root) {
      field member;
      if (error_code error = std::move(result).get(member)) return error;
      if (error_code error = RootMember(member.key().raw(), member.value())) return error;
    }
    return NothingFollows(doc);
  }

 private:
  static error_code NothingFollows(document& doc) {
    const char* rest;
    return doc.current_location().get(rest) == simdjson::OUT_OF_BOUNDS ? SUCCESS
                                                                       : simdjson::TAPE_ERROR;
  }

  error_code RootMember(const char* key, value member) {
    switch (key[0]) {
      case 'c':
        if (Is(key, "created_at")) return Text(member, 2, &facts_.created_at);
        if (Is(key, "connection_issue")) return Problem(member, &message_.connection_issue);
        break;
      case 'd':
        if (Is(key, "data")) return Data(member);
        if (Is(key, "disconnect")) return Notice(member, ControlKind::kDisconnect);
        if (Is(key, "detail")) return Text(member, 2, &message_.text);
        if (Is(key, "disconnect_type")) return Problem(member, &message_.disconnect_type);
        break;
      case 'e':
        if (Is(key, "errors")) return Errors(member);
        if (Is(key, "error")) return Notice(member, ControlKind::kError);
        break;
      case 'f':
        if (Is(key, "favorited_status")) SetEvent(v1::EVENT_KIND_LIKE);
        break;
      case 'g':
        if (Is(key, "gnip")) return Gnip(member);
        break;
      case 'i':
        if (Is(key, "id_str")) return Id(member, &facts_.id_str);
        if (Is(key, "id")) return Id(member, &facts_.root_id);
        if (Is(key, "info")) return Notice(member, ControlKind::kInfo);
        break;
      case 'l':
        if (Is(key, "limit")) return Notice(member, ControlKind::kLimit);
        break;
      case 'm':
        if (Is(key, "matching_rules")) return Rules(member, 2);
        break;
      case 'p':
        if (Is(key, "postedTime")) return Text(member, 2, &facts_.posted_time);
        break;
      case 't':
        if (Is(key, "timestamp_ms")) return Text(member, 2, &facts_.timestamp_ms);
        if (Is(key, "title")) return Problem(member, &message_.title);
        if (Is(key, "type")) return Text(member, 2, &facts_.type);
        break;
      case 'v':
        if (Is(key, "verb")) return Text(member, 2, &facts_.verb);
        break;
      case 'w':
        if (Is(key, "warn")) return Notice(member, ControlKind::kWarn);
        if (Is(key, "warning")) return Notice(member, ControlKind::kWarning);
        break;
      default:
        break;
    }
    Compliance(key);
    return Skip(member, 2);
  }

  error_code Data(value member) {
    json_type type;
    if (error_code error = member.type().get(type)) return error;
    if (type != json_type::object) return Skip(member, 2);
    facts_.has_data = true;
    object data;
    if (error_code error = member.get_object().get(data)) return error;
    for (auto result : data) {
      field inner;
      if (error_code error = std::move(result).get(inner)) return error;
      const char* key = inner.key().raw();
      error_code error;
      if (Is(key, "id")) {
        error = Id(inner.value(), &facts_.data_id);
      } else if (Is(key, "created_at")) {
        error = Text(inner.value(), 3, &facts_.created_at);
      } else {
        DataEvent(key);
        error = Skip(inner.value(), 3);
      }
      if (error) return error;
    }
    return SUCCESS;
  }

  // Events that live in `data` only.
  void DataEvent(const char* key) {
    if (Is(key, "liked_tweet_id")) return SetEvent(v1::EVENT_KIND_LIKE);
    if (Is(key, "event_type")) return SetEvent(v1::EVENT_KIND_ACTIVITY);
    if (Is(key, "public_tweet_notice") || Is(key, "public_tweet_unviewable")) {
      return SetEvent(v1::EVENT_KIND_LABEL);
    }
    Compliance(key);
  }

  // Compliance events are named by the one member they have.
  void Compliance(const char* key) {
    bool is_compliance = false;
    switch (key[0]) {
      case 'd':
        is_compliance = Is(key, "delete") || Is(key, "drop");
        break;
      case 's':
        is_compliance = Is(key, "scrub_geo") || Is(key, "status_withheld");
        break;
      case 't':
        is_compliance = Is(key, "tweet_edit");
        break;
      case 'u':
        is_compliance = Is(key, "undrop") || std::memcmp(key, "user_", 5) == 0;
        break;
      case 'w':
        is_compliance = Is(key, "withheld");
        break;
      default:
        break;
    }
    if (is_compliance) SetEvent(v1::EVENT_KIND_COMPLIANCE);
  }

  void SetEvent(v1::EventKind kind) {
    // What names a like or an activity says more than a member beside it.
    if (facts_.event == v1::EVENT_KIND_UNSPECIFIED || kind != v1::EVENT_KIND_COMPLIANCE) {
      facts_.event = kind;
    }
  }

  error_code Errors(value member) {
    facts_.has_errors = true;
    json_type type;
    if (error_code error = member.type().get(type)) return error;
    if (type != json_type::array) return Skip(member, 2);
    array errors;
    if (error_code error = member.get_array().get(errors)) return error;
    for (auto result : errors) {
      value item;
      if (error_code error = std::move(result).get(item)) return error;
      if (error_code error = NoticeMembers(item, 3)) return error;
    }
    return SUCCESS;
  }

  error_code Notice(value member, ControlKind kind) {
    SetControl(kind);
    return NoticeMembers(member, 2);
  }

  // The members of an error, warn, info, disconnect … object.
  error_code NoticeMembers(value member, int depth) {
    json_type type;
    if (error_code error = member.type().get(type)) return error;
    if (type != json_type::object) return Skip(member, depth);
    object notice;
    if (error_code error = member.get_object().get(notice)) return error;
    for (auto result : notice) {
      field inner;
      if (error_code error = std::move(result).get(inner)) return error;
      if (error_code error = NoticeMember(inner.key().raw(), inner.value(), depth + 1)) {
        return error;
      }
    }
    return SUCCESS;
  }

  error_code NoticeMember(const char* key, value member, int depth) {
    if (Is(key, "disconnect_type")) return Text(member, depth, &message_.disconnect_type);
    if (Is(key, "connection_issue")) return Text(member, depth, &message_.connection_issue);
    if (Is(key, "title")) return Text(member, depth, &message_.title);
    if (Is(key, "message") || Is(key, "reason") || Is(key, "detail")) {
      return Text(member, depth, &message_.text);
    }
    if (Is(key, "code")) {
      json_type type;
      if (error_code error = member.type().get(type)) return error;
      // Codes are small; one that is no integer says nothing.
      if (type == json_type::number) {
        if (member.get_int64().get(message_.code)) message_.code = 0;
      }
    }
    return Skip(member, depth);
  }

  error_code Gnip(value member) {
    json_type type;
    if (error_code error = member.type().get(type)) return error;
    if (type != json_type::object) return Skip(member, 2);
    object gnip;
    if (error_code error = member.get_object().get(gnip)) return error;
    for (auto result : gnip) {
      field inner;
      if (error_code error = std::move(result).get(inner)) return error;
      bool rules = Is(inner.key().raw(), "matching_rules");
      error_code error = rules ? Rules(inner.value(), 3) : Skip(inner.value(), 3);
      if (error) return error;
    }
    return SUCCESS;
  }

  error_code Rules(value member, int depth) {
    json_type type;
    if (error_code error = member.type().get(type)) return error;
    if (type != json_type::array) return Skip(member, depth);
    array rules;
    if (error_code error = member.get_array().get(rules)) return error;
    for (auto result : rules) {
      value item;
      if (error_code error = std::move(result).get(item)) return error;
      if (error_code error = Rule(item, depth + 1)) return error;
    }
    return SUCCESS;
  }

  error_code Rule(value member, int depth) {
    json_type type;
    if (error_code error = member.type().get(type)) return error;
    if (type != json_type::object) return Skip(member, depth);
    object rule;
    if (error_code error = member.get_object().get(rule)) return error;
    absl::string_view tag, id;
    for (auto result : rule) {
      field inner;
      if (error_code error = std::move(result).get(inner)) return error;
      const char* key = inner.key().raw();
      value inner_value = inner.value();
      error_code error;
      if (Is(key, "tag")) {
        error = Text(inner_value, depth + 1, &tag);
      } else if (Is(key, "id_str") || Is(key, "id")) {
        error = TextOrNumber(inner_value, depth + 1, &id);
      } else {
        error = Skip(inner_value, depth + 1);
      }
      if (error) return error;
    }
    AddTag(tag.empty() ? id : tag);
    return SUCCESS;
  }

  void AddTag(absl::string_view tag) {
    if (tag.empty() || tag_bytes_ + tag.size() > kRuleTagBytesMax) return;
    tag_bytes_ += tag.size();
    message_.rule_tags.push_back(tag);
  }

  error_code Problem(value member, absl::string_view* out) {
    SetControl(ControlKind::kProblem);
    return Text(member, 2, out);
  }

  error_code Id(value member, IdMember* out) {
    json_type type;
    if (error_code error = member.type().get(type)) return error;
    out->form = IdMember::Form::kOther;
    if (type != json_type::string) return Skip(member, 3);
    out->form = IdMember::Form::kString;
    return Text(member, 3, &out->text);
  }

  // A string's value. A string with broken escapes has none; anything else is
  // skipped.
  error_code Text(value member, int depth, absl::string_view* out) {
    json_type type;
    if (error_code error = member.type().get(type)) return error;
    if (type != json_type::string) return Skip(member, depth);
    std::string_view text;
    error_code error = member.get_string().get(text);
    if (error == simdjson::STRING_ERROR) return SUCCESS;
    *out = ToAbsl(text);
    return error;
  }

  error_code TextOrNumber(value member, int depth, absl::string_view* out) {
    json_type type;
    if (error_code error = member.type().get(type)) return error;
    if (type != json_type::number) return Text(member, depth, out);
    *out = absl::StripAsciiWhitespace(ToAbsl(member.raw_json_token()));
    return Skip(member, depth);
  }

  // Checks a value that nobody wants. `depth`: of this value, the root is 1.
  // Recursion ends at kMessageDepthMax.
  error_code Skip(value member, int depth) {
    json_type type;
    if (error_code error = member.type().get(type)) return error;
    switch (type) {
      case json_type::object: {
        if (depth > kMessageDepthMax) return simdjson::DEPTH_ERROR;
        object inner;
        if (error_code error = member.get_object().get(inner)) return error;
        for (auto result : inner) {
          field item;
          if (error_code error = std::move(result).get(item)) return error;
          if (error_code error = Skip(item.value(), depth + 1)) return error;
        }
        return SUCCESS;
      }
      case json_type::array: {
        if (depth > kMessageDepthMax) return simdjson::DEPTH_ERROR;
        array inner;
        if (error_code error = member.get_array().get(inner)) return error;
        for (auto result : inner) {
          value item;
          if (error_code error = std::move(result).get(item)) return error;
          if (error_code error = Skip(item, depth + 1)) return error;
        }
        return SUCCESS;
      }
      case json_type::string:
        return SUCCESS;
      default:
        return CheckScalar(ToAbsl(member.raw_json_token()), type);
    }
  }

  static error_code CheckScalar(absl::string_view token, json_type type) {
    while (!token.empty() && absl::ascii_isspace(token.back())) token.remove_suffix(1);
    bool good = true;
    if (type == json_type::number) {
      for (char c : token) {
        good &= (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
      }
    } else {
      good = token == "true" || token == "false" || token == "null";
    }
    return good ? SUCCESS : simdjson::TAPE_ERROR;
  }

  void SetControl(ControlKind kind) {
    // A problem's title says less than anything that stands beside it.
    if (facts_.has_control && kind == ControlKind::kProblem) return;
    facts_.has_control = true;
    message_.control = kind;
  }

  ScannedMessage& message_;
  MessageFacts& facts_;
  size_t tag_bytes_ = 0;
};

}  // namespace

error_code WalkMessage(document& document, ScannedMessage* message, MessageFacts* facts) {
  return Walk(message, facts).Root(document);
}

}  // namespace braid
