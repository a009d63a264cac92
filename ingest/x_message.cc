#include "ingest/x_message.h"

#include <simdjson.h>

#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "base/bytes.h"
#include "proto/snowflake.h"

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

// Sequential ids had reached 29.7 billion when snowflakes began.
constexpr uint64_t kFirstSnowflakeId = 30'000'000'000;
// The longest member of a control message that is looked at; X's are short.
constexpr size_t kHexIdBytes = 32;

// An `id` member: what it was, and its text where it was a string.
struct IdMember {
  enum class Form { kAbsent, kString, kOther } form = Form::kAbsent;
  absl::string_view text;
};

struct Facts {
  IdMember root_id, id_str, data_id;
  absl::string_view created_at, timestamp_ms, posted_time, verb, type;
  bool has_data = false;
  bool has_errors = false;
  bool has_like = false;
  bool has_control = false;  // message.control is set
};

template <size_t kSize>
bool Is(const char* key, const char (&word)[kSize]) {
  // Also compares the closing quote: a key never ends the padded buffer.
  return std::memcmp(key, word, kSize - 1) == 0 && key[kSize - 1] == '"';
}

bool IsHexId(absl::string_view id) {
  if (id.size() != kHexIdBytes) return false;
  for (char c : id) {
    if (!absl::ascii_isxdigit(c)) return false;
  }
  return true;
}

bool IsDigits(absl::string_view text) {
  for (char c : text) {
    if (!absl::ascii_isdigit(c)) return false;
  }
  return true;
}

// One pass over one line. Each Take… consumes a value and checks it.
class Walk {
 public:
  Walk(ScannedMessage* message, Facts* facts) : message_(*message), facts_(*facts) {}

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

