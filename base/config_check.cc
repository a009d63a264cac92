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
#include "base/config_ranges.h"
#include "base/config_report.h"
#include "base/config_watch.h"
#include "base/ed25519.h"
#include "base/host_port.h"
#include "base/name.h"
#include "base/secret_file.h"

namespace braid {
namespace {

using config::v1::ConnectorConfig;
using config::v1::DeduperConfig;
using config::v1::ListenConfig;
using config::v1::LogConfig;
using config::v1::RecoveredStream;
using config::v1::RecovererConfig;
using config::v1::ServerTlsConfig;
using config::v1::SourceConfig;
using config::v1::SpoolConfig;
using config::v1::StreamConfig;
using config::v1::TlsConfig;

constexpr uint32_t kBackfillMinutesMax = 5;
// X's largest has 20.
constexpr uint32_t kPartitionsMax = 100;

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
      : report_(source, problems), problems_(*problems) {}

  void Connector(ConnectorConfig& config) {
    if (config.connections().empty() && !report_.Has("connections")) {
      Name("connection", config.connection());
      Name("stream", config.stream());
      Source("source", *config.mutable_source());
    } else {
      Connections(config);
    }
    Accounts(config);
    Dedupers(config.dedupers());
    Spool("spool", *config.mutable_spool());
    if (!config.listen().grpc().empty()) {
      report_.Error("listen.grpc", "a connector has no gRPC port; remove the key");
    }
    ListenHttp(config.listen());
    Log("log", *config.mutable_log());
  }

  void Recoverer(RecovererConfig& config) {
    Name("recoverer", config.recoverer());
    if (config.streams().empty()) {
      report_.Missing("streams", "list at least one: [{stream: …, source: …}]");
    }
    std::set<std::string> streams;
    for (int i = 0; i < config.streams_size(); ++i) {
      const std::string path = absl::StrCat("streams[", i, "]");
      Recovered(path, *config.mutable_streams(i));
      Unique(path + ".stream", config.streams(i).stream(), &streams);
    }
    Dedupers(config.dedupers());
    Spool("spool", *config.mutable_spool());
    if (!config.listen().grpc().empty()) {
      report_.Error("listen.grpc", "a recoverer has no gRPC port; remove the key");
    }
    ListenHttp(config.listen());
    Log("log", *config.mutable_log());
  }

  void Deduper(DeduperConfig& config) {
    ListenGrpc(config);
    ListenHttp(config.listen());
    OnePortEach(config.listen());
    if (config.has_tls()) ServerTls("tls", config.tls());
    if (!config.certificate_key_file().empty()) SigningKeyFile(config.certificate_key_file());
    if (config.data_dir().empty()) {
      report_.Missing("data_dir", "name the directory for the data");
    } else {
      WritableDir("data_dir", config.data_dir());
    }
    if (config.streams().empty()) report_.Missing("streams", "list at least one: [{name: …}]");
    std::set<std::string> names;
    for (int i = 0; i < config.streams_size(); ++i) {
      const std::string path = absl::StrCat("streams[", i, "]");
      Stream(path, *config.mutable_streams(i));
      Unique(path + ".name", config.streams(i).name(), &names);
    }
    Log("log", *config.mutable_log());
  }

 private:
  void Name(const std::string& path, const std::string& name) {
    if (name.empty()) return report_.Missing(path, "give it a name of a-z, 0-9, _ and -");
    if (IsName(name)) return;
    report_.Error(path,
                  absl::StrCat("\"", name, "\" is no name; use 1 to 64 of a-z, 0-9, _ and -"));
  }

  void Unique(const std::string& path, const std::string& name, std::set<std::string>* names) {
    if (name.empty() || names->insert(name).second) return;
    report_.Error(path, absl::StrCat("\"", name, "\" is used twice; names are unique"));
  }

