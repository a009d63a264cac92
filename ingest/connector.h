// One connector put together from its configuration: X's connection, the spool
// it writes to, one offer client per deduper, the HTTP port.
//
// Threads: constructed, drained and destroyed on the loop's thread; metrics and
// health are read by the HTTP server's.
// Ownership: the loop outlives it; it owns everything else.
// Bounds: those of its parts.

#ifndef BRAID_INGEST_CONNECTOR_H_
#define BRAID_INGEST_CONNECTOR_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/curl_http_client.h"
#include "base/dir_lock.h"
#include "base/http_server.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "base/owner.h"
#include "base/posix_file_system.h"
#include "base/random.h"
#include "braid/config/v1/config.pb.h"
#include "ingest/connection.h"
#include "ingest/connector_worker.h"
#include "ingest/grpc_offer_dialer.h"
#include "ingest/offer_client.h"
#include "ingest/slot_keeper.h"
#include "ingest/spool.h"

namespace braid {

// Whether a start would find a spool it can write to, with room. Leaves nothing
// behind.
absl::Status CheckSpool(Loop& loop, const config::v1::ConnectorConfig& config);

class Connector {
 public:
  // REQUIRES: `config` was checked. `on_fatal`: a write failed, the process
  // must stop.
  static absl::StatusOr<std::unique_ptr<Connector>> Start(
      Loop& loop, const config::v1::ConnectorConfig& config,
      absl::AnyInvocable<void(absl::Status)> on_fatal);
  ~Connector();

  // Runs when a deduper asks this process to leave: Drain is due. Once, before
  // the loop runs.
  void SetDrainAsked(absl::AnyInvocable<void()> asked) { on_drain_asked_ = std::move(asked); }

  // Closes X's connection, makes what was received durable, waits at most 4 s
  // for the acknowledgements of dedupers that are there, then runs `done`. One
  // that is asked for while another is under way is the same.
  void Drain(absl::AnyInvocable<void()> done);

  // 0 when no HTTP port is configured.
  int http_port() const { return http_port_; }

 private:
  Connector(Loop& loop, const config::v1::ConnectorConfig& config);

  absl::Status Open(absl::AnyInvocable<void(absl::Status)> on_fatal);
  void MakeClients();
  void MakeConnection();
  void MakeSlotKeeper();
  // `deduper`: its place in the configuration.
  void OnDirective(int deduper, const v1::OfferResponse::Directive& directive);
  absl::Status StartHttp();
  void Tick();
  void OnConnectionDrained();
  void FinishDrain();

  Loop& loop_;
  const config::v1::ConnectorConfig config_;
  SeededRandom random_{OsSeed()};
  MetricsRegistry registry_;
  PosixFileSystem files_;
  std::unique_ptr<DirLock> lock_;
  std::unique_ptr<Spool> spool_;
  std::vector<std::unique_ptr<GrpcOfferDialer>> dialers_;
  std::vector<std::unique_ptr<OfferClient>> clients_;
  CurlHttpClient http_client_;
  std::unique_ptr<Connection> connection_;
  // Null where it is not wanted.
  std::unique_ptr<ConnectorWorker> worker_;
  std::unique_ptr<SlotKeeper> slot_keeper_;
  v1::ConnectionReport::State told_state_ = v1::ConnectionReport::STATE_UNSPECIFIED;

  // Dedupers that pause the stream: it goes on when none does.
  std::set<int> pausing_;

  // Seconds of the loop's clock at its last tick; read by the HTTP server.
  std::atomic<int64_t> last_tick_seconds_{0};
  std::atomic<bool> draining_{false};
  int http_port_ = 0;

  absl::AnyInvocable<void()> on_drain_asked_;
  absl::AnyInvocable<void()> on_drained_;
  // The flush and each connected client.
  int drains_left_ = 0;
  HttpServer http_server_;
  Owner owner_;
};

}  // namespace braid

#endif  // BRAID_INGEST_CONNECTOR_H_