  error_code RootArray(document& doc) {
    array root;
    if (error_code error = doc.get_array().get(root)) return error;
    SetControl(ControlKind::kArray);
    for (auto result : root) {
      value item;
      if (error_code error = std::move(result).get(item)) return error;
      if (error_code error = Skip(item, 2)) return error;
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
        if (Is(key, "favorited_status")) facts_.has_like = true;
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
        if (Is(key, "liked_tweet_id")) facts_.has_like = true;
        Compliance(key);
        error = Skip(inner.value(), 3);
      }
      if (error) return error;
    }
    return SUCCESS;
  }

  // Compliance events are named by the one member they have.
  void Compliance(const char* key) {
    switch (key[0]) {
      case 'd':
        if (Is(key, "delete")) SetControl(ControlKind::kDelete);
        if (Is(key, "drop")) SetControl(ControlKind::kDrop);
        break;
      case 's':
        if (Is(key, "scrub_geo")) SetControl(ControlKind::kScrubGeo);
        if (Is(key, "status_withheld")) SetControl(ControlKind::kWithheld);
        break;
      case 't':
        if (Is(key, "tweet_edit")) SetControl(ControlKind::kEdit);
        break;
      case 'u':
        if (Is(key, "undrop")) SetControl(ControlKind::kUndrop);
        if (Is(key, "user_withheld")) {
          SetControl(ControlKind::kWithheld);
        } else if (std::memcmp(key, "user_", 5) == 0) {
          SetControl(ControlKind::kUser);
        }
        break;
      case 'w':
        if (Is(key, "withheld")) SetControl(ControlKind::kWithheld);
        break;
      default:
        break;
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
  Facts& facts_;
  size_t tag_bytes_ = 0;
};

void SetUnparsable(UnparsableReason reason, ScannedMessage* message) {
  message->kind = ScannedMessage::Kind::kUnparsable;
  message->reason = reason;
}

absl::Time SaidCreateTime(const Facts& facts, uint64_t post_id) {
  int64_t millis;
  if (absl::SimpleAtoi(facts.timestamp_ms, &millis)) return absl::FromUnixMillis(millis);
  absl::Time time;
  for (absl::string_view text : {facts.created_at, facts.posted_time}) {
    if (absl::ParseTime(absl::RFC3339_full, text, &time, nullptr)) return time;
    // "Wed Oct 10 20:19:24 +0000 2018"
    if (absl::ParseTime("%a %b %d %H:%M:%S %z %Y", text, &time, nullptr)) return time;
  }
  return SnowflakeTime(post_id);
}

void SetPost(absl::string_view digits, const Facts& facts, ScannedMessage* message) {
  uint64_t id = ParsePostId(digits);
  if (id == 0) return SetUnparsable(UnparsableReason::kBadId, message);
  message->kind = ScannedMessage::Kind::kPost;
  message->post_id = id;
  message->create_time = id >= kFirstSnowflakeId ? SnowflakeTime(id) : SaidCreateTime(facts, id);
}

void SetPost(const IdMember& id, const Facts& facts, ScannedMessage* message) {
  if (id.form != IdMember::Form::kString) {
    return SetUnparsable(UnparsableReason::kNumericId, message);
  }
  SetPost(id.text, facts, message);
}

void SetControl(ControlKind kind, ScannedMessage* message) {
  message->kind = ScannedMessage::Kind::kControl;
  message->control = kind;
}

// A root `id` without `id_str`: Activity Streams, a like, or trouble.
void DecideByRootId(const Facts& facts, ScannedMessage* message) {
  const IdMember& id = facts.root_id;
  if (id.form == IdMember::Form::kOther) {
    return SetUnparsable(UnparsableReason::kNumericId, message);
  }
  if (absl::StartsWith(id.text, "tag:")) {
    if (facts.verb != "post" && facts.verb != "share") {
      return SetControl(ControlKind::kActivity, message);
    }
    return SetPost(id.text.substr(id.text.rfind(':') + 1), facts, message);
  }
  if (IsHexId(id.text)) return SetControl(ControlKind::kLike, message);
  if (IsDigits(id.text)) return SetUnparsable(UnparsableReason::kBadId, message);
  SetControl(ControlKind::kUnknown, message);
}

void Decide(const Facts& facts, ScannedMessage* message) {
  using Form = IdMember::Form;
  if (facts.has_like) return SetControl(ControlKind::kLike, message);
  if (facts.has_data) {
    if (facts.data_id.form == Form::kAbsent) {
      return SetControl(facts.has_control ? message->control : ControlKind::kUnknown, message);
    }
    if (IsHexId(facts.data_id.text)) return SetControl(ControlKind::kLike, message);
    return SetPost(facts.data_id, facts, message);
  }
  if (facts.has_errors) return SetControl(ControlKind::kErrors, message);
  if (facts.id_str.form != Form::kAbsent) return SetPost(facts.id_str, facts, message);
  if (facts.has_control) return SetControl(message->control, message);
  if (facts.root_id.form != Form::kAbsent) return DecideByRootId(facts, message);
  SetControl(facts.type == "connection_metadata" ? ControlKind::kConnectionMetadata
                                                 : ControlKind::kUnknown,
             message);
}

UnparsableReason ReasonOf(error_code error) {
  switch (error) {
    case simdjson::UTF8_ERROR:
      return UnparsableReason::kBadUtf8;
    case simdjson::DEPTH_ERROR:
      return UnparsableReason::kTooDeep;
    default:
      return UnparsableReason::kNotJson;
  }
}

}  // namespace

struct MessageScanner::Parser {
  simdjson::ondemand::parser parser;
  // The line with spaces for its newlines; rarely used.
  std::string scratch;

  error_code Scan(absl::string_view line, ScannedMessage* message, Facts* facts) {
    document doc;
    error_code error =
        parser.iterate(line.data(), line.size(), line.size() + kLinePaddingBytes).get(doc);
    if (error) return error;
    json_type type;
    if ((error = doc.type().get(type))) return error;
    Walk walk(message, facts);
    if (type == json_type::object) return walk.Root(doc);
    if (type == json_type::array) return walk.RootArray(doc);
    return simdjson::INCORRECT_TYPE;
  }

