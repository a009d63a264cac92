// What the daemons have in common at a start: flags, the log's options, the
// file that says they are ready. Flags hold only what differs per start; each
// has a BRAID_* variable, the flag wins.
//
// Main thread only.

#ifndef BRAID_BASE_DAEMON_FLAGS_H_
#define BRAID_BASE_DAEMON_FLAGS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "base/config_loader.h"
#include "base/log.h"
#include "braid/config/v1/config.pb.h"

namespace braid {

struct DaemonFlags {
  std::string config_file;
  bool check_config = false;
  // Only where there is something to make.
  bool init = false;
  // Empty: as configured.
  std::string log_level;
  std::string log_format;
  std::string ready_file;
  bool version = false;
};

struct DaemonDescription {
  std::string name;
  std::string summary;
  // What --init makes; empty: there is no --init.
  std::string init;
};

// Sets the exit code where there is nothing more to do; prints why.
DaemonFlags ParseDaemonFlags(const DaemonDescription& description, int argc, char** argv,
                             absl::optional<int>* exit_code);

LogOptions DaemonLogOptions(const DaemonFlags& flags, const config::v1::LogConfig& config,
                            const std::string& component);

// The warnings of a configuration that is otherwise right; after InitLog, so that
// they come in the log's own form.
void LogWarnings(const ConfigProblems& problems);

// What a SIGHUP found: logs its warnings, whether the file is right and whether it differs from
// what runs. Nothing of it is applied while the process runs, so that a reload
// is all or nothing: tokens and certificates are read again by themselves, the
// rest takes a restart.
void LogReload(const ConfigProblems& problems, const google::protobuf::Message& running,
               const google::protobuf::Message& fresh);

// {"grpc_port":N,"http_port":N}, complete as soon as it is there. 0: no such
// port.
absl::Status WriteReadyFile(const std::string& path, int grpc_port, int http_port);

// Before any thread starts. glibc gives each thread an arena of its own, and
// what one thread frees another can not use: with gRPC's threads that alone
// can double the memory of a busy process.
void LimitMallocArenas();

}  // namespace braid

#endif  // BRAID_BASE_DAEMON_FLAGS_H_
