#include "ingest/connector_worker.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/version.h"
#include "ingest/rule_api.h"
#include "ingest/x_request.h"

namespace braid {
namespace {

// PowerTrack takes 60 requests a minute, of everybody together.
constexpr absl::Duration kPowerTrackInterval = absl::Seconds(2);

// The value of the header; "" without a token.
absl::StatusOr<std::string> ReadAuthorization(const std::string& file, RuleDialect dialect) {
  absl::StatusOr<std::string> token = ReadToken(file);
  if (!token.ok() || token->empty()) return token;
  if (dialect == RuleDialect::kV2) return absl::StrCat("Bearer ", *token);
  return absl::StrCat("Basic ", absl::Base64Escape(*token));
}

}  // namespace

bool ConnectorWorker::IsWanted(const config::v1::ConnectorConfig& config) {
  bool wanted =
      config.has_worker() ? config.worker() : !config.source().bearer_token_file().empty();
  return wanted && RuleApiOf(config.source()).has_value();
}

ConnectorWorker::ConnectorWorker(Loop& loop, const config::v1::ConnectorConfig& config) {
  std::vector<WorkClient*> dedupers;
  for (const config::v1::DeduperAddress& deduper : config.dedupers()) {
    clients_.push_back(std::make_unique<GrpcWorkClient>(loop, deduper));
    dedupers.push_back(clients_.back().get());
  }
  RestWorker::Options options;
  options.worker_id = config.connection();
  options.network = config.network();
  options.stream = absl::StrCat("streams/", config.stream());
  options.api = *RuleApiOf(config.source());
  options.api.user_agent =
      absl::StrCat("braid/", std::string(Version()), " (+", config.connection(), ")");
  options.limits = RuleLimitsOf(config.source(), options.api.dialect);
  if (options.api.dialect == RuleDialect::kPowerTrack) {
    options.request_interval = kPowerTrackInterval;
  }
  RuleDialect dialect = options.api.dialect;
  worker_ = std::make_unique<RestWorker>(loop, http_, std::move(dedupers), std::move(options),
                                         [file = config.source().bearer_token_file(), dialect] {
                                           return ReadAuthorization(file, dialect);
                                         });
}

}  // namespace braid
