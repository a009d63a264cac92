#include "ingest/connector_worker.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/version.h"
#include "ingest/rule_api.h"
#include "ingest/x_request.h"
#include "ingest/x_usage.h"

namespace braid {
namespace {

// PowerTrack takes 60 requests a minute, of everybody together.
constexpr absl::Duration kPowerTrackInterval = absl::Seconds(2);

// The value of the header; "" without credentials.
absl::StatusOr<std::string> ReadAuthorization(const config::v1::SourceConfig& source,
                                              XAuth auth) {
  absl::StatusOr<std::string> token = ReadCredentials(source);
  if (!token.ok() || token->empty()) return token;
  return AuthorizationOf(auth, *token);
}

absl::optional<RuleApi> ApiOf(const ConnectionPlan& plan) {
  if (plan.retired) return absl::nullopt;
  config::v1::SourceConfig source = plan.source;
  source.set_dialect(std::string(plan.dialect->name));
  // With the dialect's own URL, account and label in their places.
  absl::StatusOr<std::string> url = StreamUrl(plan.options.request);
  if (url.ok()) source.set_url(*url);
  return RuleApiOf(source);
}

}  // namespace

bool ConnectorWorker::IsWanted(const config::v1::ConnectorConfig& config,
                               const ConnectionPlan& plan) {
  bool given = !plan.source.bearer_token_file().empty() || !plan.source.user().empty();
  bool wanted = config.has_worker() ? config.worker() : given;
  return wanted && ApiOf(plan).has_value();
}

ConnectorWorker::ConnectorWorker(Loop& loop, const config::v1::ConnectorConfig& config,
                                 const ConnectionPlan& plan) {
  std::vector<WorkClient*> dedupers;
  for (const config::v1::DeduperAddress& deduper : config.dedupers()) {
    clients_.push_back(std::make_unique<GrpcWorkClient>(loop, deduper));
    dedupers.push_back(clients_.back().get());
  }
  RestWorker::Options options;
  options.worker_id = plan.id;
  options.network = plan.network;
  options.stream = absl::StrCat("streams/", plan.stream);
  options.api = *ApiOf(plan);
  options.api.user_agent = UserAgent(Version(), plan.id);
  options.limits = RuleLimitsOf(plan.source, options.api.dialect);
  if (options.api.dialect == RuleDialect::kPowerTrack) {
    options.request_interval = kPowerTrackInterval;
  }
  RuleDialect dialect = options.api.dialect;
  auto authorization = [source = plan.source, auth = plan.dialect->auth] {
    return ReadAuthorization(source, auth);
  };
  std::string usage_url = dialect == RuleDialect::kV2 ? UsageUrl(options.api.url) : "";
  if (!usage_url.empty()) {
    UsageReader::Options usage;
    usage.stream = options.stream;
    usage.url = std::move(usage_url);
    usage.user_agent = options.api.user_agent;
    usage.ca_file = options.api.ca_file;
    usage_ = std::make_unique<UsageReader>(loop, http_, dedupers, std::move(usage), authorization);
  }
  worker_ = std::make_unique<RestWorker>(loop, http_, std::move(dedupers), std::move(options),
                                         authorization);
}

void ConnectorWorker::Start() {
  worker_->Start();
  if (usage_ != nullptr) usage_->Start();
}

void ConnectorWorker::CollectMetrics(MetricSink& sink, const MetricLabels& labels) const {
  worker_->CollectMetrics(sink, labels);
  if (usage_ != nullptr) usage_->CollectMetrics(sink, labels);
}

}  // namespace braid
