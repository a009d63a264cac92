#include "base/config_check.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "base/config_watch.h"
#include "base/host_port.h"
#include "base/secret_file.h"

namespace braid {
namespace {

using config::v1::ConnectorConfig;
using config::v1::DeduperConfig;
using config::v1::ListenConfig;
using config::v1::LogConfig;
using config::v1::ServerTlsConfig;
using config::v1::SourceConfig;
using config::v1::SpoolConfig;
using config::v1::StreamConfig;
using config::v1::TlsConfig;

struct Range {
  uint64_t value_if_unset;
  uint64_t min;
  uint64_t max;
  absl::string_view text;
};

constexpr uint64_t kMinute = 60'000;
constexpr uint64_t kHour = 60 * kMinute;
constexpr uint64_t kDay = 24 * kHour;
constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kGiB = 1 << 30;

// 25 s: X sends a heartbeat every 20 s and up to 22 s apart.
constexpr Range kStallAfter = {25'000, 100, 10 * kMinute, "100ms to 10min"};
// Posts are under 100 KiB; a frame has to fit into a 4 MiB message.
constexpr Range kLineMax = {2 * kMiB, 1 << 10, 2 * kMiB, "1KiB to 2MiB"};
// 20 GiB: a day of 6,000 posts/s of 2 KB is 150 GiB compressed to a seventh.
constexpr Range kSpoolSize = {20 * kGiB, kMiB, 1024 * kGiB, "1MiB to 1TiB"};
constexpr Range kSpoolRetention = {15 * kMinute, 1000, 7 * kDay, "1s to 7d"};
constexpr Range kSegment = {64 * kMiB, 64 << 10, kGiB, "64KiB to 1GiB"};
// 20 ms: the added latency that is allowed; a disk does 50 syncs a second.
constexpr Range kSyncInterval = {20, 1, 1000, "1ms to 1s"};
// 26 h: longer than the 24 h that a recovery can reach back.
constexpr Range kWindowSpan = {26 * kHour, 1000, 30 * kDay, "1s to 30d"};
constexpr Range kWindowMemory = {128 * kMiB, kMiB, 64 * kGiB, "1MiB to 64GiB"};
constexpr Range kRetention = {26 * kHour, 1000, 30 * kDay, "1s to 30d"};

bool IsName(absl::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), allowed);
}

// "https://host:port/path" → host; empty if it is not such a URL.
std::string HostOfUrl(absl::string_view url) {
  if (!absl::ConsumePrefix(&url, "https://") && !absl::ConsumePrefix(&url, "http://")) return "";
  const absl::string_view authority = url.substr(0, url.find_first_of("/?#"));
  if (absl::StartsWith(authority, "[")) {
    const size_t end = authority.find(']');
    return end == absl::string_view::npos ? "" : std::string(authority.substr(1, end - 1));
  }
  return std::string(authority.substr(0, authority.find(':')));
}

class Checker {
 public:
  Checker(const ConfigSource& source, ConfigProblems* problems)
      : source_(source), problems_(*problems) {}

  void Connector(ConnectorConfig& config) {
    Name("connection", config.connection());
    Name("stream", config.stream());
    Source("source", *config.mutable_source());
    if (config.dedupers().empty()) Missing("dedupers", "say where to send: [{address: host:port}]");
    std::set<std::string> addresses;
    for (int i = 0; i < config.dedupers_size(); ++i) {
      const std::string path = absl::StrCat("dedupers[", i, "]");
      const std::string& address = config.dedupers(i).address();
      Deduper(path, config.dedupers(i));
      if (!address.empty() && !addresses.insert(address).second) {
        Error(path + ".address", absl::StrCat("\"", address, "\" is listed twice; keep one"));
      }
    }
    Spool("spool", *config.mutable_spool());
    if (!config.listen().grpc().empty()) {
      Error("listen.grpc", "a connector has no gRPC port; remove the key");
    }
    ListenHttp(config.listen());
    Log("log", *config.mutable_log());
  }

  void Deduper(DeduperConfig& config) {
    ListenGrpc(config);
    ListenHttp(config.listen());
    OnePortEach(config.listen());
    if (config.has_tls()) ServerTls("tls", config.tls());
    if (config.data_dir().empty()) {
      Missing("data_dir", "name the directory for the data");
    } else {
      WritableDir("data_dir", config.data_dir());
    }
    if (config.streams().empty()) Missing("streams", "list at least one: [{name: …}]");
    std::set<std::string> names;
    for (int i = 0; i < config.streams_size(); ++i) {
      const std::string path = absl::StrCat("streams[", i, "]");
      Stream(path, *config.mutable_streams(i));
      Unique(path + ".name", config.streams(i).name(), &names);
    }
    Log("log", *config.mutable_log());
  }

