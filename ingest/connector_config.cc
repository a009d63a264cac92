#include "ingest/connector_config.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/config_report.h"

namespace braid {
namespace {

using config::v1::ConnectionConfig;
using config::v1::ConnectorConfig;
using config::v1::SourceConfig;

// Two connectors in two networks share an account.
constexpr int kUsualConnectors = 2;

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
    options.backfill.margin = absl::Milliseconds(static_cast<int64_t>(source.backfill_margin_ms()));
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
      absl::optional<Dialect> dialect =
          CheckSource(path + "source.", connection.source(), connection.id(), &report_, problems_);
      if (!dialect.has_value()) continue;
      Backfill(path + "source.", connection.source(), *dialect);
      Share(path + "source.", connection, *dialect);
    }
    for (const auto& [key, count] : attempts_wanted_) Budget(key, count);
  }

 private:
  using AccountAndDialect = std::pair<std::string, std::string>;
  struct Wanted {
    int connections = 0;
    int share = 0;
  };

  void Backfill(const std::string& path, const SourceConfig& source, const Dialect& dialect) {
    int wished = static_cast<int>(source.backfill_minutes());
    if (wished > dialect.backfill_minutes_max) {
      report_.Error(path + "backfill_minutes",
                    absl::StrCat("is out of range; ", dialect.name, " takes 0 to ",
                                 dialect.backfill_minutes_max));
    }
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
      plan.dialect = std::make_shared<Dialect>(DialectOf(plan.source));
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

}  // namespace braid