  void ReadableFile(const std::string& path, const std::string& file, bool secret) {
    if (file.empty()) return report_.Missing(path, "name the file");
    struct stat info {};
    if (stat(file.c_str(), &info) != 0) {
      return report_.Error(path, absl::StrCat(file, ": ", std::strerror(errno)));
    }
    if (!S_ISREG(info.st_mode)) return report_.Error(path, absl::StrCat(file, " is not a file"));
    if (access(file.c_str(), R_OK) != 0) {
      return report_.Error(path, absl::StrCat(file, " can not be read by this user"));
    }
    if (secret && (info.st_mode & 0044) != 0) {
      report_.Warn(path, absl::StrCat(file, " can be read by other users; chmod 600 ", file));
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
      report_.Error(path, absl::StrCat(token.status().message(), kRemedy));
    } else if (std::any_of(token->begin(), token->end(), absl::ascii_isspace)) {
      report_.Error(path, absl::StrCat(file, " holds white space inside the token", kRemedy));
    }
  }

  // What would be refused at the start.
  void SigningKeyFile(const std::string& file) {
    const size_t before = problems_.size();
    ReadableFile("certificate_key_file", file, true);
    for (size_t i = before; i < problems_.size(); ++i) {
      if (problems_[i].severity == ConfigProblem::Severity::kError) return;
    }
    const absl::StatusOr<SigningKey> key = SigningKey::Load(file);
    if (key.ok()) return;
    report_.Error("certificate_key_file",
                  absl::StrCat(key.status().message(),
                               "; make one: openssl genpkey -algorithm ed25519 -out ", file));
  }

  // Where data goes: a directory that can be written, or can be made.
  void WritableDir(const std::string& path, const std::string& dir) {
    std::string existing = dir;
    struct stat info {};
    while (stat(existing.c_str(), &info) != 0) {
      if (errno != ENOENT)
        return report_.Error(path, absl::StrCat(existing, ": ", std::strerror(errno)));
      const size_t slash = existing.find_last_of('/');
      existing = slash == std::string::npos ? "." : slash == 0 ? "/" : existing.substr(0, slash);
    }
    if (!S_ISDIR(info.st_mode)) {
      return report_.Error(
          path, absl::StrCat(existing, " is not a directory; name another, or move it away"));
    }
    if (access(existing.c_str(), W_OK | X_OK) == 0) return;
    report_.Error(
        path, absl::StrCat(existing == dir ? "" : absl::StrCat(dir, " can not be made: "), existing,
                           " can not be written by this user; chown it, or name another"));
  }

  void Connections(ConnectorConfig& config) {
    for (const char* key : {"connection", "source"}) {
      if (report_.Has(key)) report_.Error(key, "stands beside connections; move it into the list");
    }
    if (config.connections().empty()) {
      report_.Missing("connections", "list at least one: [{id: …, stream: …, source: …}]");
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
        report_.Error(path + ".name",
                      absl::StrCat("\"", account.name(), "\" is listed twice; keep one"));
      }
      report_.Ranged(path + ".connect_budget", account.connect_budget(), ranges::kAccountBudget);
      report_.Ranged(path + ".slots", account.slots(), ranges::kAccountSlots);
    }
  }

  void Recovered(const std::string& path, RecoveredStream& stream) {
    Name(path + ".stream", stream.stream());
    Source(path + ".source", *stream.mutable_source());
    stream.set_jobs(static_cast<uint32_t>(
        report_.Ranged(path + ".jobs", stream.jobs(), ranges::kRecoveryJobs)));
    std::set<std::string> methods;
    for (int i = 0; i < stream.shares_size(); ++i) {
      const std::string share = absl::StrCat(path, ".shares[", i, "]");
      report_.Choice(share + ".method", stream.mutable_shares(i)->mutable_method(), "",
                     {"recovery", "replay", "search", "lookup"});
      Unique(share + ".method", stream.shares(i).method(), &methods);
      if (stream.shares(i).requests() == 0) report_.Error(share + ".requests", "is missing or 0");
    }
    for (const auto& [key, url] : {std::pair("recovery_url", stream.recovery_url()),
                                   std::pair("replay_url", stream.replay_url()),
                                   std::pair("search_url", stream.search_url()),
                                   std::pair("lookup_url", stream.lookup_url()),
                                   std::pair("counts_url", stream.counts_url())}) {
      if (!url.empty()) Url(absl::StrCat(path, ".", key), url);
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
      report_.Error(path + ".user", "holds a colon; the password goes into password_file");
    }
    const auto& account = source.account();
    if (!std::all_of(account.begin(), account.end(), absl::ascii_isgraph)) {
      report_.Error(path + ".account", "holds white space");
    }
    if (!source.ca_file().empty()) ReadableFile(path + ".ca_file", source.ca_file(), false);
    source.set_stall_after_ms(
        report_.Ranged(path + ".stall_after", source.stall_after_ms(), ranges::kStallAfter));
    source.set_line_max_bytes(
        report_.Ranged(path + ".line_max", source.line_max_bytes(), ranges::kLineMax));
    Backfill(path, source);
    if (source.has_settings()) Settings(path + ".settings", *source.mutable_settings());
  }