 private:
  void Error(const std::string& path, absl::string_view text) {
    problems_.push_back(
        {ConfigProblem::Severity::kError, source_.Where(path), absl::StrCat(path, ": ", text)});
  }

  void Warn(const std::string& path, absl::string_view text) {
    problems_.push_back(
        {ConfigProblem::Severity::kWarning, source_.Where(path), absl::StrCat(path, ": ", text)});
  }

  // What is there with a bad value was reported by the loader.
  void Missing(const std::string& path, absl::string_view remedy) {
    if (!source_.Has(path)) {
      Error(path, absl::StrCat("is missing; ", remedy));
    } else if (!reported_by_loader(path)) {
      Error(path, absl::StrCat("is empty; ", remedy));
    }
  }

  void Name(const std::string& path, const std::string& name) {
    if (name.empty()) return Missing(path, "give it a name of a-z, 0-9, _ and -");
    if (IsName(name)) return;
    Error(path, absl::StrCat("\"", name, "\" is no name; use 1 to 64 of a-z, 0-9, _ and -"));
  }

  void Unique(const std::string& path, const std::string& name, std::set<std::string>* names) {
    if (name.empty() || names->insert(name).second) return;
    Error(path, absl::StrCat("\"", name, "\" is used twice; names are unique"));
  }

  void Choice(const std::string& path, std::string* value, absl::string_view value_if_unset,
              const std::vector<std::string>& choices) {
    if (value->empty()) *value = std::string(value_if_unset);
    if (std::find(choices.begin(), choices.end(), *value) != choices.end()) return;
    Error(path, absl::StrCat("\"", *value, "\" is not one of ", absl::StrJoin(choices, ", ")));
  }

  uint64_t Ranged(const std::string& path, uint64_t value, const Range& range) {
    if (value == 0 && !source_.Has(path)) return range.value_if_unset;
    if (value >= range.min && value <= range.max) return value;
    // A value that could not be read was reported by the loader.
    if (value != 0 || !reported_by_loader(path)) {
      Error(path, absl::StrCat("is out of range; use ", range.text));
    }
    return range.value_if_unset;
  }

  bool reported_by_loader(const std::string& path) const {
    const std::string where = source_.Where(path);
    return std::any_of(problems_.begin(), problems_.end(),
                       [&](const ConfigProblem& problem) { return problem.where == where; });
  }

  void ReadableFile(const std::string& path, const std::string& file, bool secret) {
    if (file.empty()) return Missing(path, "name the file");
    struct stat info {};
    if (stat(file.c_str(), &info) != 0) {
      return Error(path, absl::StrCat(file, ": ", std::strerror(errno)));
    }
    if (!S_ISREG(info.st_mode)) return Error(path, absl::StrCat(file, " is not a file"));
    if (access(file.c_str(), R_OK) != 0) {
      return Error(path, absl::StrCat(file, " can not be read by this user"));
    }
    if (secret && (info.st_mode & 0044) != 0) {
      Warn(path, absl::StrCat(file, " can be read by other users; chmod 600 ", file));
    }
  }

  // One token and nothing else: what would be refused at every connect.
  void Token(const std::string& path, const std::string& file) {
    const size_t before = problems_.size();
    ReadableFile(path, file, true);
    for (size_t i = before; i < problems_.size(); ++i) {
      if (problems_[i].severity == ConfigProblem::Severity::kError) return;
    }
    if (file.empty()) return;
    const absl::StatusOr<std::string> token = ReadSecretFile(file);
    constexpr absl::string_view kRemedy = "; put the bearer token alone into it, on one line";
    if (!token.ok()) {
      Error(path, absl::StrCat(token.status().message(), kRemedy));
    } else if (std::any_of(token->begin(), token->end(), absl::ascii_isspace)) {
      Error(path, absl::StrCat(file, " holds white space inside the token", kRemedy));
    }
  }

