// braid-connector.

#include <utility>

#include "base/daemon_main.h"
#include "ingest/connector.h"
#include "ingest/connector_config.h"

namespace braid {
namespace {

using config::v1::ConnectorConfig;

// The file itself is right; what it names may not be.
absl::StatusOr<std::string> Check(Loop& loop, const ConnectorConfig& config) {
  absl::Status status = CheckSpool(loop, config);
  if (!status.ok()) return status;
  return Summarize(PlanConnections(config));
}

void Started(Connector& connector, std::function<void(const std::string& why)> drain) {
  connector.SetDrainAsked(
      [drain = std::move(drain)] { drain("dedupers asked every connection to leave"); });
}

}  // namespace
}  // namespace braid

int main(int argc, char** argv) {
  braid::DaemonProgram<braid::config::v1::ConnectorConfig, braid::Connector> program;
  program.description = {"braid-connector",
                         "Streams connections to X and offers everything to the dedupers.", ""};
  program.component = "connector";
  program.doing = "streaming and offering";
  program.load = braid::LoadConnector;
  program.check = braid::Check;
  program.start = braid::Connector::Start;
  program.started = braid::Started;
  return braid::RunDaemon(program, argc, argv);
}
