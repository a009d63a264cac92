#include "base/log_line.h"

#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace braid {
namespace {

// Length of the valid UTF-8 sequence at the start; 0 if there is none.
size_t Utf8Length(absl::string_view bytes) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || bytes.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const bool overlong = (lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xf0 && byte(1) < 0x90);
  const bool surrogate = lead == 0xed && byte(1) >= 0xa0;
  const bool beyond = lead == 0xf4 && byte(1) >= 0x90;
  return overlong || surrogate || beyond ? 0 : length;
}

// Appends one character and returns how many bytes of `rest` it was.
size_t AppendEscaped(absl::string_view rest, std::string* out) {
  const size_t length = Utf8Length(rest);
  if (length == 0) {
    out->append("\xef\xbf\xbd");
    return 1;
  }
  const auto first = static_cast<uint8_t>(rest[0]);
  if (first == '"' || first == '\\') {
    out->push_back('\\');
    out->push_back(rest[0]);
  } else if (first == '\n') {
    out->append("\\n");
  } else if (first == '\t') {
    out->append("\\t");
  } else if (first < 0x20 || first == 0x7f) {
    absl::StrAppendFormat(out, "\\u%04x", first);
  } else if (first == 0xc2 && static_cast<uint8_t>(rest[1]) < 0xa0) {
    // C1 controls steer terminals as well.
    absl::StrAppendFormat(out, "\\u%04x", static_cast<uint8_t>(rest[1]));
  } else {
    out->append(rest.data(), length);
  }
  return length;
}

std::string Escaped(absl::string_view value) {
  std::string out;
  out.reserve(value.size());
  while (!value.empty()) value.remove_prefix(AppendEscaped(value, &out));
  return out;
}

std::string Quoted(absl::string_view value) { return absl::StrCat("\"", Escaped(value), "\""); }

// logfmt: quotes only where a reader would otherwise be lost.
std::string QuotedIfNeeded(absl::string_view value) {
  if (value.empty()) return "\"\"";
  for (char c : value) {
    if (c == ' ' || c == '=' || !absl::ascii_isgraph(c) || c == '"' || c == '\\') {
      return Quoted(value);
    }
  }
  return std::string(value);
}

std::string Timestamp(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

std::string Json(const LogLine& line) {
  std::string out =
      absl::StrCat("{\"ts\":\"", Timestamp(line.time), "\",\"level\":\"", LogLevelName(line.level),
                   "\",\"event\":", Quoted(line.event), ",\"msg\":", Quoted(line.message));
  if (!line.component.empty()) absl::StrAppend(&out, ",\"component\":", Quoted(line.component));
  for (const LogField& field : line.fields) {
    absl::StrAppend(&out, ",", Quoted(field.key), ":",
                    field.is_number ? field.value : Quoted(field.value));
  }
  out.push_back('}');
  return out;
}

std::string Fields(const LogLine& line) {
  std::string out;
  for (const LogField& field : line.fields) {
    absl::StrAppend(&out, " ", field.key, "=", QuotedIfNeeded(field.value));
  }
  return out;
}

std::string Logfmt(const LogLine& line) {
  std::string out =
      absl::StrCat("ts=", Timestamp(line.time), " level=", LogLevelName(line.level),
                   " event=", QuotedIfNeeded(line.event), " msg=", Quoted(line.message));
  if (!line.component.empty()) absl::StrAppend(&out, " component=", line.component);
  return out + Fields(line);
}

std::string Text(const LogLine& line) {
  return absl::StrFormat("%s %-5s %s: %s%s", Timestamp(line.time),
                         absl::AsciiStrToUpper(LogLevelName(line.level)), Escaped(line.event),
                         Escaped(line.message), Fields(line));
}

}  // namespace

absl::string_view LogLevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarn:
      return "warn";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

std::string FormatLogLine(const LogLine& line, LogOptions::Format format) {
  if (format == LogOptions::Format::kJson) return Json(line);
  if (format == LogOptions::Format::kLogfmt) return Logfmt(line);
  return Text(line);
}

}  // namespace braid
