#include "ingest/rule_api.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace braid {
namespace {

absl::optional<RuleDialect> RuleDialectOf(absl::string_view name) {
  if (name == "x-v2" || name == "x-v2-filtered") return RuleDialect::kV2;
  if (name == "gnip-powertrack") return RuleDialect::kPowerTrack;
  return absl::nullopt;
}

// "" where the stream's URL is of another kind.
std::string RulesUrl(RuleDialect dialect, absl::string_view stream_url) {
  std::string url(stream_url.substr(0, stream_url.find('?')));
  if (dialect == RuleDialect::kV2) {
    return absl::EndsWith(url, "/2/tweets/search/stream") ? url + "/rules" : "";
  }
  std::string rules = absl::StrReplaceAll(
      url, {{"//gnip-stream.", "//data-api."}, {"/stream/powertrack/", "/rules/powertrack/"}});
  return absl::StrContains(rules, "/rules/powertrack/") ? rules : "";
}

}  // namespace

absl::optional<RuleApi> RuleApiOf(const config::v1::SourceConfig& source) {
  absl::optional<RuleDialect> dialect = RuleDialectOf(source.dialect());
  if (!dialect.has_value()) return absl::nullopt;
  RuleApi api;
  api.dialect = *dialect;
  api.url = source.rules_url().empty() ? RulesUrl(*dialect, source.url()) : source.rules_url();
  api.ca_file = source.ca_file();
  if (api.url.empty()) return absl::nullopt;
  return api;
}

RuleApiLimits RuleLimitsOf(const config::v1::SourceConfig& source, RuleDialect dialect) {
  RuleApiLimits limits = DefaultRuleLimits(dialect);
  if (source.rules_max() > 0) limits.rules_max = source.rules_max();
  return limits;
}

}  // namespace braid