  void Backfill(const std::string& path, SourceConfig& source) {
    const std::string minutes = path + ".backfill_minutes";
    const bool none = source.backfill_minutes() == 0 && report_.Has(minutes);
    report_.Choice(path + ".data_silence", source.mutable_data_silence(), "report",
                   {"report", "reconnect"});
    if (none && source.backfill().empty()) source.set_backfill("never");
    report_.Choice(path + ".backfill", source.mutable_backfill(), "always",
                   {"always", "measured", "never"});
    if (source.backfill_minutes() > kBackfillMinutesMax) {
      report_.Error(minutes, "is out of range; X takes 0 to 5");
    } else if (source.backfill() != "never" && none) {
      if (!report_.IsReported(minutes)) report_.Error(minutes, "is 0; write backfill: never");
    } else if (source.backfill() == "never" && source.backfill_minutes() > 0) {
      report_.Error(minutes, "stands beside backfill: never; remove one of the two");
    }
    source.set_backfill_margin_ms(report_.Ranged(
        path + ".backfill_margin", source.backfill_margin_ms(), ranges::kBackfillMargin));
  }

  void Settings(const std::string& path, config::v1::SourceSettings& settings) {
    report_.Ranged(path + ".heartbeat", settings.heartbeat_ms(), ranges::kHeartbeat);
    report_.Ranged(path + ".stall_after", settings.stall_after_ms(), ranges::kSettingStallAfter);
    report_.Ranged(path + ".lateness", settings.lateness_ms(), ranges::kLateness);
    report_.Ranged(path + ".slots", settings.slots(), ranges::kSlots);
    report_.Ranged(path + ".connect_budget", settings.connect_budget(), ranges::kConnectBudget);
    report_.Ranged(path + ".connect_window", settings.connect_window_ms(), ranges::kConnectWindow);
    if (settings.over_limit().empty()) return;
    report_.Choice(path + ".over_limit", settings.mutable_over_limit(), "",
                   {"refused", "grace_newest"});
  }

  void Url(const std::string& path, const std::string& url) {
    const std::string host = HostOfUrl(url);
    if (host.empty()) {
      report_.Error(path, absl::StrCat("\"", url, "\" is no URL; write https://host/path"));
    } else if (host.find('@') != std::string::npos || absl::StrContains(url, "@")) {
      report_.Error(path, "holds a user or password; secrets go into bearer_token_file");
    } else if (absl::StartsWith(url, "http://") && !IsLoopbackHost(host)) {
      report_.Error(path,
                    absl::StrCat("http:// would send the token in plain text; use https://", host));
    }
  }

  // Returns whether it is one; `remedy` when it is missing.
  bool Address(const std::string& path, const std::string& address, HostPort* out) {
    const absl::StatusOr<HostPort> parsed = ParseHostPort(address);
    if (parsed.ok()) {
      *out = *parsed;
    } else {
      report_.Error(path, std::string(parsed.status().message()));
    }
    return parsed.ok();
  }

