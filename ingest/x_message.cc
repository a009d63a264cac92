#include "ingest/x_message.h"

#include <simdjson.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "base/bytes.h"
#include "ingest/x_event_key.h"
#include "ingest/x_message_walk.h"
#include "ingest/x_time.h"
#include "proto/proto_time.h"
#include "proto/snowflake.h"

namespace braid {
namespace {

using simdjson::error_code;

// Sequential ids had reached 29.7 billion when snowflakes began.
constexpr uint64_t kFirstSnowflakeId = 30'000'000'000;
// A like's id is 32 hex digits.
constexpr size_t kHexIdBytes = 32;

bool IsHexId(absl::string_view id) {
  return id.size() == kHexIdBytes && std::all_of(id.begin(), id.end(), absl::ascii_isxdigit);
}

bool IsDigits(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

absl::Time SaidCreateTime(const MessageFacts& facts, uint64_t post_id) {
  for (absl::string_view text : {facts.timestamp_ms, facts.created_at, facts.posted_time}) {
    if (absl::optional<absl::Time> time = ParseXTime(text)) return *time;
  }
  return SnowflakeTime(post_id);
}

// What a line is, from what the walk noted.
class Decision {
 public:
  Decision(const MessageFacts& facts, v1::EventKind unknown, ScannedMessage* message)
      : facts_(facts), unknown_(unknown), message_(*message) {}

  void Decide() {
    using Form = IdMember::Form;
    if (facts_.has_data) return DecideByData();
    if (facts_.has_errors) return SetControl(ControlKind::kErrors);
    if (facts_.id_str.form != Form::kAbsent) return SetPost(facts_.id_str);
    if (facts_.event != v1::EVENT_KIND_UNSPECIFIED) return SetEvent(facts_.event);
    if (facts_.has_control) return SetControl(message_.control);
    if (facts_.root_id.form != Form::kAbsent) return DecideByRootId();
    if (facts_.type == "connection_metadata") return SetControl(ControlKind::kConnectionMetadata);
    SetUnknown();
  }

  void SetUnparsable(UnparsableReason reason) {
    message_.kind = ScannedMessage::Kind::kUnparsable;
    message_.reason = reason;
  }

 private:
  void DecideByData() {
    const IdMember& id = facts_.data_id;
    bool is_like = facts_.event == v1::EVENT_KIND_LIKE || IsHexId(id.text);
    if (is_like) return SetEvent(v1::EVENT_KIND_LIKE);
    if (id.form != IdMember::Form::kAbsent) return SetPost(id);
    if (facts_.event != v1::EVENT_KIND_UNSPECIFIED) return SetEvent(facts_.event);
    SetUnknown();
  }

  // A root `id` without `id_str`: Activity Streams, a like, or trouble.
  void DecideByRootId() {
    const IdMember& id = facts_.root_id;
    if (id.form == IdMember::Form::kOther) return SetUnparsable(UnparsableReason::kNumericId);
    if (absl::StartsWith(id.text, "tag:")) {
      bool is_post = facts_.verb == "post" || facts_.verb == "share";
      if (!is_post) return SetEvent(v1::EVENT_KIND_COMPLIANCE);
      return SetPost(id.text.substr(id.text.rfind(':') + 1));
    }
    if (IsHexId(id.text)) return SetEvent(v1::EVENT_KIND_LIKE);
    if (IsDigits(id.text)) return SetUnparsable(UnparsableReason::kBadId);
    SetUnknown();
  }

  void SetPost(absl::string_view digits) {
    uint64_t id = ParsePostId(digits);
    if (id == 0) return SetUnparsable(UnparsableReason::kBadId);
    message_.kind = ScannedMessage::Kind::kPost;
    message_.post_id = id;
    message_.create_time = id >= kFirstSnowflakeId ? SnowflakeTime(id) : SaidCreateTime(facts_, id);
  }

  void SetPost(const IdMember& id) {
    if (id.form != IdMember::Form::kString) return SetUnparsable(UnparsableReason::kNumericId);
    SetPost(id.text);
  }

  void SetEvent(v1::EventKind kind) {
    message_.kind = ScannedMessage::Kind::kEvent;
    message_.key.set_kind(kind);
  }

  void SetUnknown() {
    if (unknown_ != v1::EVENT_KIND_UNSPECIFIED && !facts_.has_control) return SetEvent(unknown_);
    SetControl(facts_.has_control ? message_.control : ControlKind::kUnknown);
  }

  void SetControl(ControlKind kind) {
    message_.kind = ScannedMessage::Kind::kControl;
    message_.control = kind;
  }

  const MessageFacts& facts_;
  const v1::EventKind unknown_;
  ScannedMessage& message_;
};

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
  EventKeyReader key_reader;
  // The line with spaces for its newlines; rarely used.
  std::string scratch;

  error_code Scan(absl::string_view line, ScannedMessage* message, MessageFacts* facts) {
    simdjson::ondemand::document document;
    error_code error =
        parser.iterate(line.data(), line.size(), line.size() + kLinePaddingBytes).get(document);
    if (error) return error;
    simdjson::ondemand::json_type type;
    if ((error = document.type().get(type))) return error;
    if (type != simdjson::ondemand::json_type::object) return simdjson::INCORRECT_TYPE;
    return WalkMessage(document, message, facts);
  }

  absl::string_view WithoutNewlines(absl::string_view line) {
    scratch.assign(line.data(), line.size());
    std::replace(scratch.begin(), scratch.end(), '\n', ' ');
    scratch.append(kLinePaddingBytes, ' ');
    return absl::string_view(scratch.data(), line.size());
  }
};

MessageScanner::MessageScanner(v1::EventKind unknown)
    : unknown_(unknown), parser_(std::make_unique<Parser>()) {
  static_assert(kLinePaddingBytes >= simdjson::SIMDJSON_PADDING);
}

MessageScanner::~MessageScanner() = default;

void MessageScanner::Reset() {
  std::vector<absl::string_view> tags = std::move(message_.rule_tags);
  tags.clear();
  message_ = ScannedMessage();
  message_.rule_tags = std::move(tags);
}

const ScannedMessage& MessageScanner::Scan(absl::string_view line) {
  Reset();
  MessageFacts facts;
  error_code error = parser_->Scan(line, &message_, &facts);
  if (error == simdjson::UNESCAPED_CHARS && line.find('\n') != absl::string_view::npos) {
    Reset();
    facts = MessageFacts();
    line = parser_->WithoutNewlines(line);
    error = parser_->Scan(line, &message_, &facts);
  }
  Decision decision(facts, unknown_, &message_);
  if (error) {
    decision.SetUnparsable(ReasonOf(error));
  } else {
    decision.Decide();
  }
  if (message_.kind == ScannedMessage::Kind::kEvent) {
    message_.key = parser_->key_reader.Read(line, message_.key.kind());
    message_.create_time = ToTime(message_.key.event_time());
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

}  // namespace braid
