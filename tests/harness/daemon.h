// One of Braid's own processes: its configuration file, its ready file, its
// ports, start, stop, kill and start again.
//
// Threads: as Process.

#ifndef BRAID_TESTS_HARNESS_DAEMON_H_
#define BRAID_TESTS_HARNESS_DAEMON_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/harness/http.h"
#include "tests/harness/process.h"

namespace braid::harness {

struct DaemonOptions {
  std::string name;
  // Program and arguments; the ready file is added.
  std::vector<std::string> command;
  // Holds NAME.log and NAME.ready; not on a file system that will be cut.
  std::string dir;
  std::vector<std::pair<std::string, std::string>> environment;
  int network_namespace_fd = -1;
  // Debug builds on two busy cores; 0.2 s is usual.
  absl::Duration start_timeout = absl::Seconds(60);
  // Where it serves HTTP.
  std::string http_host = "127.0.0.1";
};

class Daemon final {
 public:
  explicit Daemon(DaemonOptions options);

  // Starts it and waits until it serves. REQUIRES: it does not run.
  [[nodiscard]] absl::Status Start();

  // SIGTERM; failure unless it ends by itself with exit code 0 in time.
  [[nodiscard]] absl::Status Stop(absl::Duration timeout);

  // SIGKILL to the whole group; gone when this returns.
  void Kill();

  // SIGKILL and start again.
  [[nodiscard]] absl::Status Restart();

  const std::string& name() const { return options_.name; }
  // REQUIRES: started once.
  Process& process() { return *process_; }
  bool IsRunning() { return process_ != nullptr && process_->IsRunning(); }
  // A port by its name in the ready file ("grpc_port"); 0 if it has none.
  int port(const std::string& name) const;
  // From exec to the ready file, of the last start.
  absl::Duration start_duration() const { return start_duration_; }

  // Used from the next start on.
  void SetEnvironment(std::vector<std::pair<std::string, std::string>> environment);

  [[nodiscard]] absl::StatusOr<HttpAnswer> Get(const std::string& target) const;
  [[nodiscard]] absl::StatusOr<Metrics> Scrape() const;
  // One metric's sum, or `otherwise` when the daemon does not answer.
  double Metric(const std::string& metric, double otherwise) const;

 private:
  DaemonOptions options_;
  std::unique_ptr<Process> process_;
  std::map<std::string, int> ports_;
  absl::Duration start_duration_;
};

}  // namespace braid::harness

#endif  // BRAID_TESTS_HARNESS_DAEMON_H_
