// The little HTTP/1.1 the emulator needs: a request out of bytes, an answer
// into bytes, JSON text for answers. Pure. Threads: any.

#ifndef BRAID_TESTS_EMULATOR_HTTP_TEXT_H_
#define BRAID_TESTS_EMULATOR_HTTP_TEXT_H_

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace braid::emulator {

// No client of a stream sends more.
inline constexpr size_t kRequestHeadBytesMax = 16 << 10;

struct HttpRequest {
  std::string method;
  std::string path;                            // without the query, decoded
  std::map<std::string, std::string> query;    // decoded
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  // "" when absent.
  std::string Header(const std::string& name) const;
  std::string Query(const std::string& name) const;
};

enum class ParseState { kNeedMore, kDone, kBad, kTooLong };

// Reads one request from the front of `bytes`; a longer body is kTooLong.
ParseState ParseRequest(absl::string_view bytes, size_t body_bytes_max, HttpRequest* request);

struct HttpAnswer {
  int status = 200;
  std::string body;
  std::vector<std::string> extra_headers;  // "name: value"
};

// With Date, Content-Length and Connection: close.
std::string RenderAnswer(const HttpAnswer& answer, absl::Time now);
std::string HttpDate(absl::Time now);

// A JSON string literal.
std::string JsonText(absl::string_view text);

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_HTTP_TEXT_H_
