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
#include "base/name.h"
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

// Of the settings, unset is left to the dialect.
constexpr Range kStallAfter = {0, 100, 10 * kMinute, "100ms to 10min"};
constexpr Range kHeartbeat = {0, 100, 10 * kMinute, "100ms to 10min"};
constexpr Range kLateness = {0, 1000, kHour, "1s to 1h"};
constexpr Range kConnectWindow = {0, 1000, kDay, "1s to 1d"};
constexpr Range kAttempts = {0, 1, 100'000, "1 to 100000"};
constexpr Range kSlots = {0, 1, 1000, "1 to 1000"};
// The first answers after an outage come late: 30 s on top of what is measured.
constexpr Range kBackfillMargin = {30'000, 0, 5 * kMinute, "0s to 5min"};
constexpr uint32_t kBackfillMinutesMax = 5;
// X's largest has 20.
constexpr uint32_t kPartitionsMax = 100;
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
    if (config.connections().empty() && !source_.Has("connections")) {
      Name("connection", config.connection());
      Name("stream", config.stream());
      Source("source", *config.mutable_source());
    } else {
      Connections(config);
    }
    Accounts(config);
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

  void Connections(ConnectorConfig& config) {
    for (const char* key : {"connection", "source"}) {
      if (source_.Has(key)) Error(key, "stands beside connections; move it into the list");
    }
    if (config.connections().empty()) {
      Missing("connections", "list at least one: [{id: …, stream: …, source: …}]");
    }
    std::set<std::string> ids;
    for (int i = 0; i < config.connections_size(); ++i) {
      const std::string path = absl::StrCat("connections[", i, "]");
      config::v1::ConnectionConfig& connection = *config.mutable_connections(i);
      if (connection.stream().empty()) connection.set_stream(config.stream());
      if (connection.network().empty()) connection.set_network(config.network());
      Name(path + ".id", connection.id());
      Unique(path + ".id", connection.id(), &ids);
      Name(path + ".stream", connection.stream());
      if (!connection.retired()) Source(path + ".source", *connection.mutable_source());
    }
  }

  void Accounts(const ConnectorConfig& config) {
    std::set<std::string> names;
    for (int i = 0; i < config.accounts_size(); ++i) {
      const std::string path = absl::StrCat("accounts[", i, "]");
      const config::v1::AccountConfig& account = config.accounts(i);
      if (!names.insert(account.name()).second) {
        Error(path + ".name", absl::StrCat("\"", account.name(), "\" is listed twice; keep one"));
      }
      Ranged(path + ".connect_budget", account.connect_budget(), kAttempts);
      Ranged(path + ".slots", account.slots(), kSlots);
    }
  }

  // Which credentials it needs and may do without is the dialect's.
  void Source(const std::string& path, SourceConfig& source) {
    if (source.dialect().empty()) source.set_dialect("x-v2-filtered");
    if (!source.url().empty()) Url(path + ".url", source.url());
    if (!source.bearer_token_file().empty()) {
      Token(path + ".bearer_token_file", source.bearer_token_file());
    }
    if (!source.rules_url().empty()) Url(path + ".rules_url", source.rules_url());
    if (!source.password_file().empty()) {
      ReadableFile(path + ".password_file", source.password_file(), true);
    }
    if (absl::StrContains(source.user(), ":")) {
      Error(path + ".user", "holds a colon; the password goes into password_file");
    }
    const auto& account = source.account();
    if (!std::all_of(account.begin(), account.end(), absl::ascii_isgraph)) {
      Error(path + ".account", "holds white space");
    }
    if (!source.ca_file().empty()) ReadableFile(path + ".ca_file", source.ca_file(), false);
    source.set_stall_after_ms(Ranged(path + ".stall_after", source.stall_after_ms(), kStallAfter));
    source.set_line_max_bytes(Ranged(path + ".line_max", source.line_max_bytes(), kLineMax));
    Backfill(path, source);
    if (source.has_settings()) Settings(path + ".settings", *source.mutable_settings());
  }

  void Backfill(const std::string& path, SourceConfig& source) {
    const std::string minutes = path + ".backfill_minutes";
    const bool none = source.backfill_minutes() == 0 && source_.Has(minutes);
    Choice(path + ".data_silence", source.mutable_data_silence(), "report", {"report", "reconnect"});
    if (none && source.backfill().empty()) source.set_backfill("never");
    Choice(path + ".backfill", source.mutable_backfill(), "always",
           {"always", "measured", "never"});
    if (source.backfill_minutes() > kBackfillMinutesMax) {
      Error(minutes, "is out of range; X takes 0 to 5");
    } else if (source.backfill() != "never" && none) {
      if (!reported_by_loader(minutes)) Error(minutes, "is 0; write backfill: never");
    } else if (source.backfill() == "never" && source.backfill_minutes() > 0) {
      Error(minutes, "stands beside backfill: never; remove one of the two");
    }
    source.set_backfill_margin_ms(
        Ranged(path + ".backfill_margin", source.backfill_margin_ms(), kBackfillMargin));
  }

  void Settings(const std::string& path, config::v1::SourceSettings& settings) {
    Ranged(path + ".heartbeat", settings.heartbeat_ms(), kHeartbeat);
    Ranged(path + ".stall_after", settings.stall_after_ms(), kStallAfter);
    Ranged(path + ".lateness", settings.lateness_ms(), kLateness);
    Ranged(path + ".slots", settings.slots(), kSlots);
    Ranged(path + ".connect_budget", settings.connect_budget(), kAttempts);
    Ranged(path + ".connect_window", settings.connect_window_ms(), kConnectWindow);
    if (settings.over_limit().empty()) return;
    Choice(path + ".over_limit", settings.mutable_over_limit(), "", {"refused", "grace_newest"});
  }

  void Url(const std::string& path, const std::string& url) {
    const std::string host = HostOfUrl(url);
    if (host.empty()) {
      Error(path, absl::StrCat("\"", url, "\" is no URL; write https://host/path"));
    } else if (host.find('@') != std::string::npos || absl::StrContains(url, "@")) {
      Error(path, "holds a user or password; secrets go into bearer_token_file");
    } else if (absl::StartsWith(url, "http://") && !IsLoopbackHost(host)) {
      Error(path, absl::StrCat("http:// would send the token in plain text; use https://", host));
    }
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
    Partitions(path, stream);
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

  void Partitions(const std::string& path, const StreamConfig& stream) {
    const uint32_t partitions = stream.partitions();
    if (partitions > kPartitionsMax) {
      return Error(path + ".partitions", "is out of range; X has streams of up to 20");
    }
    std::set<uint32_t> carried;
    for (int i = 0; i < stream.connections_size(); ++i) {
      const uint32_t partition = stream.connections(i).partition();
      const std::string partition_path = absl::StrCat(path, ".connections[", i, "].partition");
      carried.insert(partition);
      if (partitions == 0 && partition != 0) {
        Error(partition_path, absl::StrCat("the stream has none; give ", path, ".partitions"));
      } else if (partitions > 0 && (partition < 1 || partition > partitions)) {
        Error(partition_path, absl::StrCat("is missing or out of range; use 1 to ", partitions));
      }
    }
    for (uint32_t i = 1; i <= partitions; ++i) {
      if (carried.count(i) > 0) continue;
      Warn(path + ".partitions",
           absl::StrCat("no connection carries partition ", i, ": its events are missing"));
    }
  }

  const ConfigSource& source_;
  ConfigProblems& problems_;
};

}  // namespace

ConfigProblems LoadConnectorConfig(const std::string& file, ConnectorConfig* out,
                                   ConfigSource* source) {
  ConfigProblems problems;
  if (LoadConfig(file, out, source, &problems)) Checker(*source, &problems).Connector(*out);
  return problems;
}

ConfigProblems LoadDeduperConfig(const std::string& file, DeduperConfig* out) {
  ConfigProblems problems;
  ConfigSource source(file);
  if (LoadConfig(file, out, &source, &problems)) Checker(source, &problems).Deduper(*out);
  return problems;
}

}  // namespace braid
