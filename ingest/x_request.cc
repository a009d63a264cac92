#include "ingest/x_request.h"

#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace braid {
namespace {

// Tokens of X have about 120 characters.
constexpr size_t kTokenBytesMax = 4096;

bool IsVisibleAscii(absl::string_view text) {
  for (char c : text) {
    if (!absl::ascii_isgraph(c)) return false;
  }
  return true;
}

// The four numbers of 127.0.0.0/8, written out: no 127.1, no names.
bool IsLoopbackAddress(absl::string_view host) {
  std::vector<absl::string_view> parts = absl::StrSplit(host, '.');
  if (parts.size() != 4 || parts[0] != "127") return false;
  for (absl::string_view part : parts) {
    if (part.empty() || part.size() > 3) return false;
    for (char c : part) {
      if (!absl::ascii_isdigit(c)) return false;
    }
  }
  return true;
}

absl::string_view HostOf(absl::string_view authority) {
  if (absl::StartsWith(authority, "[")) return authority.substr(0, authority.find(']') + 1);
  return authority.substr(0, authority.find(':'));
}

}  // namespace

absl::Status CheckStreamUrl(absl::string_view url) {
  // No control characters, no spaces, no backslashes, which URL parsers read
  // in different ways.
  if (!IsVisibleAscii(url) || absl::StrContains(url, "\\")) {
    return absl::InvalidArgumentError("url: holds a space, a backslash or what is no ASCII");
  }
  bool https = absl::ConsumePrefix(&url, "https://");
  if (!https && !absl::ConsumePrefix(&url, "http://")) {
    return absl::InvalidArgumentError("url: must begin with https://");
  }
  absl::string_view authority = url.substr(0, url.find_first_of("/?#"));
  if (absl::StrContains(authority, "@")) {
    return absl::InvalidArgumentError("url: must not hold a user name");
  }
  absl::string_view host = HostOf(authority);
  if (host.empty()) return absl::InvalidArgumentError("url: has no host");
  if (!https && host != "localhost" && host != "[::1]" && !IsLoopbackAddress(host)) {
    return absl::InvalidArgumentError("url: http is for this machine only, use https");
  }
  if (absl::StrContains(url, "#")) return absl::InvalidArgumentError("url: holds a fragment");
  return absl::OkStatus();
}

absl::StatusOr<HttpRequest> BuildRequest(const RequestOptions& options, absl::string_view token,
                                         int backfill_minutes) {
  if (absl::Status status = CheckStreamUrl(options.url); !status.ok()) return status;
  if (!IsVisibleAscii(token)) {
    return absl::InvalidArgumentError("token: holds characters that no token has");
  }
  HttpRequest request;
  request.url = options.url;
  if (backfill_minutes > 0) {
    char joint = absl::StrContains(request.url, "?") ? '&' : '?';
    absl::StrAppend(&request.url, std::string(1, joint), "backfill_minutes=", backfill_minutes);
  }
  if (!token.empty()) request.headers.push_back({"Authorization", absl::StrCat("Bearer ", token)});
  request.headers.push_back(
      {"User-Agent", absl::StrCat("braid/", options.version, " (+", options.connection, ")")});
  request.accept_gzip = true;
  request.connect_timeout = options.connect_timeout;
  request.ca_file = options.ca_file;
  return request;
}

absl::StatusOr<std::string> ReadToken(const std::string& path) {
  if (path.empty()) return std::string();
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat("token file can not be read: ", path));
  std::string token(kTokenBytesMax + 1, '\0');
  file.read(token.data(), static_cast<std::streamsize>(token.size()));
  token.resize(static_cast<size_t>(file.gcount()));
  if (token.size() > kTokenBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("token file is too long: ", path));
  }
  absl::StripAsciiWhitespace(&token);
  if (token.empty()) return absl::InvalidArgumentError(absl::StrCat("token file is empty: ", path));
  return token;
}

}  // namespace braid
