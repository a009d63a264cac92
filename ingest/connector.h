// One connector put together from its configuration: its connections, the
// budgets they share, the HTTP port.
//
// Threads: constructed, drained and destroyed on the loop's thread; metrics and
// health are read by the HTTP server's.
// Ownership: the loop outlives it; it owns everything else.
// Bounds: those of its parts.

#ifndef BRAID_INGEST_CONNECTOR_H_
#define BRAID_INGEST_CONNECTOR_H_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/curl_http_client.h"
#include "base/daemon_http.h"
#include "base/dir_lock.h"
#include "base/drain.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "base/owner.h"
#include "base/posix_file_system.h"
#include "base/random.h"
#include "braid/config/v1/config.pb.h"
#include "ingest/attempt_ledger.h"
#include "ingest/connection_runtime.h"
#include "ingest/connector_config.h"
#include "ingest/partition_turns.h"

namespace braid {

// Whether a start would find spools it can write to, with room, and none that
// the configuration forgot. Leaves nothing behind.
absl::Status CheckSpool(Loop& loop, const config::v1::ConnectorConfig& config);

class Connector {
 public:
  // REQUIRES: `config` was checked. `on_fatal`: a write failed, the process
  // must stop.
  static absl::StatusOr<std::unique_ptr<Connector>> Start(
      Loop& loop, const config::v1::ConnectorConfig& config,
      absl::AnyInvocable<void(absl::Status)> on_fatal);
  ~Connector();

  // Runs when dedupers have asked the last of its connections to leave: Drain is
  // due. Once, before the loop runs.
  void SetDrainAsked(absl::AnyInvocable<void()> asked) { on_drain_asked_ = std::move(asked); }

  // Closes X's connections, makes what was received durable, waits at most 4 s
  // for the acknowledgements of dedupers that are there, then runs `done`. One
  // that is asked for while another is under way is the same.
  void Drain(absl::AnyInvocable<void()> done);

  // 0 when no HTTP port is configured.
  int http_port() const { return http_.port(); }

 private:
  Connector(Loop& loop, const config::v1::ConnectorConfig& config);

  absl::Status Open();
  absl::Status OpenDir();
  absl::Status MakeConnections();
  std::unique_ptr<AttemptGate> MakeGate(const ConnectionPlan& plan);
  bool OtherReceives(const std::string& id) const;
  // Of one connection; of the last one it is the process's.
  void OnDrainAsked(ConnectionRuntime& asked);
  absl::Status Serve();
  void Tick();

  Loop& loop_;
  const config::v1::ConnectorConfig config_;
  absl::AnyInvocable<void(absl::Status)> on_fatal_;
  SeededRandom random_{OsSeed()};
  MetricsRegistry registry_;
  PosixFileSystem files_;
  std::unique_ptr<DirLock> lock_;
  std::unique_ptr<AttemptLedger> ledger_;
  // By stream and partition.
  std::map<std::pair<std::string, uint32_t>, PartitionTurns> turns_;
  CurlHttpClient http_client_;
  std::vector<std::unique_ptr<ConnectionRuntime>> connections_;

  absl::AnyInvocable<void()> on_drain_asked_;
  DrainWait drain_{loop_};
  DaemonHttp http_{registry_};
  Owner owner_;
};

}  // namespace braid

#endif  // BRAID_INGEST_CONNECTOR_H_
