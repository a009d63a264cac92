// The flags of braid-connector: what differs per start. Each has a BRAID_*
// variable; the flag wins. Main thread only.

#ifndef BRAID_INGEST_CONNECTOR_FLAGS_H_
#define BRAID_INGEST_CONNECTOR_FLAGS_H_

#include <string>

#include "absl/types/optional.h"
#include "base/log.h"
#include "braid/config/v1/config.pb.h"

namespace braid {

struct ConnectorFlags {
  std::string config_file;
  bool check_config = false;
  // Empty: as configured.
  std::string log_level;
  std::string log_format;
  std::string ready_file;
  bool version = false;
};

// Sets the exit code where there is nothing more to do; prints why.
ConnectorFlags ParseConnectorFlags(int argc, char** argv, absl::optional<int>* exit_code);

LogOptions ConnectorLogOptions(const ConnectorFlags& flags, const config::v1::LogConfig& config);

}  // namespace braid

#endif  // BRAID_INGEST_CONNECTOR_FLAGS_H_