  // Where data goes: a directory that can be written, or can be made.
  void WritableDir(const std::string& path, const std::string& dir) {
    std::string existing = dir;
    struct stat info {};
    while (stat(existing.c_str(), &info) != 0) {
      if (errno != ENOENT) return Error(path, absl::StrCat(existing, ": ", std::strerror(errno)));
      const size_t slash = existing.find_last_of('/');
      existing = slash == std::string::npos ? "." : slash == 0 ? "/" : existing.substr(0, slash);
    }
    if (!S_ISDIR(info.st_mode)) {
      return Error(path,
                   absl::StrCat(existing, " is not a directory; name another, or move it away"));
    }
    if (access(existing.c_str(), W_OK | X_OK) == 0) return;
    Error(path,
          absl::StrCat(existing == dir ? "" : absl::StrCat(dir, " can not be made: "), existing,
                       " can not be written by this user; chown it, or name another"));
  }

  void Source(const std::string& path, SourceConfig& source) {
    if (source.dialect().empty()) source.set_dialect("x-v2");
    if (source.dialect() != "x-v2") {
      Error(path + ".dialect", absl::StrCat("\"", source.dialect(), "\" is not known; use x-v2"));
    }
    const bool local = Url(path + ".url", source.url());
    // Only a source on this machine, the emulator, may do without.
    if (!source.bearer_token_file().empty() || !local) {
      Token(path + ".bearer_token_file", source.bearer_token_file());
    }
    if (!source.rules_url().empty()) Url(path + ".rules_url", source.rules_url());
    if (!source.ca_file().empty()) ReadableFile(path + ".ca_file", source.ca_file(), false);
    source.set_stall_after_ms(Ranged(path + ".stall_after", source.stall_after_ms(), kStallAfter));
    source.set_line_max_bytes(Ranged(path + ".line_max", source.line_max_bytes(), kLineMax));
    if (source.backfill_minutes() > 5) {
      Error(path + ".backfill_minutes", "is out of range; X takes 0 to 5");
    }
  }

  // Returns whether the source is on this machine.
  bool Url(const std::string& path, const std::string& url) {
    const std::string host = HostOfUrl(url);
    if (url.empty()) {
      Missing(path, "e.g. https://api.x.com/2/tweets/search/stream");
    } else if (host.empty()) {
      Error(path, absl::StrCat("\"", url, "\" is no URL; write https://host/path"));
    } else if (host.find('@') != std::string::npos || absl::StrContains(url, "@")) {
      Error(path, "holds a user or password; secrets go into bearer_token_file");
    } else if (absl::StartsWith(url, "http://") && !IsLoopbackHost(host)) {
      Error(path, absl::StrCat("http:// would send the token in plain text; use https://", host));
    }
    return IsLoopbackHost(host);
  }

  // Returns whether it is one; `remedy` when it is missing.
  bool Address(const std::string& path, const std::string& address, HostPort* out) {
    const absl::StatusOr<HostPort> parsed = ParseHostPort(address);
    if (parsed.ok()) {
      *out = *parsed;
    } else {
      Error(path, std::string(parsed.status().message()));
    }
    return parsed.ok();
  }

  void Deduper(const std::string& path, const config::v1::DeduperAddress& deduper) {
    HostPort address;
    if (deduper.address().empty()) {
      Missing(path + ".address", "write host:port");
    } else if (Address(path + ".address", deduper.address(), &address)) {
      if (address.port == 0) Error(path + ".address", "port 0 can not be dialled");
      if (!IsLoopbackHost(address.host) && !deduper.has_tls()) {
        Error(path + ".address", absl::StrCat("plain text to ", address.host, " is refused; give ",
                                              path, ".tls: {ca_file, certificate_file, key_file}"));
      }
    }
    if (deduper.has_tls()) Tls(path + ".tls", deduper.tls());
  }

  void Tls(const std::string& path, const TlsConfig& tls) {
    ReadableFile(path + ".ca_file", tls.ca_file(), false);
    ReadableFile(path + ".certificate_file", tls.certificate_file(), false);
    ReadableFile(path + ".key_file", tls.key_file(), true);
  }

  void ServerTls(const std::string& path, const ServerTlsConfig& tls) {
    ReadableFile(path + ".certificate_file", tls.certificate_file(), false);
    ReadableFile(path + ".key_file", tls.key_file(), true);
    ReadableFile(path + ".client_ca_file", tls.client_ca_file(), false);
  }