  void Dedupers(const google::protobuf::RepeatedPtrField<config::v1::DeduperAddress>& dedupers) {
    if (dedupers.empty()) report_.Missing("dedupers", "say where to send: [{address: host:port}]");
    std::set<std::string> addresses;
    for (int i = 0; i < dedupers.size(); ++i) {
      const std::string path = absl::StrCat("dedupers[", i, "]");
      const std::string& address = dedupers[i].address();
      Deduper(path, dedupers[i]);
      if (!address.empty() && !addresses.insert(address).second) {
        report_.Error(path + ".address",
                      absl::StrCat("\"", address, "\" is listed twice; keep one"));
      }
    }
  }

  void Deduper(const std::string& path, const config::v1::DeduperAddress& deduper) {
    HostPort address;
    if (deduper.address().empty()) {
      report_.Missing(path + ".address", "write host:port");
    } else if (Address(path + ".address", deduper.address(), &address)) {
      if (address.port == 0) report_.Error(path + ".address", "port 0 can not be dialled");
      if (!IsLoopbackHost(address.host) && !deduper.has_tls()) {
        report_.Error(path + ".address",
                      absl::StrCat("plain text to ", address.host, " is refused; give ", path,
                                   ".tls: {ca_file, certificate_file, key_file}"));
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
      report_.Missing(path + ".dir", "name the directory for the spool");
    } else {
      WritableDir(path + ".dir", spool.dir());
    }
    spool.set_max_size_bytes(
        report_.Ranged(path + ".max_size", spool.max_size_bytes(), ranges::kSpoolSize));
    spool.set_retention_ms(
        report_.Ranged(path + ".retention", spool.retention_ms(), ranges::kSpoolRetention));
    spool.set_segment_bytes(
        report_.Ranged(path + ".segment", spool.segment_bytes(), ranges::kSegment));
    spool.set_sync_interval_ms(
        report_.Ranged(path + ".sync_interval", spool.sync_interval_ms(), ranges::kSyncInterval));
    // The oldest segment is dropped whole while the newest is being written.
    if (spool.max_size_bytes() < 2 * spool.segment_bytes()) {
      report_.Error(path + ".max_size",
                    "is less than two segments; raise it or lower spool.segment");
    }
  }

  void ListenGrpc(const DeduperConfig& config) {
    const std::string& grpc = config.listen().grpc();
    HostPort address;
    if (grpc.empty()) return report_.Missing("listen.grpc", "write host:port, e.g. 127.0.0.1:7400");
    if (!Address("listen.grpc", grpc, &address)) return;
    if (IsLoopbackHost(address.host) || config.has_tls()) return;
    report_.Error("listen.grpc", absl::StrCat("plain text on ", address.host,
                                              " is refused; give tls: {certificate_file, key_file, "
                                              "client_ca_file} or listen on 127.0.0.1"));
  }

  void ListenHttp(const ListenConfig& listen) {
    HostPort address;
    if (listen.http().empty() || !Address("listen.http", listen.http(), &address)) return;
    if (IsLoopbackHost(address.host)) return;
    report_.Warn("listen.http", "serves metrics in plain text to everyone who can reach it");
  }

  void OnePortEach(const ListenConfig& listen) {
    const absl::StatusOr<HostPort> grpc = ParseHostPort(listen.grpc());
    const absl::StatusOr<HostPort> http = ParseHostPort(listen.http());
    if (!grpc.ok() || !http.ok() || grpc->port != http->port || grpc->port == 0) return;
    report_.Error("listen.http", absl::StrCat("has the port of listen.grpc, ", grpc->port,
                                              "; use another, e.g. ", grpc->port + 80));
  }

  void Log(const std::string& path, LogConfig& log) {
    report_.Choice(path + ".level", log.mutable_level(), "info",
                   {"debug", "info", "warn", "error"});
    report_.Choice(path + ".format", log.mutable_format(), "auto",
                   {"auto", "text", "json", "logfmt"});
  }

  void Stream(const std::string& path, StreamConfig& stream) {
    Name(path + ".name", stream.name());
    if (stream.connections().empty()) {
      report_.Missing(path + ".connections", "list those that may send: [{id: …}]");
    }
    std::set<std::string> ids;
    for (int i = 0; i < stream.connections_size(); ++i) {
      const std::string id_path = absl::StrCat(path, ".connections[", i, "].id");
      Name(id_path, stream.connections(i).id());
      Unique(id_path, stream.connections(i).id(), &ids);
    }
    Partitions(path, stream);
    CheckWatchConfig(path, stream, &report_);
    config::v1::WindowConfig& window = *stream.mutable_window();
    window.set_span_ms(
        report_.Ranged(path + ".window.span", window.span_ms(), ranges::kWindowSpan));
    window.set_memory_bytes(
        report_.Ranged(path + ".window.memory", window.memory_bytes(), ranges::kWindowMemory));
    ConfigRange retention = ranges::kRetention;
    retention.value_if_unset = std::min(retention.value_if_unset, window.span_ms());
    const std::string log_path = path + ".retention.log";
    const uint64_t log = report_.Ranged(log_path, stream.retention().log_ms(), retention);
    stream.mutable_retention()->set_log_ms(log);
    if (log > window.span_ms()) {
      report_.Error(log_path, absl::StrCat("is longer than the window's span of ",
                                           absl::FormatDuration(absl::Milliseconds(
                                               static_cast<int64_t>(window.span_ms()))),
                                           "; lower it or raise window.span"));
    }
  }

  void Partitions(const std::string& path, const StreamConfig& stream) {
    const uint32_t partitions = stream.partitions();
    if (partitions > kPartitionsMax) {
      return report_.Error(path + ".partitions", "is out of range; X has streams of up to 20");
    }
    std::set<uint32_t> carried;
    for (int i = 0; i < stream.connections_size(); ++i) {
      const uint32_t partition = stream.connections(i).partition();
      const std::string partition_path = absl::StrCat(path, ".connections[", i, "].partition");
      carried.insert(partition);
      if (partitions == 0 && partition != 0) {
        report_.Error(partition_path,
                      absl::StrCat("the stream has none; give ", path, ".partitions"));
      } else if (partitions > 0 && (partition < 1 || partition > partitions)) {
        report_.Error(partition_path,
                      absl::StrCat("is missing or out of range; use 1 to ", partitions));
      }
    }
    for (uint32_t i = 1; i <= partitions; ++i) {
      if (carried.count(i) > 0) continue;
      report_.Warn(path + ".partitions",
                   absl::StrCat("no connection carries partition ", i, ": its events are missing"));
    }
  }

  ConfigReport report_;
  const ConfigProblems& problems_;
};

}  // namespace

