#include "ingest/source_plan.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/config_value.h"
#include "base/host_port.h"
#include "base/version.h"

namespace braid {
namespace {

using config::v1::SourceConfig;
using config::v1::SourceSettings;

constexpr char kDefaultDialect[] = "x-v2-filtered";
// X then sends each data centre's own posts: shards, not copies.
constexpr char kLocalOnly[] = "localDcOnly";

// Parameters that the connector sets itself, by what the configuration calls them.
constexpr std::pair<absl::string_view, absl::string_view> kOwnParameters[] = {
    {"partition", "source.partition"},
    {"backfill_minutes", "source.backfill_minutes"},
    {"backfillMinutes", "source.backfill_minutes"},
    {"start_time", "nothing here"},
    {"end_time", "nothing here"},
    {"startTime", "nothing here"},
    {"endTime", "nothing here"},
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

bool IsLocal(absl::string_view url) {
  url.remove_prefix(std::min(url.size(), url.find("//") + 2));
  absl::string_view host = url.substr(0, url.find_first_of("/?#"));
  if (absl::ConsumePrefix(&host, "[")) return IsLoopbackHost(host.substr(0, host.find(']')));
  return IsLoopbackHost(host.substr(0, host.find(':')));
}

class SourceChecker {
 public:
  // `path` ends with a dot.
  SourceChecker(const std::string& path, const SourceConfig& source, ConfigReport* report,
                const ConfigProblems& problems)
      : path_(path), source_(source), report_(*report), problems_(problems) {}

  void UnknownDialect() {
    std::vector<std::string> names = DialectNames();
    std::string nearest = NearestKey(source_.dialect(), names);
    std::string hint = nearest.empty() ? "" : absl::StrCat("did you mean \"", nearest, "\"? ");
    report_.Error(path_ + "dialect", absl::StrCat("\"", source_.dialect(), "\" is not known; ",
                                                  hint, "X has ", absl::StrJoin(names, ", ")));
  }

  void Source(const Dialect& dialect, const std::string& connection) {
    for (const auto& [name, instead] : kOwnParameters) {
      if (source_.parameters().count(std::string(name)) == 0) continue;
      report_.Error(absl::StrCat(path_, "parameters.", name),
                    absl::StrCat("is set by the connector; use ", instead));
    }
    if (IsSharded(dialect, source_) && source_.partition() == 0) {
      report_.Error(path_ + "partition",
                    "is missing; with localDcOnly each data centre is a part of the "
                    "stream: number them from 1, here and at the deduper");
    }
    absl::StatusOr<std::string> url = StreamUrl(RequestOf(dialect, source_, connection));
    if (!url.ok()) return OptionProblem(url.status());
    Credentials(dialect, *url);
  }

 private:
  // "option: what is wrong".
  void OptionProblem(const absl::Status& status) {
    std::pair<std::string, std::string> parts =
        absl::StrSplit(std::string(status.message()), absl::MaxSplits(": ", 1));
    std::string where = path_ + parts.first;
    // base's checks have said the same with more words.
    bool said = std::any_of(problems_.begin(), problems_.end(), [&](const ConfigProblem& problem) {
      return absl::StartsWith(problem.text, where + ":");
    });
    if (!said) report_.Error(where, parts.second);
  }

  void Credentials(const Dialect& dialect, const std::string& url) {
    bool basic = dialect.auth == XAuth::kBasic;
    if (basic && !source_.bearer_token_file().empty()) {
      return report_.Error(path_ + "bearer_token_file",
                           absl::StrCat(dialect.name, " takes user and password_file instead"));
    }
    if (!basic && (!source_.user().empty() || !source_.password_file().empty())) {
      return report_.Error(path_ + (source_.user().empty() ? "password_file" : "user"),
                           absl::StrCat(dialect.name, " takes a bearer_token_file instead"));
    }
    if (basic && source_.user().empty() != source_.password_file().empty()) {
      return report_.Error(path_ + (source_.user().empty() ? "user" : "password_file"),
                           "is missing; user and password_file belong together");
    }
    bool given = !source_.bearer_token_file().empty() || !source_.user().empty();
    // Only a source on this machine, the emulator, may do without.
    if (given || IsLocal(url)) return;
    report_.Error(path_ + (basic ? "user" : "bearer_token_file"),
                  basic ? "is missing; give user and password_file" : "is missing; name the file");
  }

  const std::string path_;
  const SourceConfig& source_;
  ConfigReport& report_;
  const ConfigProblems& problems_;
};

}  // namespace

absl::optional<Dialect> CheckSource(const std::string& path, const SourceConfig& source,
                                    const std::string& connection, ConfigReport* report,
                                    const ConfigProblems& problems) {
  SourceChecker checker(path, source, report, problems);
  const Dialect* row = RowOf(source);
  if (row == nullptr) {
    checker.UnknownDialect();
    return absl::nullopt;
  }
  Dialect dialect = WithSettings(*row, source);
  checker.Source(dialect, connection);
  return dialect;
}

Dialect DialectOf(const SourceConfig& source) { return WithSettings(*RowOf(source), source); }

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

absl::StatusOr<std::string> ReadCredentials(const SourceConfig& source) {
  if (source.user().empty()) return ReadToken(source.bearer_token_file());
  absl::StatusOr<std::string> password = ReadToken(source.password_file());
  if (!password.ok()) return password.status();
  return absl::StrCat(source.user(), ":", *password);
}

}  // namespace braid
