#include "recovery/recoverer_config.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/config_report.h"
#include "ingest/source_plan.h"
#include "recovery/route_table.h"

namespace braid {
namespace {

using config::v1::RecoveredStream;
using config::v1::RecovererConfig;
using Method = v1::RecoveryJob::Method;

// Two recoverers in two networks share an account.
constexpr int kUsualRecoverers = 2;

// Of the archive, and of counts (docs/X-API 2.2).
constexpr int kArchiveRequests = 300;
constexpr ConnectBudget kCounts = {300 / kUsualRecoverers, absl::Minutes(15)};

// What X gives to everybody together. A recovery is a connect like any other; the
// other routes have windows of their own.
struct Contract {
  Method method;
  ConnectBudget budget;
};

// A fetch keeps its first request's place to its end.
bool IsPaged(Method method) {
  return method == v1::RecoveryJob::METHOD_SEARCH || method == v1::RecoveryJob::METHOD_LOOKUP;
}

// Of the ways in which X can be asked by a recoverer.
std::vector<Contract> ContractsOf(const Dialect& dialect, const RecoveredStream& stream) {
  std::vector<Contract> contracts;
  for (const RouteLimits& route : RoutesOf(dialect)) {
    ConnectBudget budget{route.requests, route.request_window};
    switch (route.method) {
      case v1::RecoveryJob::METHOD_RECOVERY:
        budget = dialect.connect_budget;
        break;
      case v1::RecoveryJob::METHOD_SEARCH:
        if (IsArchive(stream.search_url())) budget.attempts = kArchiveRequests;
        break;
      case v1::RecoveryJob::METHOD_REPLAY:
      case v1::RecoveryJob::METHOD_LOOKUP:
        break;
      default:
        continue;
    }
    contracts.push_back({route.method, budget});
  }
  return contracts;
}

// Its place among the shares.
absl::optional<int> FindShare(const RecoveredStream& stream, Method method) {
  for (int i = 0; i < stream.shares_size(); ++i) {
    if (stream.shares(i).method() == MethodWord(method)) return i;
  }
  return absl::nullopt;
}

ConnectBudget ShareOf(const RecoveredStream& stream, const Contract& contract) {
  ConnectBudget share = contract.budget;
  absl::optional<int> place = FindShare(stream, contract.method);
  share.attempts = place ? static_cast<int>(stream.shares(*place).requests())
                         : std::max(1, share.attempts / kUsualRecoverers);
  return share;
}

// A source with partitions names none: each step says its own.
config::v1::SourceConfig WithPartition(config::v1::SourceConfig source) {
  const Dialect* row = FindDialect(source.dialect());
  if (row != nullptr && row->partitions > 0 && source.partition() == 0) source.set_partition(1);
  return source;
}

void CheckShare(const std::string& path, const RecoveredStream& stream, const Dialect& dialect,
                const Contract& contract, ConfigReport* report) {
  absl::optional<int> place = FindShare(stream, contract.method);
  if (!place) return;
  uint32_t requests = stream.shares(*place).requests();
  const std::string key = absl::StrCat(path, "shares[", *place, "].requests");
  if (IsPaged(contract.method) && requests <= stream.jobs()) {
    report->Error(key, absl::StrCat("is not enough for a second page: write more than jobs, ",
                                    stream.jobs()));
  }
  int attempts = contract.budget.attempts;
  if (requests <= static_cast<uint32_t>(attempts)) return;
  report->Error(
      key, absl::StrCat("is more than the ", attempts, " that X gives ", dialect.name, " in all"));
}

void CheckStream(const std::string& path, const RecoveredStream& stream,
                 const std::string& recoverer, ConfigReport* report,
                 const ConfigProblems& problems) {
  absl::optional<Dialect> dialect =
      CheckSource(path + "source.", WithPartition(stream.source()), recoverer, report, problems);
  if (!dialect.has_value()) return;
  std::vector<Contract> contracts = ContractsOf(*dialect, stream);
  bool has_past = std::any_of(contracts.begin(), contracts.end(), [](const Contract& contract) {
    return contract.method != v1::RecoveryJob::METHOD_LOOKUP;
  });
  if (!has_past) {
    report->Error(path + "source.dialect",
                  absl::StrCat(dialect->name, " can not be asked for its past"));
  }
  for (const Contract& contract : contracts) {
    CheckShare(path, stream, *dialect, contract, report);
  }
}

}  // namespace

ConfigProblems LoadRecoverer(const std::string& file, RecovererConfig* out) {
  ConfigSource source(file);
  ConfigProblems problems = LoadRecovererConfig(file, out, &source);
  ConfigReport report(source, &problems);
  for (int i = 0; i < out->streams_size(); ++i) {
    CheckStream(absl::StrCat("streams[", i, "]."), out->streams(i), out->recoverer(), &report,
                problems);
  }
  return problems;
}

std::vector<StreamPlan> PlanStreams(const RecovererConfig& config) {
  std::vector<StreamPlan> plans;
  for (const RecoveredStream& stream : config.streams()) {
    StreamPlan plan;
    plan.stream = stream.stream();
    plan.spool_dir = absl::StrCat(config.spool().dir(), "/", stream.stream());
    plan.source = stream.source();
    plan.dialect = std::make_shared<Dialect>(DialectOf(plan.source));
    plan.past.live = RequestOf(*plan.dialect, WithPartition(plan.source), config.recoverer());
    plan.past.recovery_url = stream.recovery_url();
    plan.past.replay_url = stream.replay_url();
    plan.reader.line_bytes_max = plan.source.line_max_bytes();
    plan.reader.room_wait = absl::Seconds(30);
    plan.jobs = static_cast<int>(stream.jobs());
    plan.search = SearchSourceOf(stream, plan.past.live);
    if (plan.dialect->family == XFamily::kV2) plan.counts = kCounts;
    for (const Contract& contract : ContractsOf(*plan.dialect, stream)) {
      plan.windows.emplace(contract.method, ShareOf(stream, contract));
    }
    plans.push_back(std::move(plan));
  }
  return plans;
}

std::string Summarize(const std::vector<StreamPlan>& plans) {
  const auto one = [](std::string* out, const StreamPlan& plan) {
    const auto method = [](std::string* word, const auto& window) {
      absl::StrAppend(word, MethodWord(window.first));
    };
    absl::StrAppend(out, plan.stream, " (", plan.dialect->name, ": ",
                    absl::StrJoin(plan.windows, ", ", method), "; ", plan.jobs, " at a time)");
  };
  return absl::StrCat(plans.size(), plans.size() == 1 ? " stream: " : " streams: ",
                      absl::StrJoin(plans, ", ", one));
}

}  // namespace braid
