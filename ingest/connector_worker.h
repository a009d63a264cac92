// The worker of a connection: it has the credentials, so it does the other
// calls to X for the dedupers. Its HTTP client and its channels are its own: the
// stream's reader and the offers know nothing of it.
//
// Threads: the loop; metrics any.
// Bounds: RestWorker's, and one thread for its HTTP client.

#ifndef BRAID_INGEST_CONNECTOR_WORKER_H_
#define BRAID_INGEST_CONNECTOR_WORKER_H_

#include <memory>
#include <string>
#include <vector>

#include "base/curl_http_client.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "braid/config/v1/config.pb.h"
#include "ingest/connector_config.h"
#include "ingest/grpc_work_client.h"
#include "ingest/rest_worker.h"
#include "ingest/usage_reader.h"

namespace braid {

class ConnectorWorker {
 public:
  // Whether this connection is to have a worker: where the connector says so, or
  // the connection has credentials and nothing is said; never for a stream
  // without rules.
  static bool IsWanted(const config::v1::ConnectorConfig& config, const ConnectionPlan& plan);

  // REQUIRES: IsWanted(config, plan); the loop outlives it.
  ConnectorWorker(Loop& loop, const config::v1::ConnectorConfig& config,
                  const ConnectionPlan& plan);

  void Start();
  void CollectMetrics(MetricSink& sink, const MetricLabels& labels) const;

 private:
  CurlHttpClient http_;
  std::vector<std::unique_ptr<GrpcWorkClient>> clients_;
  std::unique_ptr<RestWorker> worker_;
  // None where X does not say what it counts: v2 alone does.
  std::unique_ptr<UsageReader> usage_;
};

}  // namespace braid

#endif  // BRAID_INGEST_CONNECTOR_WORKER_H_