ConfigProblems LoadConnectorConfig(const std::string& file, ConnectorConfig* out,
                                   ConfigSource* source) {
  ConfigProblems problems;
  if (LoadConfig(file, out, source, &problems)) Checker(*source, &problems).Connector(*out);
  return problems;
}

ConfigProblems LoadRecovererConfig(const std::string& file, RecovererConfig* out,
                                   ConfigSource* source) {
  ConfigProblems problems;
  if (LoadConfig(file, out, source, &problems)) Checker(*source, &problems).Recoverer(*out);
  return problems;
}

ConfigProblems LoadDeduperConfig(const std::string& file, DeduperConfig* out,
                                 ConfigSource* source) {
  ConfigProblems problems;
  if (LoadConfig(file, out, source, &problems)) Checker(*source, &problems).Deduper(*out);
  return problems;
}

std::string Summarize(const DeduperConfig& config) {
  const auto count = [](int number, absl::string_view noun) {
    return absl::StrCat(number, " ", noun, number == 1 ? "" : "s");
  };
  return absl::StrCat(
      count(config.streams_size(), "stream"), ": ",
      absl::StrJoin(config.streams(), ", ", [&](std::string* out, const StreamConfig& stream) {
        absl::StrAppend(out, stream.name(), " (", count(stream.connections_size(), "connection"),
                        ")");
      }));
}

}  // namespace braid
