// What the configuration of a connector means: for each connection its stream of
// X (a row of the dialect table with the configured settings in it), its request,
// its spool and its share of what X counts.
//
// Pure, but that loading reads files. Main thread.

#ifndef BRAID_INGEST_CONNECTOR_CONFIG_H_
#define BRAID_INGEST_CONNECTOR_CONFIG_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/config_check.h"
#include "braid/config/v1/config.pb.h"
#include "ingest/connection.h"
#include "ingest/source_plan.h"
#include "ingest/x_dialect.h"

namespace braid {

// base's checks, then the dialects': names, URLs, partitions, credentials,
// shares.
ConfigProblems LoadConnector(const std::string& file, config::v1::ConnectorConfig* out);
void CheckDialects(const config::v1::ConnectorConfig& config, const ConfigSource& source,
                   ConfigProblems* problems);

struct ConnectionPlan {
  std::string id;
  std::string stream;
  std::string network;
  std::string spool_dir;
  // Of the stream, as dedupers know it; 0: all of it.
  uint32_t partition = 0;
  // Nothing is asked of X; dialect, options and share are unset.
  bool retired = false;
  config::v1::SourceConfig source;
  // The row with its settings.
  std::shared_ptr<const Dialect> dialect;
  // `dialect` is what its request points to.
  Connection::Options options;
  // This process's share of dialect->connect_budget.
  ConnectBudget share = {1, absl::Minutes(1)};
};

// REQUIRES: checked without errors.
std::vector<ConnectionPlan> PlanConnections(const config::v1::ConnectorConfig& config);

// What would run: "1 connection: fra-a (x-v2-filtered, stream main)".
std::string Summarize(const std::vector<ConnectionPlan>& plans);

}  // namespace braid

#endif  // BRAID_INGEST_CONNECTOR_CONFIG_H_
