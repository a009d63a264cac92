#include "ingest/connector_config.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/config_report.h"
#include "base/config_value.h"
#include "base/host_port.h"
#include "base/version.h"
#include "ingest/x_request.h"

namespace braid {
namespace {

using config::v1::ConnectionConfig;
using config::v1::ConnectorConfig;
using config::v1::SourceConfig;
using config::v1::SourceSettings;

constexpr char kDefaultDialect[] = "x-v2-filtered";
// Two connectors in two networks share an account.
constexpr int kUsualConnectors = 2;
// X then sends each data centre's own posts: shards, not copies.
constexpr char kLocalOnly[] = "localDcOnly";

// Parameters that the connector sets itself, by what the configuration calls them.
constexpr std::pair<absl::string_view, absl::string_view> kOwnParameters[] = {
    {"partition", "source.partition"},  {"backfill_minutes", "source.backfill_minutes"},
    {"backfillMinutes", "source.backfill_minutes"},
    {"start_time", "nothing here"},     {"end_time", "nothing here"},
    {"startTime", "nothing here"},      {"endTime", "nothing here"},
};

absl::Duration Milliseconds(uint64_t count) {
  return absl::Milliseconds(static_cast<int64_t>(count));
}

const Dialect* RowOf(const SourceConfig& source) {
  return FindDialect(source.dialect().empty() ? kDefaultDialect : source.dialect());
}

Dialect WithSettings(Dialect row, const SourceConfig& source) {
  const SourceSettings& settings = source.settings();
  if (settings.heartbeat_ms() > 0) {
    // As many of the new ones may be missing as of the row's own.
    absl::Duration heartbeat = Milliseconds(settings.heartbeat_ms());
    row.stall_after = heartbeat * absl::FDivDuration(row.stall_after, row.heartbeat);
    row.heartbeat = heartbeat;
  }
  if (source.stall_after_ms() > 0) row.stall_after = Milliseconds(source.stall_after_ms());
  if (settings.stall_after_ms() > 0) row.stall_after = Milliseconds(settings.stall_after_ms());
  if (settings.lateness_ms() > 0) row.lateness = Milliseconds(settings.lateness_ms());
  if (settings.slots() > 0) row.slots = static_cast<int>(settings.slots());
  if (settings.connect_budget() > 0) {
    row.connect_budget.attempts = static_cast<int>(settings.connect_budget());
  }
  if (settings.connect_window_ms() > 0) {
    row.connect_budget.window = Milliseconds(settings.connect_window_ms());
  }
  if (!settings.over_limit().empty()) {
    row.over_limit =
        settings.over_limit() == "refused" ? OverLimit::kRefused : OverLimit::kGraceNewest;
  }
  if (!settings.endpoint_id().empty()) row.endpoint_id = settings.endpoint_id();
  return row;
}

bool IsSharded(const Dialect& dialect, const SourceConfig& source) {
  auto local = source.parameters().find(kLocalOnly);
  return dialect.family == XFamily::kPowerstream && local != source.parameters().end() &&
         local->second == "true";
}

RequestOptions RequestOf(const Dialect& dialect, const SourceConfig& source,
                         const std::string& connection) {
  RequestOptions request;
  request.dialect = &dialect;
  request.url = source.url();
  request.account = source.account();
  request.label = source.label();
  request.partition = IsSharded(dialect, source) ? 0 : static_cast<int>(source.partition());
  // In one order, whatever the map's.
  std::map<std::string, std::string> parameters(source.parameters().begin(),
                                                source.parameters().end());
  request.parameters.assign(parameters.begin(), parameters.end());
  request.connection = connection;
  request.version = std::string(Version());
  request.ca_file = source.ca_file();
  return request;
}

const config::v1::AccountConfig* FindAccount(const ConnectorConfig& config,
                                             const std::string& name) {
  for (const auto& account : config.accounts()) {
    if (account.name() == name) return &account;
  }
  return nullptr;
}

ConnectBudget ShareOf(const ConnectorConfig& config, const SourceConfig& source,
                      const Dialect& dialect) {
  ConnectBudget share = dialect.connect_budget;
  const config::v1::AccountConfig* account = FindAccount(config, source.account());
  share.attempts = account != nullptr && account->connect_budget() > 0
                       ? static_cast<int>(account->connect_budget())
                       : std::max(1, share.attempts / kUsualConnectors);
  return share;
}

Connection::Options OptionsOf(const Dialect& dialect, const SourceConfig& source,
                              const std::string& connection) {
  Connection::Options options;
  options.request = RequestOf(dialect, source, connection);
  int wished = static_cast<int>(source.backfill_minutes());
  options.backfill.minutes_max = wished > 0 ? wished : dialect.backfill_minutes_max;
  if (source.backfill() == "never") options.backfill.minutes_max = 0;
  if (source.backfill() == "measured") {
    options.backfill.margin = Milliseconds(source.backfill_margin_ms());
  }
  options.stall_after = dialect.stall_after;
  options.reconnect_on_data_silence = source.data_silence() == "reconnect";
  options.reader.line_bytes_max = source.line_max_bytes();
  options.reader.room_wait = absl::Seconds(30);
  options.cover.slack_default = dialect.lateness;
  return options;
}

// The list, or the short form as one of them. "" is the path of its keys.
std::vector<std::pair<ConnectionConfig, std::string>> ListConnections(
    const ConnectorConfig& config) {
  std::vector<std::pair<ConnectionConfig, std::string>> all;
  for (int i = 0; i < config.connections_size(); ++i) {
    all.emplace_back(config.connections(i), absl::StrCat("connections[", i, "]."));
  }
  if (!all.empty()) return all;
  ConnectionConfig one;
  one.set_id(config.connection());
  one.set_stream(config.stream());
  one.set_network(config.network());
  *one.mutable_source() = config.source();
  return {{one, ""}};
}

class Checker {
 public:
  Checker(const ConnectorConfig& config, const ConfigSource& source, ConfigProblems* problems)
      : config_(config), report_(source, problems), problems_(*problems) {}

