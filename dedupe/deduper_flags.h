// The flags of braid-deduper: what differs per start. Each has a BRAID_*
// variable; the flag wins.

#ifndef BRAID_DEDUPE_DEDUPER_FLAGS_H_
#define BRAID_DEDUPE_DEDUPER_FLAGS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/types/optional.h"

namespace braid {

struct DeduperFlags {
  std::string config_file;
  bool check_config = false;
  bool init = false;
  // Empty: as configured.
  std::string log_level;
  std::string log_format;
  std::string ready_file;
  bool version = false;
};

// Sets the exit code where there is nothing more to do; prints why.
DeduperFlags ParseDeduperFlags(int argc, char** argv, absl::optional<int>* exit_code);

// {"grpc_port":N,"http_port":N}, complete as soon as it is there.
absl::Status WriteReadyFile(const std::string& path, int grpc_port, int http_port);

}  // namespace braid

#endif  // BRAID_DEDUPE_DEDUPER_FLAGS_H_
