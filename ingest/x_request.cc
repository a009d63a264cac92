#include "ingest/x_request.h"

#include <fstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "base/host_port.h"

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

absl::string_view HostOf(absl::string_view authority) {
  if (absl::StartsWith(authority, "[")) return authority.substr(0, authority.find(']') + 1);
  return authority.substr(0, authority.find(':'));
}

// What may stand between two slashes without being escaped.
bool IsPathWord(absl::string_view text) {
  if (text.empty() || text == "." || text == "..") return false;
  for (char c : text) {
    if (!absl::ascii_isalnum(c) && c != '-' && c != '_' && c != '.') return false;
  }
  return true;
}

absl::StatusOr<std::string> BaseUrl(const RequestOptions& options) {
  if (!options.url.empty()) return options.url;
  std::string url = options.dialect->url;
  if (!absl::StrContains(url, "{account}")) return url;
  for (const auto& [name, value] :
       {std::make_pair("account", &options.account), std::make_pair("label", &options.label)}) {
    if (!IsPathWord(*value)) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, ": ", options.dialect->name, " needs one of letters, digits, - _ ."));
    }
  }
  return absl::StrReplaceAll(url, {{"{account}", options.account}, {"{label}", options.label}});
}

absl::Status CheckPartition(const RequestOptions& options) {
  int partitions = options.dialect->partitions;
  if (partitions == 0 && options.partition == 0) return absl::OkStatus();
  if (partitions == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("partition: ", options.dialect->name, " has none"));
  }
  if (options.partition < 1 || options.partition > partitions) {
    return absl::InvalidArgumentError(
        absl::StrCat("partition: ", options.dialect->name, " takes 1 to ", partitions));
  }
  return absl::OkStatus();
}

std::string PercentEncoded(absl::string_view text) {
  std::string out;
  for (char c : text) {
    if (absl::ascii_isalnum(c) || absl::StrContains("-_.~,", absl::string_view(&c, 1))) {
      out.push_back(c);
    } else {
      absl::StrAppendFormat(&out, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return out;
}

void AddParameter(absl::string_view name, absl::string_view value, std::string* url) {
  char joint = absl::StrContains(*url, "?") ? '&' : '?';
  absl::StrAppend(url, std::string(1, joint), PercentEncoded(name), "=", PercentEncoded(value));
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
  // Names and IPv6 addresses as they are written most, no other spelling: the
  // token goes there in plain text.
  bool is_here = host == "localhost" || host == "[::1]" ||
                 (absl::StartsWith(host, "127.") && IsLoopbackHost(host));
  if (!https && !is_here) {
    return absl::InvalidArgumentError("url: http is for this machine only, use https");
  }
  if (absl::StrContains(url, "#")) return absl::InvalidArgumentError("url: holds a fragment");
  return absl::OkStatus();
}

absl::StatusOr<std::string> StreamUrl(const RequestOptions& options) {
  absl::StatusOr<std::string> url = BaseUrl(options);
  if (!url.ok()) return url.status();
  if (absl::Status status = CheckStreamUrl(*url); !status.ok()) return status;
  if (absl::Status status = CheckPartition(options); !status.ok()) return status;
  if (options.partition > 0) AddParameter("partition", absl::StrCat(options.partition), &*url);
  for (const auto& [name, value] : options.parameters) AddParameter(name, value, &*url);
  return url;
}

std::string AuthorizationOf(XAuth auth, absl::string_view token) {
  if (auth == XAuth::kBearer) return absl::StrCat("Bearer ", token);
  return absl::StrCat("Basic ", absl::Base64Escape(token));
}

std::string UserAgent(absl::string_view version, absl::string_view connection) {
  return absl::StrCat("braid/", version, " (+", connection, ")");
}

void AddIdentity(std::string authorization, std::string user_agent, HttpRequest* request) {
  if (!authorization.empty()) {
    request->headers.push_back({"Authorization", std::move(authorization)});
  }
  request->headers.push_back({"User-Agent", std::move(user_agent)});
}

absl::StatusOr<HttpRequest> BuildRequest(const RequestOptions& options, absl::string_view token,
                                         int backfill_minutes) {
  const Dialect& dialect = *options.dialect;
  absl::StatusOr<std::string> url = StreamUrl(options);
  if (!url.ok()) return url.status();
  if (!IsVisibleAscii(token)) {
    return absl::InvalidArgumentError("token: holds characters that no token has");
  }
  if (backfill_minutes > dialect.backfill_minutes_max) {
    return absl::InvalidArgumentError(absl::StrCat("backfill_minutes: ", dialect.name,
                                                   " takes 0 to ", dialect.backfill_minutes_max));
  }
  HttpRequest request;
  if (backfill_minutes > 0) {
    AddParameter(BackfillParameter(dialect.family), absl::StrCat(backfill_minutes), &*url);
  }
  request.url = *std::move(url);
  AddIdentity(token.empty() ? "" : AuthorizationOf(dialect.auth, token),
              UserAgent(options.version, options.connection), &request);
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