  void Run() {
    for (const auto& [connection, path] : ListConnections(config_)) {
      bool is_list_without_entries = path.empty() && report_.Has("connections");
      if (connection.retired() || is_list_without_entries) continue;
      const Dialect* row = RowOf(connection.source());
      if (row == nullptr) {
        UnknownDialect(path + "source.dialect", connection.source().dialect());
        continue;
      }
      Dialect dialect = WithSettings(*row, connection.source());
      Source(path + "source.", connection, dialect);
      Share(path + "source.", connection, dialect);
    }
    for (const auto& [key, count] : attempts_wanted_) Budget(key, count);
  }

 private:
  using AccountAndDialect = std::pair<std::string, std::string>;
  struct Wanted {
    int connections = 0;
    int share = 0;
  };

  void UnknownDialect(const std::string& path, const std::string& name) {
    std::vector<std::string> names = DialectNames();
    std::string nearest = NearestKey(name, names);
    std::string hint = nearest.empty() ? "" : absl::StrCat("did you mean \"", nearest, "\"? ");
    report_.Error(path, absl::StrCat("\"", name, "\" is not known; ", hint, "X has ",
                                     absl::StrJoin(names, ", ")));
  }

  void Source(const std::string& path, const ConnectionConfig& connection,
              const Dialect& dialect) {
    const SourceConfig& source = connection.source();
    for (const auto& [name, instead] : kOwnParameters) {
      if (source.parameters().count(std::string(name)) == 0) continue;
      report_.Error(absl::StrCat(path, "parameters.", name),
                    absl::StrCat("is set by the connector; use ", instead));
    }
    if (IsSharded(dialect, source) && source.partition() == 0) {
      report_.Error(path + "partition",
                    "is missing; with localDcOnly each data centre is a part of the "
                    "stream: number them from 1, here and at the deduper");
    }
    absl::StatusOr<std::string> url = StreamUrl(RequestOf(dialect, source, connection.id()));
    if (!url.ok()) return OptionProblem(path, url.status());
    Credentials(path, source, dialect, *url);
    int wished = static_cast<int>(source.backfill_minutes());
    if (wished > dialect.backfill_minutes_max) {
      report_.Error(path + "backfill_minutes",
                    absl::StrCat("is out of range; ", dialect.name, " takes 0 to ",
                                 dialect.backfill_minutes_max));
    }
  }

  // "option: what is wrong".
  void OptionProblem(const std::string& path, const absl::Status& status) {
    std::pair<std::string, std::string> parts =
        absl::StrSplit(std::string(status.message()), absl::MaxSplits(": ", 1));
    std::string where = path + parts.first;
    // base's checks have said the same with more words.
    bool said = std::any_of(problems_.begin(), problems_.end(), [&](const ConfigProblem& problem) {
      return absl::StartsWith(problem.text, where + ":");
    });
    if (!said) report_.Error(where, parts.second);
  }

  void Credentials(const std::string& path, const SourceConfig& source, const Dialect& dialect,
                   const std::string& url) {
    bool basic = dialect.auth == XAuth::kBasic;
    if (basic && !source.bearer_token_file().empty()) {
      return report_.Error(path + "bearer_token_file",
                           absl::StrCat(dialect.name, " takes user and password_file instead"));
    }
    if (!basic && (!source.user().empty() || !source.password_file().empty())) {
      return report_.Error(path + (source.user().empty() ? "password_file" : "user"),
                           absl::StrCat(dialect.name, " takes a bearer_token_file instead"));
    }
    if (basic && source.user().empty() != source.password_file().empty()) {
      return report_.Error(path + (source.user().empty() ? "user" : "password_file"),
                           "is missing; user and password_file belong together");
    }
    bool given = !source.bearer_token_file().empty() || !source.user().empty();
    // Only a source on this machine, the emulator, may do without.
    if (given || IsLocal(url)) return;
    report_.Error(path + (basic ? "user" : "bearer_token_file"),
                  basic ? "is missing; give user and password_file" : "is missing; name the file");
  }