  absl::string_view WithoutNewlines(absl::string_view line) {
    scratch.assign(line.data(), line.size());
    for (char& c : scratch) {
      if (c == '\n') c = ' ';
    }
    scratch.append(kLinePaddingBytes, ' ');
    return absl::string_view(scratch.data(), line.size());
  }
};

MessageScanner::MessageScanner() : parser_(std::make_unique<Parser>()) {
  static_assert(kLinePaddingBytes >= simdjson::SIMDJSON_PADDING);
}

MessageScanner::~MessageScanner() = default;

const ScannedMessage& MessageScanner::Scan(absl::string_view line) {
  auto reset = [this] {
    std::vector<absl::string_view> tags = std::move(message_.rule_tags);
    tags.clear();
    message_ = ScannedMessage();
    message_.rule_tags = std::move(tags);
  };
  reset();
  Facts facts;
  error_code error = parser_->Scan(line, &message_, &facts);
  if (error == simdjson::UNESCAPED_CHARS && line.find('\n') != absl::string_view::npos) {
    reset();
    facts = Facts();
    error = parser_->Scan(parser_->WithoutNewlines(line), &message_, &facts);
  }
  if (error) {
    SetUnparsable(ReasonOf(error), &message_);
  } else {
    Decide(facts, &message_);
  }
  return message_;
}

uint64_t ParsePostId(absl::string_view digits) {
  constexpr size_t kDigitsMax = 19;  // of 2^63
  if (digits.empty() || digits.size() > kDigitsMax || digits[0] == '0') return 0;
  uint64_t id = 0;
  for (char c : digits) {
    if (c < '0' || c > '9') return 0;
    id = id * 10 + static_cast<uint64_t>(c - '0');
  }
  return id < (uint64_t{1} << 63) ? id : 0;
}

std::string BoundedText(absl::string_view bytes, size_t bytes_max) {
  size_t length = std::min(bytes.size(), bytes_max);
  // Not inside a character: its continuation bytes are 10xxxxxx.
  while (length > 0 && length < bytes.size() && (bytes[length] & 0xC0) == 0x80) --length;
  std::string text(bytes.data(), length);
  if (simdjson::validate_utf8(text.data(), text.size())) return text;
  for (char& c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  }
  return text;
}

absl::string_view ControlWord(ControlKind kind) {
  switch (kind) {
    case ControlKind::kErrors:
      return "errors";
    case ControlKind::kProblem:
      return "problem";
    case ControlKind::kError:
      return "error";
    case ControlKind::kWarn:
      return "warn";
    case ControlKind::kInfo:
      return "info";
    case ControlKind::kDisconnect:
      return "disconnect";
    case ControlKind::kLimit:
      return "limit";
    case ControlKind::kWarning:
      return "warning";
    case ControlKind::kConnectionMetadata:
      return "connection_metadata";
    case ControlKind::kLike:
      return "like";
    case ControlKind::kActivity:
      return "activity";
    case ControlKind::kDelete:
      return "delete";
    case ControlKind::kWithheld:
      return "withheld";
    case ControlKind::kDrop:
      return "drop";
    case ControlKind::kUndrop:
      return "undrop";
    case ControlKind::kEdit:
      return "edit";
    case ControlKind::kScrubGeo:
      return "scrub_geo";
    case ControlKind::kUser:
      return "user";
    case ControlKind::kArray:
      return "array";
    case ControlKind::kUnknown:
      return "unknown";
  }
  return "unknown";
}

absl::string_view UnparsableWord(UnparsableReason reason) {
  switch (reason) {
    case UnparsableReason::kNotJson:
      return "not_json";
    case UnparsableReason::kTooDeep:
      return "too_deep";
    case UnparsableReason::kBadUtf8:
      return "bad_utf8";
    case UnparsableReason::kNumericId:
      return "numeric_id";
    case UnparsableReason::kBadId:
      return "bad_id";
  }
  return "not_json";
}

}  // namespace braid
