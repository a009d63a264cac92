// A whole Braid of real processes: x-emulator, connectors, deduper, with their
// configuration files below one directory. Started in order, cut, killed and
// restarted by tests, the benchmark and the demo, and in the end compared with
// the emulator's truth.
//
// Threads: one, which must outlive the cluster (children die with it).

#ifndef BRAID_TESTS_HARNESS_CLUSTER_H_
#define BRAID_TESTS_HARNESS_CLUSTER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/harness/daemon.h"
#include "tests/harness/emulator.h"
#include "tests/harness/expectation.h"
#include "tests/harness/log_client.h"
#include "tests/harness/network.h"
#include "tests/harness/verify.h"

namespace braid::harness {

struct ClusterOptions {
  // Configurations, logs, truth; data too unless said otherwise.
  std::string dir;
  int connector_count = 2;
  EmulatorOptions emulator;
  // Parents of the spools (one entry, or one per connector) and of the log.
  std::vector<std::string> spool_dirs;
  std::string data_dir;
  // Directory of deploy/make-certs, with deduper.*, operator.* and one per
  // connection; empty: plain text on loopback.
  std::string certificate_dir;
  // Each connector behind a cable of its own; may be null.
  const Network* network = nullptr;
  // Tests kill and cut more often than X would bear, and each time 5 minutes of
  // a busy stream would come again.
  std::string backfill = "never";
  // Added to the source block of each connector, to each connector and to the
  // deduper, as they are.
  std::string source_yaml;
  std::string connector_yaml;
  std::string deduper_yaml;
  // Added to the stream's block of the deduper, indented by four.
  std::string stream_yaml;
  // A braid-recoverer too, and a stream whose gaps it fills within a minute: X's
  // data need not be old, and seconds lie between two answers that prove one
  // another.
  bool has_recoverer = false;
};

class Cluster final {
 public:
  // Writes the configuration files; starts nothing.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<Cluster>> Make(ClusterOptions options);

  // Emulator, deduper (with a fresh data directory), connectors.
  [[nodiscard]] absl::Status Start();

  Emulator& emulator() { return *emulator_; }
  Daemon& deduper() { return *deduper_; }
  // REQUIRES: has_recoverer.
  Daemon& recoverer() { return *recoverer_; }
  Daemon& connector(int index) { return *connectors_[static_cast<size_t>(index)]; }
  int connector_count() const { return static_cast<int>(connectors_.size()); }
  // Name in the configuration, and tag in the truth.
  static std::string ConnectionName(int index);

  const LogAddress& log_address() const { return log_address_; }
  std::string deduper_config() const;
  std::string recoverer_config() const;
  std::string connector_config(int index) const;
  std::string spool_dir(int index) const;
  std::string data_dir() const;

  // As Emulator::Outage, of every connection.
  [[nodiscard]] absl::Status Outage(absl::Duration length);

  // Waits until the log holds at least that many distinct events.
  [[nodiscard]] absl::Status WaitForEvents(uint64_t count, absl::Duration timeout);

  // Ends the load and waits until everything that connectors hold is in the
  // log: X has nothing left to send, no spool holds anything unacknowledged.
  [[nodiscard]] absl::Status Drain(absl::Duration timeout);

  // Stops X, waits until what it sent has reached the log, and compares. Also
  // required: everything that is in a spool.
  [[nodiscard]] absl::StatusOr<Verdict> Compare(const IsTrusted& is_trusted);
  // As Compare, of every post that X created.
  [[nodiscard]] absl::StatusOr<Verdict> CompareCreated();
  // The log as it is now.
  [[nodiscard]] absl::StatusOr<Verdict> CompareNow(Expectation expectation);

  // `braid-deduper --init`.
  [[nodiscard]] absl::Status InitDeduper();

 private:
  explicit Cluster(ClusterOptions options);
  std::string ConnectorYaml(int index) const;
  std::string ConnectorTls(int index) const;
  std::string DeduperYaml() const;
  std::string RecovererYaml() const;
  absl::StatusOr<Verdict> CompareWhenThere(const Expectation& expectation);
  std::string NearHost() const;

  const ClusterOptions options_;
  LogAddress log_address_;
  std::unique_ptr<Emulator> emulator_;
  std::unique_ptr<Daemon> deduper_;
  std::unique_ptr<Daemon> recoverer_;
  std::vector<std::unique_ptr<Daemon>> connectors_;
};

}  // namespace braid::harness

#endif  // BRAID_TESTS_HARNESS_CLUSTER_H_
