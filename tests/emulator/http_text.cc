#include "tests/emulator/http_text.h"

#include <cstdio>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace braid::emulator {
namespace {

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  char lower = absl::ascii_tolower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string Decode(absl::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && HexValue(text[i + 1]) >= 0 &&
        HexValue(text[i + 2]) >= 0) {
      out += static_cast<char>(HexValue(text[i + 1]) * 16 + HexValue(text[i + 2]));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

void ParseTarget(absl::string_view target, HttpRequest* request) {
  size_t mark = target.find('?');
  request->path = Decode(target.substr(0, mark));
  if (mark == absl::string_view::npos) return;
  for (absl::string_view pair : absl::StrSplit(target.substr(mark + 1), '&', absl::SkipEmpty())) {
    size_t equals = pair.find('=');
    std::string value = equals == absl::string_view::npos ? "" : Decode(pair.substr(equals + 1));
    request->query[Decode(pair.substr(0, equals))] = value;
  }
}

bool ParseHead(absl::string_view head, HttpRequest* request) {
  std::vector<absl::string_view> lines = absl::StrSplit(head, "\r\n");
  std::vector<absl::string_view> first = absl::StrSplit(lines[0], ' ');
  if (first.size() != 3 || first[2].substr(0, 7) != "HTTP/1.") return false;
  request->method = std::string(first[0]);
  ParseTarget(first[1], request);
  for (size_t i = 1; i < lines.size(); ++i) {
    size_t colon = lines[i].find(':');
    if (colon == absl::string_view::npos) return false;
    request->headers[absl::AsciiStrToLower(lines[i].substr(0, colon))] =
        std::string(absl::StripAsciiWhitespace(lines[i].substr(colon + 1)));
  }
  return true;
}

const char* Reason(int status) {
  static const std::map<int, const char*> kReasons = {
      {200, "OK"},
      {201, "Created"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {402, "Payment Required"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {406, "Not Acceptable"},
      {409, "Conflict"},
      {413, "Request Entity Too Large"},
      {416, "Range Unacceptable"},
      {420, "Enhance Your Calm"},
      {422, "Unprocessable Entity"},
      {429, "Too Many Requests"},
      {500, "Internal Server Error"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
  };
  auto found = kReasons.find(status);
  return found == kReasons.end() ? "Status" : found->second;
}

std::string Find(const std::map<std::string, std::string>& map, const std::string& name) {
  auto found = map.find(name);
  return found == map.end() ? "" : found->second;
}

}  // namespace

std::string HttpRequest::Header(const std::string& name) const { return Find(headers, name); }
std::string HttpRequest::Query(const std::string& name) const { return Find(query, name); }

namespace {

// A body in chunks, as some clients send it.
ParseState TakeChunkedBody(absl::string_view rest, size_t body_bytes_max, std::string* body) {
  for (;;) {
    size_t end = rest.find("\r\n");
    if (end == absl::string_view::npos) return ParseState::kNeedMore;
    size_t size = std::strtoull(std::string(rest.substr(0, end)).c_str(), nullptr, 16);
    if (size + body->size() > body_bytes_max) return ParseState::kTooLong;
    if (rest.size() < end + 2 + size + 2) return ParseState::kNeedMore;
    if (size == 0) return ParseState::kDone;
    absl::StrAppend(body, rest.substr(end + 2, size));
    rest.remove_prefix(end + 2 + size + 2);
  }
}

}  // namespace

ParseState ParseRequest(absl::string_view bytes, size_t body_bytes_max, HttpRequest* request) {
  size_t end = bytes.find("\r\n\r\n");
  if (end == absl::string_view::npos) {
    return bytes.size() > kRequestHeadBytesMax ? ParseState::kBad : ParseState::kNeedMore;
  }
  *request = {};
  if (!ParseHead(bytes.substr(0, end), request)) return ParseState::kBad;
  absl::string_view rest = bytes.substr(end + 4);
  if (absl::EqualsIgnoreCase(request->Header("transfer-encoding"), "chunked")) {
    return TakeChunkedBody(rest, body_bytes_max, &request->body);
  }
  uint64_t length = 0;
  std::string length_text = request->Header("content-length");
  if (!length_text.empty() && !absl::SimpleAtoi(length_text, &length)) return ParseState::kBad;
  if (length > body_bytes_max) return ParseState::kTooLong;
  if (rest.size() < length) return ParseState::kNeedMore;
  request->body = std::string(rest.substr(0, length));
  return ParseState::kDone;
}

std::string HttpDate(absl::Time now) {
  return absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT", now, absl::UTCTimeZone());
}

std::string RenderAnswer(const HttpAnswer& answer, absl::Time now) {
  std::string out =
      absl::StrCat("HTTP/1.1 ", answer.status, " ", Reason(answer.status),
                   "\r\ndate: ", HttpDate(now), "\r\ncontent-type: application/json; charset=utf-8",
                   "\r\ncontent-length: ", answer.body.size(), "\r\nconnection: close\r\n");
  for (const std::string& header : answer.extra_headers) absl::StrAppend(&out, header, "\r\n");
  return absl::StrCat(out, "\r\n", answer.body);
}

std::string JsonText(absl::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char buffer[8];
      std::snprintf(buffer, sizeof(buffer), "\\u%04x", c);
      out += buffer;
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace braid::emulator