  void Spool(const std::string& path, SpoolConfig& spool) {
    if (spool.dir().empty()) {
      Missing(path + ".dir", "name the directory for the spool");
    } else {
      WritableDir(path + ".dir", spool.dir());
    }
    spool.set_max_size_bytes(Ranged(path + ".max_size", spool.max_size_bytes(), kSpoolSize));
    spool.set_retention_ms(Ranged(path + ".retention", spool.retention_ms(), kSpoolRetention));
    spool.set_segment_bytes(Ranged(path + ".segment", spool.segment_bytes(), kSegment));
    spool.set_sync_interval_ms(
        Ranged(path + ".sync_interval", spool.sync_interval_ms(), kSyncInterval));
    // The oldest segment is dropped whole while the newest is being written.
    if (spool.max_size_bytes() < 2 * spool.segment_bytes()) {
      Error(path + ".max_size", "is less than two segments; raise it or lower spool.segment");
    }
  }

  void ListenGrpc(const DeduperConfig& config) {
    const std::string& grpc = config.listen().grpc();
    HostPort address;
    if (grpc.empty()) return Missing("listen.grpc", "write host:port, e.g. 127.0.0.1:7400");
    if (!Address("listen.grpc", grpc, &address)) return;
    if (IsLoopbackHost(address.host) || config.has_tls()) return;
    Error("listen.grpc", absl::StrCat("plain text on ", address.host,
                                      " is refused; give tls: {certificate_file, key_file, "
                                      "client_ca_file} or listen on 127.0.0.1"));
  }

  void ListenHttp(const ListenConfig& listen) {
    HostPort address;
    if (listen.http().empty() || !Address("listen.http", listen.http(), &address)) return;
    if (IsLoopbackHost(address.host)) return;
    Warn("listen.http", "serves metrics in plain text to everyone who can reach it");
  }

  void OnePortEach(const ListenConfig& listen) {
    const absl::StatusOr<HostPort> grpc = ParseHostPort(listen.grpc());
    const absl::StatusOr<HostPort> http = ParseHostPort(listen.http());
    if (!grpc.ok() || !http.ok() || grpc->port != http->port || grpc->port == 0) return;
    Error("listen.http", absl::StrCat("has the port of listen.grpc, ", grpc->port,
                                      "; use another, e.g. ", grpc->port + 80));
  }

  void Log(const std::string& path, LogConfig& log) {
    Choice(path + ".level", log.mutable_level(), "info", {"debug", "info", "warn", "error"});
    Choice(path + ".format", log.mutable_format(), "auto", {"auto", "text", "json", "logfmt"});
  }

  void Stream(const std::string& path, StreamConfig& stream) {
    Name(path + ".name", stream.name());
    if (stream.connections().empty()) {
      Missing(path + ".connections", "list those that may send: [{id: …}]");
    }
    std::set<std::string> ids;
    for (int i = 0; i < stream.connections_size(); ++i) {
      const std::string id_path = absl::StrCat(path, ".connections[", i, "].id");
      Name(id_path, stream.connections(i).id());
      Unique(id_path, stream.connections(i).id(), &ids);
    }
    CheckWatchConfig(source_, path, stream, &problems_);
    config::v1::WindowConfig& window = *stream.mutable_window();
    window.set_span_ms(Ranged(path + ".window.span", window.span_ms(), kWindowSpan));
    window.set_memory_bytes(Ranged(path + ".window.memory", window.memory_bytes(), kWindowMemory));
    Range retention = kRetention;
    retention.value_if_unset = std::min(retention.value_if_unset, window.span_ms());
    const std::string log_path = path + ".retention.log";
    const uint64_t log = Ranged(log_path, stream.retention().log_ms(), retention);
    stream.mutable_retention()->set_log_ms(log);
    if (log > window.span_ms()) {
      Error(log_path, absl::StrCat("is longer than the window's span of ",
                                   absl::FormatDuration(
                                       absl::Milliseconds(static_cast<int64_t>(window.span_ms()))),
                                   "; lower it or raise window.span"));
    }
  }

  const ConfigSource& source_;
  ConfigProblems& problems_;
};

}  // namespace

ConfigProblems LoadConnectorConfig(const std::string& file, ConnectorConfig* out) {
  ConfigProblems problems;
  ConfigSource source(file);
  if (LoadConfig(file, out, &source, &problems)) Checker(source, &problems).Connector(*out);
  return problems;
}

ConfigProblems LoadDeduperConfig(const std::string& file, DeduperConfig* out) {
  ConfigProblems problems;
  ConfigSource source(file);
  if (LoadConfig(file, out, &source, &problems)) Checker(source, &problems).Deduper(*out);
  return problems;
}

}  // namespace braid