  static bool IsLocal(absl::string_view url) {
    url.remove_prefix(std::min(url.size(), url.find("//") + 2));
    absl::string_view host = url.substr(0, url.find_first_of("/?#"));
    if (absl::ConsumePrefix(&host, "[")) return IsLoopbackHost(host.substr(0, host.find(']')));
    return IsLoopbackHost(host.substr(0, host.find(':')));
  }

  void Share(const std::string& path, const ConnectionConfig& connection, const Dialect& dialect) {
    const SourceConfig& source = connection.source();
    const config::v1::AccountConfig* account = FindAccount(config_, source.account());
    int index = account == nullptr ? 0 : static_cast<int>(account - &config_.accounts(0));
    std::string share_path = absl::StrCat("accounts[", index, "].");
    ConnectBudget share = ShareOf(config_, source, dialect);
    if (account != nullptr && share.attempts > dialect.connect_budget.attempts) {
      report_.Error(
          share_path + "connect_budget",
          absl::StrCat("is more than the ", dialect.connect_budget.attempts, " that X gives ",
                       dialect.name, " in all; with another contract set ", path,
                       "settings.connect_budget too"));
    }
    int slots = account != nullptr && account->slots() > 0 ? static_cast<int>(account->slots())
                                                           : dialect.slots;
    if (slots > dialect.slots) {
      report_.Error(share_path + "slots",
                    absl::StrCat("is more than the ", dialect.slots, " that X gives ", dialect.name,
                                 "; with another contract set ", path, "settings.slots too"));
    }
    int used = ++slots_used_[{source.account(), std::string(dialect.name), connection.stream(),
                              source.partition()}];
    if (used == slots + 1) {
      report_.Error(path + "partition",
                    absl::StrCat("is connected to by more than the ", slots, " connections that ",
                                 dialect.name,
                                 " allows; remove one, or set settings.slots to what your "
                                 "contract has"));
    }
    Wanted& wanted = attempts_wanted_[{source.account(), std::string(dialect.name)}];
    ++wanted.connections;
    wanted.share = share.attempts;
  }

  void Budget(const AccountAndDialect& key, const Wanted& wanted) {
    if (wanted.connections <= wanted.share) return;
    report_.Warn(
        "accounts",
        absl::StrCat(wanted.connections, " connections of ", key.second, " share ", wanted.share,
                     " attempts to connect per window: a start takes several"));
  }

  const ConnectorConfig& config_;
  ConfigReport report_;
  const ConfigProblems& problems_;
  std::map<std::tuple<std::string, std::string, std::string, uint32_t>, int> slots_used_;
  std::map<AccountAndDialect, Wanted> attempts_wanted_;
};

}  // namespace

void CheckDialects(const ConnectorConfig& config, const ConfigSource& source,
                   ConfigProblems* problems) {
  Checker(config, source, problems).Run();
}

ConfigProblems LoadConnector(const std::string& file, ConnectorConfig* out) {
  ConfigSource source(file);
  ConfigProblems problems = LoadConnectorConfig(file, out, &source);
  // Without a file there is nothing more to say.
  if (out->ByteSizeLong() > 0) CheckDialects(*out, source, &problems);
  return problems;
}

std::vector<ConnectionPlan> PlanConnections(const ConnectorConfig& config) {
  std::vector<ConnectionPlan> plans;
  for (auto& [connection, path] : ListConnections(config)) {
    ConnectionPlan plan;
    plan.id = connection.id();
    plan.stream = connection.stream();
    plan.network = connection.network();
    bool alone = config.connections().empty();
    plan.spool_dir = alone ? config.spool().dir() : absl::StrCat(config.spool().dir(), "/", plan.id);
    plan.retired = connection.retired();
    plan.source = connection.source();
    plan.partition = plan.source.partition();
    if (!plan.retired) {
      plan.dialect = std::make_shared<Dialect>(WithSettings(*RowOf(plan.source), plan.source));
      plan.options = OptionsOf(*plan.dialect, plan.source, plan.id);
      plan.share = ShareOf(config, plan.source, *plan.dialect);
    }
    plans.push_back(std::move(plan));
  }
  return plans;
}

std::string Summarize(const std::vector<ConnectionPlan>& plans) {
  const auto one = [](std::string* out, const ConnectionPlan& plan) {
    const std::string what = plan.retired ? "retired: only its spool"
                             : plan.partition == 0
                                 ? std::string(plan.dialect->name)
                                 : absl::StrCat(plan.dialect->name, ", partition ", plan.partition);
    absl::StrAppend(out, plan.id, " (", what, ", stream ", plan.stream, ")");
  };
  return absl::StrCat(plans.size(), plans.size() == 1 ? " connection: " : " connections: ",
                      absl::StrJoin(plans, ", ", one));
}

absl::StatusOr<std::string> ReadCredentials(const SourceConfig& source) {
  if (source.user().empty()) return ReadToken(source.bearer_token_file());
  absl::StatusOr<std::string> password = ReadToken(source.password_file());
  if (!password.ok()) return password.status();
  return absl::StrCat(source.user(), ":", *password);
}

}  // namespace braid
